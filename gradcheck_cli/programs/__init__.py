"""What a program's gradient is beside its model, and beside differences of the program itself."""
