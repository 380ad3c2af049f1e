//! Convolutional networks on any GPU: the facade over the workspace.
