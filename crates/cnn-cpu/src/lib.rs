//! The float64 reference of every op with its error bounds, and the fast CPU fallback.

pub mod error;
pub mod fast;
pub mod reference;

pub use error::CpuError;
