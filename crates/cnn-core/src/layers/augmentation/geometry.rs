//! Pictures turned, mirrored, moved, zoomed and tilted: each is one projective map.

use super::tools::{IDENTITY, Made, affine, hit, uniform, warp};
use super::{Augmentation, Factor, setters};
use crate::graph::ValueId;
use crate::layers::Lowering;
use crate::op::{BinaryOp, FillMode, Function, Interpolation, Op, Slice, Warp};

/// Along which axes [`RandomFlip`] mirrors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FlipMode {
    /// Left and right change places.
    Horizontal,
    /// Top and bottom change places.
    Vertical,
    /// Both at once, which is half a turn.
    #[default]
    HorizontalAndVertical,
}

/// Keras's `RandomFlip`: every other picture mirrored, at random.
///
/// ```
/// use cnn_core::layers::{FlipMode, RandomFlip};
/// assert_eq!(RandomFlip::new(FlipMode::Horizontal).mode, FlipMode::Horizontal);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RandomFlip {
    /// Along which axes.
    pub mode: FlipMode,
    /// Keras's seed.
    pub seed: Option<u64>,
}

impl RandomFlip {
    /// Along these axes.
    pub fn new(mode: FlipMode) -> Self {
        Self { mode, seed: None }
    }
}
setters!(RandomFlip: seed);

impl Augmentation for RandomFlip {
    fn check(&self, _: [Option<usize>; 3]) -> Result<(), String> {
        Ok(())
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let (n, size, [right, bottom]) = picture(cx, x);
        let drawn = cx.random(vec![n, 1])?;
        let half = affine(cx, drawn, -1.0, 0.5)?;
        // 1 where it is drawn up to 1/2: the difference is exact.
        let zero = cx.constant(crate::Tensor::scalar(0.0));
        let flipped = cx.binary(BinaryOp::GreaterEqual, half, zero)?;
        let mut row = [0.0; 8];
        if self.mode != FlipMode::Vertical {
            [row[0], row[2]] = [-2.0, right];
        }
        if self.mode != FlipMode::Horizontal {
            [row[4], row[5]] = [-2.0, bottom];
        }
        let op = Warp { size, interpolation: Interpolation::Nearest, fill_mode: FillMode::Nearest, fill_value: 0.0 };
        warp(cx, x, IDENTITY, &[(flipped, row)], op)
    }
}

/// The batch, the size of pictures, and the largest column and row.
fn picture(cx: &Lowering<'_>, x: ValueId) -> (usize, [usize; 2], [f64; 2]) {
    let [n, h, w, _] = super::tools::dims(cx, x);
    (n, [h, w], [w as f64 - 1.0, h as f64 - 1.0])
}

/// A layer that is one map, with what lies outside.
macro_rules! mapped {
    ($layer:ident { $($field:ident),* }: $doc:literal) => {
        setters!($layer: fill_mode, fill_value, interpolation, seed);

        impl $layer {
            fn op(&self, size: [usize; 2]) -> Warp {
                let Self { interpolation, fill_mode, .. } = *self;
                Warp { size, interpolation, fill_mode, fill_value: self.fill_value as f32 }
            }

            #[doc = $doc]
            pub fn new($($field: impl Into<Factor>),*) -> Self {
                Self {
                    $($field: $field.into(),)*
                    fill_mode: FillMode::Reflect,
                    fill_value: 0.0,
                    interpolation: Interpolation::Bilinear,
                    seed: None,
                }
            }
        }
    };
}

/// Keras's `RandomRotation`: each picture turned about its middle.
///
/// ```
/// use cnn_core::layers::{Factor, RandomRotation};
/// // A tenth of a turn to either side.
/// assert_eq!(RandomRotation::new(0.1).factor, Factor { low: -0.1, high: 0.1 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomRotation {
    /// By how much of a full turn, between -1 and 1; counterclockwise where positive.
    pub factor: Factor,
    /// What lies outside of the picture.
    pub fill_mode: FillMode,
    /// What is there where that is constant.
    pub fill_value: f64,
    /// How pixels between pixels are found.
    pub interpolation: Interpolation,
    /// Keras's seed.
    pub seed: Option<u64>,
}
mapped!(RandomRotation { factor }: "By so much of a full turn.");

impl Augmentation for RandomRotation {
    fn check(&self, _: [Option<usize>; 3]) -> Result<(), String> {
        self.factor.check("a factor", -1.0, 1.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let (n, size, [right, bottom]) = picture(cx, x);
        let angle = uniform(cx, vec![n, 1], self.factor.affine(std::f64::consts::TAU, 0.0))?;
        let cos = cx.unary(Function::Cos, angle)?;
        let sin = cx.unary(Function::Sin, angle)?;
        // Columns cos·(x - mx) - sin·(y - my) + mx and rows sin·(x - mx) + cos·(y - my) + my, (mx, my) being the middle.
        let (mx, my) = (right / 2.0, bottom / 2.0);
        let constant = [0.0, 0.0, mx, 0.0, 0.0, my, 0.0, 0.0];
        let of_cos = [1.0, 0.0, -mx, 0.0, 1.0, -my, 0.0, 0.0];
        let of_sin = [0.0, -1.0, my, 1.0, 0.0, -mx, 0.0, 0.0];
        warp(cx, x, constant, &[(cos, of_cos), (sin, of_sin)], self.op(size))
    }
}

/// Keras's `RandomZoom`: each picture drawn larger or smaller about its middle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomZoom {
    /// By how much of itself it shrinks in height, up to 1; it grows where negative, at -1 until its middle alone is seen.
    pub height_factor: Factor,
    /// The same for the width; `None` for the number drawn for the height.
    pub width_factor: Option<Factor>,
    /// What lies outside of the picture.
    pub fill_mode: FillMode,
    /// What is there where that is constant.
    pub fill_value: f64,
    /// How pixels between pixels are found.
    pub interpolation: Interpolation,
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomZoom: fill_mode, fill_value, interpolation, seed);

impl RandomZoom {
    /// By the same number in height and width.
    pub fn new(height_factor: impl Into<Factor>) -> Self {
        Self {
            height_factor: height_factor.into(),
            width_factor: None,
            fill_mode: FillMode::Reflect,
            fill_value: 0.0,
            interpolation: Interpolation::Bilinear,
            seed: None,
        }
    }

    /// Gives the width a number of its own.
    pub fn width_factor(mut self, width_factor: impl Into<Factor>) -> Self {
        self.width_factor = Some(width_factor.into());
        self
    }
}

impl Augmentation for RandomZoom {
    fn check(&self, _: [Option<usize>; 3]) -> Result<(), String> {
        self.height_factor.check("a height factor", -1.0, 1.0)?;
        self.width_factor.unwrap_or(self.height_factor).check("a width factor", -1.0, 1.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let (n, size, [right, bottom]) = picture(cx, x);
        let height = uniform(cx, vec![n, 1], self.height_factor.affine(1.0, 1.0))?;
        let width = match self.width_factor {
            Some(factor) => uniform(cx, vec![n, 1], factor.affine(1.0, 1.0))?,
            None => height,
        };
        let (mx, my) = (right / 2.0, bottom / 2.0);
        let constant = [0.0, 0.0, mx, 0.0, 0.0, my, 0.0, 0.0];
        let of_width = [1.0, 0.0, -mx, 0.0, 0.0, 0.0, 0.0, 0.0];
        let of_height = [0.0, 0.0, 0.0, 0.0, 1.0, -my, 0.0, 0.0];
        let (interpolation, fill_mode, fill_value) = (self.interpolation, self.fill_mode, self.fill_value as f32);
        let op = Warp { size, interpolation, fill_mode, fill_value };
        warp(cx, x, constant, &[(width, of_width), (height, of_height)], op)
    }
}

/// Keras's `RandomTranslation`: each picture moved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomTranslation {
    /// How far down, by its height, between -1 and 1.
    pub height_factor: Factor,
    /// How far to the right, by its width, between -1 and 1.
    pub width_factor: Factor,
    /// What lies outside of the picture.
    pub fill_mode: FillMode,
    /// What is there where that is constant.
    pub fill_value: f64,
    /// How pixels between pixels are found.
    pub interpolation: Interpolation,
    /// Keras's seed.
    pub seed: Option<u64>,
}
mapped!(RandomTranslation { height_factor, width_factor }: "By so much of height and width.");

impl Augmentation for RandomTranslation {
    fn check(&self, _: [Option<usize>; 3]) -> Result<(), String> {
        self.height_factor.check("a height factor", -1.0, 1.0)?;
        self.width_factor.check("a width factor", -1.0, 1.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let (n, size, _) = picture(cx, x);
        let down = uniform(cx, vec![n, 1], self.height_factor.affine(size[0] as f64, 0.0))?;
        let across = uniform(cx, vec![n, 1], self.width_factor.affine(size[1] as f64, 0.0))?;
        let of_across = [0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let of_down = [0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0];
        warp(cx, x, IDENTITY, &[(across, of_across), (down, of_down)], self.op(size))
    }
}

/// Keras's `RandomShear`: each picture slanted, about its upper left corner and to either side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomShear {
    /// By how many columns each row moves against the next, between -1 and 1.
    pub x_factor: Factor,
    /// By how many rows each column moves against the next, between -1 and 1.
    pub y_factor: Factor,
    /// What lies outside of the picture.
    pub fill_mode: FillMode,
    /// What is there where that is constant.
    pub fill_value: f64,
    /// How pixels between pixels are found.
    pub interpolation: Interpolation,
    /// Keras's seed.
    pub seed: Option<u64>,
}
mapped!(RandomShear { x_factor, y_factor }: "By so many pixels for each pixel.");

impl Augmentation for RandomShear {
    fn check(&self, _: [Option<usize>; 3]) -> Result<(), String> {
        self.x_factor.check("an x factor", -1.0, 1.0)?;
        self.y_factor.check("a y factor", -1.0, 1.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let (n, size, _) = picture(cx, x);
        let sign = sign(cx, vec![n, 1])?;
        let y_shear = uniform(cx, vec![n, 1], self.y_factor)?;
        let y_shear = cx.binary(BinaryOp::Multiply, y_shear, sign)?;
        let x_shear = uniform(cx, vec![n, 1], self.x_factor)?;
        let x_shear = cx.binary(BinaryOp::Multiply, x_shear, sign)?;
        let of_x = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let of_y = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        warp(cx, x, IDENTITY, &[(x_shear, of_x), (y_shear, of_y)], self.op(size))
    }
}

/// -1 where the number drawn exceeds 1/2, else 1.
pub(super) fn sign(cx: &mut Lowering<'_>, shape: Vec<usize>) -> Made {
    let drawn = cx.random(shape)?;
    let half = cx.constant(crate::Tensor::scalar(0.5));
    let up_to_half = cx.binary(BinaryOp::GreaterEqual, half, drawn)?;
    affine(cx, up_to_half, 2.0, -1.0)
}

/// Keras's `RandomPerspective`: each picture tilted, with zeros or another value around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomPerspective {
    /// From where to where the chance of a picture to be tilted is drawn, between 0 and 1.
    pub factor: Factor,
    /// How far corners move: by up to half of this times their coordinates, between 0 and 1. The upper left one stays.
    pub scale: f64,
    /// What lies outside.
    pub fill_value: f64,
    /// How pixels between pixels are found.
    pub interpolation: Interpolation,
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomPerspective: fill_value, interpolation, seed);

impl RandomPerspective {
    /// With a chance of up to `factor`, or drawn from two numbers.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self {
            factor: factor.into().one_sided(),
            scale: 1.0,
            fill_value: 0.0,
            interpolation: Interpolation::Bilinear,
            seed: None,
        }
    }

    /// Sets how far corners move.
    pub fn scale(mut self, scale: f64) -> Self {
        self.scale = scale;
        self
    }
}

impl Augmentation for RandomPerspective {
    fn check(&self, [h, w, _]: [Option<usize>; 3]) -> Result<(), String> {
        self.factor.check("a factor", 0.0, 1.0)?;
        Factor { low: 0.0, high: self.scale }.check("a scale", 0.0, 1.0)?;
        if [h, w].iter().flatten().any(|&size| size < 2) {
            return Err("expects pictures of at least two rows and columns".into());
        }
        Ok(())
    }

    /// The output's corners are `(0, 0)`, `(α·W, 0)`, `(0, γ·H)` and `(β·W, δ·H)`, where the input's `(0, 0)`, `(W, 0)`,
    /// `(0, H)` and `(W, H)` are to be seen; W and H are the largest column and row. The map between them is
    /// `c0 = (δ/γ - 1) / (W·β)`, `c1 = (β/α - 1) / (H·δ)`, `a0 = W·c0 + 1/α`, `b1 = H·c1 + 1/γ`, and nothing else.
    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let (n, size, [right, bottom]) = picture(cx, x);
        let tilted = hit(cx, n, self.factor)?;
        let tilted = cx.reshape(tilted, vec![n, 1])?;
        let moves = uniform(cx, vec![n, 8], Factor::from(0.5 * self.scale))?;
        // Without tilting all of α to δ are 1.
        let moves = cx.binary(BinaryOp::Multiply, moves, tilted)?;
        let factors = affine(cx, moves, 1.0, 1.0)?;
        // Of four corners with x and y each: the second's x, the fourth's, the third's y, the fourth's.
        let mut corner =
            |index: usize| cx.push(Op::Slice(Slice { begin: vec![0, index], size: vec![n, 1] }), &[factors]);
        let [alpha, beta, gamma, delta] = [corner(2)?, corner(6)?, corner(5)?, corner(7)?];
        let one = cx.constant(crate::Tensor::scalar(1.0));
        // From a side and the one across, c times its length and the scale along it.
        let mut axis = |own: ValueId, across: ValueId, near: ValueId, far: ValueId| {
            let ratio = cx.binary(BinaryOp::Divide, far, near)?;
            let ratio = affine(cx, ratio, 1.0, -1.0)?;
            let c = cx.binary(BinaryOp::Divide, ratio, across)?;
            let inverse = cx.binary(BinaryOp::Divide, one, own)?;
            Ok((c, inverse))
        };
        let (c0, over_alpha) = axis(alpha, beta, gamma, delta)?;
        let (c1, over_gamma) = axis(gamma, delta, alpha, beta)?;
        let terms = [
            (c0, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0 / right, 0.0]),
            (c1, [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0 / bottom]),
            (over_alpha, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
            (over_gamma, [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]),
        ];
        let (interpolation, fill_value) = (self.interpolation, self.fill_value as f32);
        warp(cx, x, [0.0; 8], &terms, Warp { size, interpolation, fill_mode: FillMode::Constant, fill_value })
    }
}
