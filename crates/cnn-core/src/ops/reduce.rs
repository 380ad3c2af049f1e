//! Sums and means along axes.

use std::ops::Range;

use super::{Shape, exactly};

/// The sum, the mean or the variance along axes that stand side by side; they stay, with size 1.
///
/// ```
/// use cnn_core::op::{Op, Reduce, ReduceKind};
/// let gradient_of_bias = Op::Reduce(Reduce { kind: ReduceKind::Sum, axes: 0..3 });
/// assert_eq!(gradient_of_bias.output_shape(&[&[8, 28, 28, 32]])?, [1, 1, 1, 32]);
/// # Ok::<(), cnn_core::ShapeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reduce {
    /// What is made of the elements.
    pub kind: ReduceKind,
    /// The axes.
    pub axes: Range<usize>,
}

/// What a [`Reduce`] makes of elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReduceKind {
    /// Their sum, 0 where there are none.
    Sum,
    /// Their mean.
    Mean,
    /// The mean of their squared distances from their mean.
    Variance,
}

impl Reduce {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x] = exactly(inputs)?;
        let Some(reduced) = x.get(self.axes.clone()) else {
            return Err(format!("expects an input of rank {} at least", self.axes.end));
        };
        if self.kind != ReduceKind::Sum && reduced.contains(&0) {
            return Err("expects elements, since there is no mean of none".into());
        }
        let mut shape = x.to_vec();
        shape[self.axes.clone()].fill(1);
        Ok(shape)
    }

    /// The input seen as `[outer, n, inner]`, of which the middle axis is reduced.
    pub fn dims3(&self, x: &[usize]) -> [usize; 3] {
        let product = |sizes: &[usize]| sizes.iter().product();
        [product(&x[..self.axes.start]), product(&x[self.axes.clone()]), product(&x[self.axes.end..])]
    }
}
