//! Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::{Failure, INTERRUPTED};

/// Becomes true when the user asks for an end (Ctrl-C, or a signal to terminate). Who asks twice does not want to wait:
/// then the program ends at once.
pub fn flag() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    let handle = move || {
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED.into());
        }
        eprintln!("\ncnn: ending after this step; once more ends at once, without a checkpoint");
    };
    ctrlc::set_handler(handle).map_err(|error| Failure::Failed(format!("Ctrl-C cannot be waited for: {error}")))?;
    Ok(stop)
}
