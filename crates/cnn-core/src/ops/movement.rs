//! Ops that move elements and compute nothing. Ranks up to 6.

use super::{Shape, exactly};
use crate::shape::broadcast;
use crate::tensor::{DType, element_count};

/// A border of `value` around x, `before` and `after` each axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Pad {
    /// Elements before, one number for each axis.
    pub before: Vec<usize>,
    /// Elements after, one number for each axis.
    pub after: Vec<usize>,
    /// What the border holds.
    pub value: f32,
}

impl Pad {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x] = exactly(inputs)?;
        if x.len() != self.before.len() || x.len() != self.after.len() {
            return Err(format!("expects an input of rank {}", self.before.len()));
        }
        Ok(x.iter().zip(&self.before).zip(&self.after).map(|((size, before), after)| size + before + after).collect())
    }
}

/// The box of `size` elements from `begin` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// First index on each axis.
    pub begin: Vec<usize>,
    /// Number of elements on each axis.
    pub size: Vec<usize>,
}

impl Slice {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x] = exactly(inputs)?;
        let inside = x.len() == self.begin.len()
            && x.len() == self.size.len()
            && (0..x.len()).all(|axis| self.begin[axis] + self.size[axis] <= x[axis]);
        if !inside {
            return Err(format!("expects an input that holds the box of {:?} from {:?} on", self.size, self.begin));
        }
        Ok(self.size.clone())
    }
}

/// Axis i of the output is axis `permutation[i]` of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transpose {
    /// Each axis once.
    pub permutation: Vec<usize>,
}

impl Transpose {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x] = exactly(inputs)?;
        let mut axes = self.permutation.clone();
        axes.sort_unstable();
        if !axes.iter().copied().eq(0..x.len()) {
            return Err(format!("expects an input whose axes are permuted by {:?}", self.permutation));
        }
        Ok(self.permutation.iter().map(|&axis| x[axis]).collect())
    }
}

/// One or more values side by side along `axis`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concat {
    /// The axis that grows.
    pub axis: usize,
}

impl Concat {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let Some(first) = inputs.first().filter(|shape| self.axis < shape.len()) else {
            return Err(format!("expects one input or more, of rank over {}", self.axis));
        };
        let mut output = first.to_vec();
        for shape in &inputs[1..] {
            let fits = shape.len() == output.len()
                && (0..output.len()).all(|axis| axis == self.axis || shape[axis] == output[axis]);
            if !fits {
                return Err(format!("expects shapes that differ along axis {} alone", self.axis));
            }
            output[self.axis] += shape[self.axis];
        }
        Ok(output)
    }
}

/// The same elements, row-major, under another shape. No data moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reshape {
    /// The output's shape.
    pub shape: Vec<usize>,
}

impl Reshape {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x] = exactly(inputs)?;
        if element_count(x) != element_count(&self.shape) {
            return Err(format!("expects as many elements as {:?} holds", self.shape));
        }
        Ok(self.shape.clone())
    }
}

/// x repeated along the axes in which it has size 1 or that it lacks at the front, by NumPy's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    /// The output's shape.
    pub shape: Vec<usize>,
}

impl Broadcast {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x] = exactly(inputs)?;
        match broadcast(x, &self.shape) {
            Some(shape) if shape == self.shape => Ok(shape),
            _ => Err(format!("expects a shape that stretches to {:?}", self.shape)),
        }
    }
}

/// A variable takes a value: inputs are the variable and a value that holds its new elements from element `first` on. The
/// output is the variable with these elements, in its own memory.
///
/// So no node behind this one may read the variable itself; what wants the new elements reads the output.
///
/// ```
/// use cnn_core::op::{Assign, Op};
/// // Weights and momentum, made side by side: the second is the momentum.
/// let op = Op::Assign(Assign { first: 10 });
/// assert_eq!(op.output_shape(&[&[5, 2], &[2, 5, 2]])?, [5, 2]);
/// # Ok::<(), cnn_core::ShapeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assign {
    /// Where in the value the variable's elements begin.
    pub first: usize,
}

impl Assign {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [variable, value] = exactly(inputs)?;
        let held = element_count(value).and_then(|count| count.checked_sub(self.first));
        if held < element_count(variable) || held.is_none() {
            return Err(format!("expects a value with all elements of the variable from number {} on", self.first));
        }
        Ok(variable.to_vec())
    }
}

/// The same numbers in another element type, rounded to nearest even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cast {
    /// The output's element type.
    pub to: DType,
}

impl Cast {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x] = exactly(inputs)?;
        Ok(x.to_vec())
    }
}
