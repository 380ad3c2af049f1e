//! The demo's held-out digits as a contact sheet, with what Keras takes them for.
//!
//! ```sh
//! cargo run -p cnn-plot --example digits -- digits.png
//! ```

use std::error::Error;
use std::path::PathBuf;

use cnn_core::Tensor;
use cnn_plot::{ContactSheet, Mark};

fn array(name: &str) -> Result<Tensor, Box<dyn Error>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../cnn-cli/demo").join(name);
    Ok(cnn_io::npy::read(&std::fs::read(path)?, name)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let out = std::env::args().nth(1).ok_or("name the PNG file to write")?;
    let (images, labels, predictions) =
        (array("digits_images.npy")?, array("digits_labels.npy")?, array("digits_predictions.npy")?);
    let images = images.reshape(vec![1797, 8, 8, 1])?;
    let mut right = 0;
    // The grey values are ink: 0 is paper.
    let mut sheet = ContactSheet::new("").columns(20).scale(6).range(16.0, 0.0);
    for (i, scores) in predictions.data().chunks_exact(10).enumerate() {
        let index = 6 * i;
        let best = (0..10).fold(0, |best, digit| if scores[digit] > scores[best] { digit } else { best });
        let (label, score) = (labels.data()[index] as usize, 100.0 * scores[best]);
        if best == label {
            right += 1;
            sheet.add(&images, index, format!("{best} {score:.1}%"), Mark::Plain)?;
        } else {
            sheet.add(&images, index, format!("{best} (is {label})"), Mark::Wrong)?;
        }
    }
    let count = sheet.len();
    let sheet = sheet.title(format!("Held-out digits: {right} of {count} right"));
    std::fs::write(&out, sheet.to_png()?)?;
    Ok(())
}
