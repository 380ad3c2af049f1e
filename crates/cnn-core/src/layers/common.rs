//! What layers share: symbolic shapes, padding.

use crate::shape::{Padding2D, output_size};

/// A shape as a model knows it before it runs; `None` is a size given later, as the batch always is.
pub type SymbolicShape = Vec<Option<usize>>;

/// Zeros around a picture, as Keras names them, and our own explicit form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// None.
    #[default]
    Valid,
    /// As many as keep `ceil(size / stride)` pixels, the odd one at the bottom and right.
    Same,
    /// These. Not one of Keras's: such a layer is saved as ZeroPadding2D and `valid`.
    Explicit(Padding2D),
}

impl Padding {
    /// The padding in pixels for a picture of that height and width.
    pub fn resolve(
        self,
        size: [usize; 2],
        window: [usize; 2],
        strides: [usize; 2],
        dilation_rate: [usize; 2],
    ) -> Padding2D {
        match self {
            Padding::Valid => Padding2D::default(),
            Padding::Same => Padding2D::same(size, window, strides, dilation_rate),
            Padding::Explicit(padding) => padding,
        }
    }
}

/// One number for both spatial axes, or one for each: height (rows) first.
pub trait IntoPair {
    /// Height and width.
    fn into_pair(self) -> [usize; 2];
}

impl IntoPair for usize {
    fn into_pair(self) -> [usize; 2] {
        [self; 2]
    }
}

impl IntoPair for [usize; 2] {
    fn into_pair(self) -> [usize; 2] {
        self
    }
}

impl IntoPair for (usize, usize) {
    fn into_pair(self) -> [usize; 2] {
        self.into()
    }
}

/// A shape written as sizes (`[28, 28, 3]`) or with sizes left open (`[None, None, Some(3)]`).
pub trait IntoShape {
    /// The sizes.
    fn into_shape(self) -> SymbolicShape;
}

impl<const N: usize> IntoShape for [usize; N] {
    fn into_shape(self) -> SymbolicShape {
        self.into_iter().map(Some).collect()
    }
}

impl<const N: usize> IntoShape for [Option<usize>; N] {
    fn into_shape(self) -> SymbolicShape {
        self.to_vec()
    }
}

impl IntoShape for &[usize] {
    fn into_shape(self) -> SymbolicShape {
        self.iter().copied().map(Some).collect()
    }
}

impl IntoShape for SymbolicShape {
    fn into_shape(self) -> SymbolicShape {
        self
    }
}

/// The builder methods that all convolution layers have.
macro_rules! setters {
    ($layer:ident) => {
        impl $layer {
            /// Sets the steps of the window.
            pub fn strides(mut self, strides: impl IntoPair) -> Self {
                self.strides = strides.into_pair();
                self
            }

            /// Sets the zeros around the picture.
            pub fn padding(mut self, padding: Padding) -> Self {
                self.padding = padding;
                self
            }

            /// Sets the distance of the window's taps.
            pub fn dilation_rate(mut self, dilation_rate: impl IntoPair) -> Self {
                self.dilation_rate = dilation_rate.into_pair();
                self
            }

            /// Sets what is applied last.
            pub fn activation(mut self, activation: Activation) -> Self {
                self.activation = activation;
                self
            }

            /// Sets whether a bias is added.
            pub fn use_bias(mut self, use_bias: bool) -> Self {
                self.use_bias = use_bias;
                self
            }
        }
    };
}
pub(super) use setters;

/// `inputs` as exactly one shape.
pub(super) fn one(inputs: &[SymbolicShape]) -> Result<&SymbolicShape, String> {
    match inputs {
        [x] => Ok(x),
        _ => Err("expects one input".into()),
    }
}

/// `inputs` as one picture: batch, height, width, channels.
pub(super) fn picture(inputs: &[SymbolicShape]) -> Result<[Option<usize>; 4], String> {
    let x = one(inputs)?;
    x.as_slice().try_into().map_err(|_| "expects an input of rank 4 (batch, height, width, channels)".to_string())
}

/// The size of `axis`, which a weight depends on.
pub(super) fn known(x: &[Option<usize>], axis: usize) -> Result<usize, String> {
    x.get(axis).copied().flatten().ok_or_else(|| format!("expects a known size of axis {axis}"))
}

/// `axis`, which may count from the end, as an index into a shape of that rank.
pub(super) fn axis_index(axis: isize, rank: usize) -> Result<usize, String> {
    let index = if axis < 0 { axis + rank as isize } else { axis };
    usize::try_from(index)
        .ok()
        .filter(|&index| index < rank)
        .ok_or_else(|| format!("expects an input that has an axis {axis}"))
}

/// The largest size and argument: products of two stay far from overflow.
const LARGEST: usize = 1 << 31;

/// A layer's argument that must be at least 1, and of a size that means something.
pub(super) fn positive(what: &str, values: &[usize]) -> Result<(), String> {
    if values.contains(&0) {
        return Err(format!("needs {what} of at least 1, not {values:?},"));
    }
    at_most_largest(what, values)
}

/// A layer's argument that may be 0.
pub(super) fn at_most_largest(what: &str, values: &[usize]) -> Result<(), String> {
    if values.iter().any(|&value| value > LARGEST) {
        return Err(format!("needs {what} of at most 2^31, not {values:?},"));
    }
    Ok(())
}

/// Axes, each of which may count from the end, as indices into a shape of that rank; an axis twice is an error.
pub(super) fn axis_indices(axes: &[isize], rank: usize) -> Result<Vec<usize>, String> {
    let indices: Vec<usize> = axes.iter().map(|&axis| axis_index(axis, rank)).collect::<Result<_, _>>()?;
    if (1..indices.len()).any(|i| indices[..i].contains(&indices[i])) {
        return Err(format!("needs axes that differ, not {axes:?},"));
    }
    Ok(indices)
}

/// The permutation that brings `last` to the end, in their order, and the one that undoes it.
pub(super) fn to_the_end(last: &[usize], rank: usize) -> (Vec<usize>, Vec<usize>) {
    let mut there: Vec<usize> = (0..rank).filter(|axis| !last.contains(axis)).collect();
    there.extend(last);
    let mut back = vec![0; rank];
    for (place, &axis) in there.iter().enumerate() {
        back[axis] = place;
    }
    (there, back)
}

/// Height and width after a window has slid over a picture; what is not known stays so.
pub(super) fn slide(
    size: [Option<usize>; 2],
    window: [usize; 2],
    strides: [usize; 2],
    dilation_rate: [usize; 2],
    padding: Padding,
) -> Result<[Option<usize>; 2], String> {
    if let Padding::Explicit(p) = padding {
        at_most_largest("padding", &[p.top, p.bottom, p.left, p.right])?;
    }
    let along = |axis: usize| match (size[axis], padding) {
        (None, _) => Ok(None),
        (Some(n), Padding::Same) => Ok(Some(n.div_ceil(strides[axis]))),
        (Some(n), Padding::Valid | Padding::Explicit(_)) => {
            let p = padding.resolve([0; 2], window, strides, dilation_rate);
            let p = if axis == 0 { p.top + p.bottom } else { p.left + p.right };
            output_size(n, window[axis], strides[axis], dilation_rate[axis], p).map(Some).ok_or_else(|| {
                let [h, w] = window;
                format!(
                    "expects a picture at least as large as its window of {h}x{w} (dilation {dilation_rate:?}, {padding:?})"
                )
            })
        }
    };
    Ok([along(0)?, along(1)?])
}
