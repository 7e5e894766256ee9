"""What an initialization does to a deep network: predicted and measured."""
