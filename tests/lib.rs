//! Case tables and tests across the workspace.
