//! Pictures for people: contact sheets, what layers make of a picture, filters, models, how a training went.
//!
//! ```
//! use cnn_core::Tensor;
//! use cnn_plot::{ContactSheet, Mark};
//! let digits = Tensor::from_fn(vec![2, 8, 8, 1], |i| (i % 17) as f32); // grey values 0 to 16
//! let mut sheet = ContactSheet::new("Two digits").columns(10).scale(6).range(0.0, 16.0);
//! sheet.add(&digits, 0, "7  99.8%", Mark::Plain)?;
//! sheet.add(&digits, 1, "7 (is 3)  61.2%", Mark::Wrong)?;
//! let png: Vec<u8> = sheet.to_png()?;
//! # assert!(png.starts_with(b"\x89PNG"));
//! # Ok::<(), cnn_plot::PlotError>(())
//! ```
//!
//! Nothing here writes files: bytes go to the caller.

mod chart;
mod confusion;
mod contact_sheet;
mod curves;
mod error;
mod heat_map;
mod learning_rates;
mod maps;
mod model_plot;
mod text;

pub use confusion::ConfusionPlot;
pub use contact_sheet::{Colors, ContactSheet, Mark};
pub use curves::Curves;
pub use error::PlotError;
pub use heat_map::heat_maps;
pub use learning_rates::LearningRatePlot;
pub use maps::{Maps, Scale};
pub use model_plot::{ModelPlot, RankDir};

/// The largest picture, in pixels.
const MAX_PIXELS: usize = 1 << 28;
