"""What a model is: nodes, graph, points, initializers."""
