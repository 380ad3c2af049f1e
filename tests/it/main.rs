//! Tests across the workspace, in one binary, since each binary is linked with all of it.

mod agreement;
mod augmentation;
mod contact_sheet;
mod damage;
mod data;
mod facade;
mod fast;
mod fit;
mod gpu;
mod gradients;
mod hub;
mod io;
mod keras;
mod maps;
mod mixed_precision;
mod model_plot;
mod models_on_devices;
mod passes;
mod pictures;
mod random_graph;
mod readers;
mod shaders;
mod summary;
mod training;
mod zoo;
