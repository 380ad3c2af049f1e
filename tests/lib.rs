//! Case tables and tests across the workspace.

pub mod recipe;
