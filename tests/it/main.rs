//! Tests across the workspace, in one binary.

mod passes;
mod random_graph;
mod shaders;
mod summary;
mod zoo;
