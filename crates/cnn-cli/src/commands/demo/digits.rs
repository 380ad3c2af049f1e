//! The digits in the program: 1,797 of scikit-learn's, written by many hands (`demo/README.md`).

use std::ops::Range;

use cnn::Tensor;
use cnn::data::{Dataset, LabelMode};
use cnn::io::npy;

use crate::failure::Failure;

const IMAGES: &[u8] = include_bytes!("../../../demo/digits_images.npy");
const LABELS: &[u8] = include_bytes!("../../../demo/digits_labels.npy");
/// Rows and columns of a picture.
const SIDE: usize = 8;
/// The grey value of ink; that of paper is 0.
pub const INK: f32 = 16.0;

/// Pictures and what they show, in the order in which they were written.
pub struct Digits {
    images: Tensor,
    labels: Vec<usize>,
}

impl Digits {
    /// All of them.
    pub fn read() -> Result<Self, Failure> {
        let (images, labels) = (npy::read(IMAGES, "digits_images.npy")?, npy::read(LABELS, "digits_labels.npy")?);
        Ok(Self { images, labels: labels.data().iter().map(|&label| label as usize).collect() })
    }

    /// Whether no network of the demo's first two parts learns from that picture: every sixth.
    pub fn is_held_out(index: usize) -> bool {
        index.is_multiple_of(6)
    }

    /// Whether it is of people who wrote none of the first 1,500: the last 297.
    pub fn is_of_other_writers(index: usize) -> bool {
        index >= 1500
    }

    /// Those that are `kept`: `[N, 8, 8, 1]`, grey values 0 (paper) to 16 (ink), and their labels.
    pub fn pictures(&self, kept: impl Fn(usize) -> bool) -> Result<(Tensor, Vec<usize>), Failure> {
        let chosen: Vec<usize> = (0..self.labels.len()).filter(|&index| kept(index)).collect();
        let size = SIDE * SIDE;
        let pixels = chosen.iter().flat_map(|&index| &self.images.data()[index * size..][..size]).copied().collect();
        let labels = chosen.iter().map(|&index| self.labels[index]).collect();
        Ok((Tensor::new(vec![chosen.len(), SIDE, SIDE, 1], pixels)?, labels))
    }

    /// Those of these digits that are `kept`. Their classes are counted from 0 and named as the digits.
    pub fn subset(&self, digits: Range<usize>, kept: impl Fn(usize) -> bool) -> Result<Dataset, Failure> {
        let (x, labels) = self.pictures(|index| digits.contains(&self.labels[index]) && kept(index))?;
        let classes = Tensor::from_fn(vec![labels.len()], |i| (labels[i] - digits.start) as f32);
        let names = digits.map(|digit| digit.to_string());
        Ok(Dataset::from_classes(x, &classes, LabelMode::Int, names)?.in_order())
    }
}
