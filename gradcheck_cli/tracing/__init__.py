"""Reads a function of a program and a point. Gives the model file of what it computes there."""
