//! What layers share: symbolic shapes, padding, weights.

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

/// A weight that a layer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightSpec {
    /// Keras 3's name: `kernel`.
    pub name: &'static str,
    /// Its shape in Keras's layout.
    pub shape: Vec<usize>,
    /// Whether training's gradient changes it; false for moving statistics.
    pub trainable: bool,
    /// How it begins.
    pub initializer: Initializer,
}

impl WeightSpec {
    pub(crate) fn new(name: &'static str, shape: Vec<usize>, initializer: Initializer) -> Self {
        Self { name, shape, trainable: true, initializer }
    }

    pub(crate) fn fixed(name: &'static str, shape: Vec<usize>, initializer: Initializer) -> Self {
        Self { name, shape, trainable: false, initializer }
    }
}

/// How an untrained weight is filled: Keras's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initializer {
    /// Uniform in ±√(6 / (fan_in + fan_out)) (Glorot and Bengio, AISTATS 2010).
    GlorotUniform,
    /// 0
    Zeros,
    /// 1
    Ones,
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

/// A layer's argument that must be at least 1.
pub(super) fn positive(what: &str, values: &[usize]) -> Result<(), String> {
    if values.contains(&0) {
        return Err(format!("needs {what} of at least 1, not {values:?},"));
    }
    Ok(())
}

/// Height and width after a window has slid over a picture; what is not known stays so.
pub(super) fn slide(
    size: [Option<usize>; 2],
    window: [usize; 2],
    strides: [usize; 2],
    dilation_rate: [usize; 2],
    padding: Padding,
) -> Result<[Option<usize>; 2], String> {
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
