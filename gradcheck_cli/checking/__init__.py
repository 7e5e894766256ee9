"""The pipeline: a Model and options to a Report."""
