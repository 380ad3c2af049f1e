//! Keras, safetensors and npy files to and from models and weights.
