"""What is made of the columns and of the claims."""
