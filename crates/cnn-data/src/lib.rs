//! Decoding and resizing pictures into tensors.
