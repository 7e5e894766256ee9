"""Three methods that share no derivative and never import one another."""
