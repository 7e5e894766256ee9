"""Reads what does not parse, or names what there is not. Gives the way it is written here."""
