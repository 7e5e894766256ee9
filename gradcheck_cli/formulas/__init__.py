"""Formulas for reading: derivations, simplified and written out."""
