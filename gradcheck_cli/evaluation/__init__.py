"""Values of a model: the forward pass, its tape, and perturbed passes."""
