//! Real Keras proves the float64 reference: single layers, and the zoo's models.

mod keras_layers;
mod keras_models;
