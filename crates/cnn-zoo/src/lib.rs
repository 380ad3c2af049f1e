//! The models of keras.applications, one file per paper.
