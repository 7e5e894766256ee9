"""Truth at high precision, and what rounding may do in float64."""
