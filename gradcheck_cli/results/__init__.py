"""What an answer is: the frozen records that are rendered."""
