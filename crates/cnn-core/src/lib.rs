//! Layers, models, graph, shape inference and planning of convolutional networks.
