"""The weights and steps of a user's own model."""
