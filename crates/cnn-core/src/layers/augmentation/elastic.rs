//! Pictures bent.

use super::filter::{filtered, gaussian};
use super::tools::{ABS, Made, affine, check_range, clip, dims, hit, normal, uniform, warp_moved, with_number};
use super::{Augmentation, Factor, setters};
use crate::graph::ValueId;
use crate::layers::Lowering;
use crate::op::{BinaryOp, Broadcast, Concat, FillMode, Function, Interpolation, Op, Slice, Warp};
use crate::tensor::Tensor;

/// Keras's `RandomElasticTransform`: the pixels of some pictures moved by blurred noise.
///
/// How strong it is, is drawn for the whole batch. Keras's TensorFlow and JAX give columns and rows the same noise; here each
/// has its own, as in its NumPy and PyTorch.
///
/// ```
/// use cnn_core::layers::{Factor, RandomElasticTransform};
/// // Every picture, by up to 0.5.
/// let layer = RandomElasticTransform::new([1.0, 1.0]).scale(0.5);
/// assert_eq!(layer.scale, Factor { low: 0.0, high: 0.5 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomElasticTransform {
    /// From where to where the chance of a picture is drawn, between 0 and 1.
    pub factor: Factor,
    /// How strong, between 0 and 1: noise of a deviation of 0.05 of the shorter side, blurred by a filter of the same deviation,
    /// times 0.1 of the longer side, each time this, are the pixels' moves.
    pub scale: Factor,
    /// How pixels between pixels are found.
    pub interpolation: Interpolation,
    /// What lies outside of the picture. As Keras has it for this layer alone, [`FillMode::Reflect`] does not repeat the first
    /// row and column, `cb|abcd|dc`, and [`FillMode::Wrap`] begins anew behind the last, `cd|abcd|ab`.
    pub fill_mode: FillMode,
    /// What is there where that is constant.
    pub fill_value: f64,
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomElasticTransform: fill_mode, fill_value, interpolation, value_range, seed);

impl RandomElasticTransform {
    /// With a chance of up to `factor`, or drawn from two numbers; a scale of up to 1, values from 0 to 255.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self {
            factor: factor.into().one_sided(),
            scale: Factor { low: 0.0, high: 1.0 },
            interpolation: Interpolation::Bilinear,
            fill_mode: FillMode::Reflect,
            fill_value: 0.0,
            value_range: [0.0, 255.0],
            seed: None,
        }
    }

    /// Sets how strong it is.
    pub fn scale(mut self, scale: impl Into<Factor>) -> Self {
        self.scale = scale.into().one_sided();
        self
    }

    /// By how many pixels each pixel moves across and down, `[N, H, W, 2]`.
    fn moves(&self, cx: &mut Lowering<'_>, [n, h, w, _]: [usize; 4]) -> Made {
        let chosen = hit(cx, n, self.factor)?;
        let scale = uniform(cx, vec![1, 1], self.scale)?;
        let deviation = 0.05 * h.min(w) as f64;
        let sigma = affine(cx, scale, deviation, 0.0)?;
        let mut noise = normal(cx, vec![n, h, w, 2])?;
        // Three whole deviations to either side, as many as the largest has; the weights of those beyond are 0.
        let whole = cx.unary(Function::Floor, sigma)?;
        let reach = affine(cx, whole, 3.0, 0.0)?;
        let size = 6 * (self.scale.high * deviation) as usize + 1;
        if size > 1 {
            // What is drawn divides.
            let sigma = with_number(cx, BinaryOp::Maximum, sigma, 1e-6)?;
            for shape in [[size, 1], [1, size]] {
                let filter = gaussian(cx, sigma, Some(reach), shape)?;
                let shape = vec![shape[0], shape[1], 1, 2];
                let filter = cx.reshape(filter, [&shape[..3], &[1]].concat())?;
                let filter = cx.push(Op::Broadcast(Broadcast { shape }), &[filter])?;
                noise = filtered(cx, noise, filter)?;
            }
        }
        let alpha = affine(cx, scale, 0.1 * h.max(w) as f64, 0.0)?;
        let strength = cx.binary(BinaryOp::Multiply, sigma, alpha)?;
        let strength = cx.binary(BinaryOp::Multiply, chosen, strength)?;
        cx.binary(BinaryOp::Multiply, noise, strength)
    }

    /// The moves as a [`Warp`] takes them to read what this layer's fill mode says; pictures that wrap get a first row and
    /// column behind their last.
    fn filled(&self, cx: &mut Lowering<'_>, x: ValueId, moves: ValueId) -> Result<[ValueId; 2], crate::ShapeError> {
        let [_, h, w, _] = dims(cx, x);
        let place = |i: usize| if i.is_multiple_of(2) { i / 2 % w } else { i / 2 / w };
        let grid = cx.constant(Tensor::from_fn(vec![1, h, w, 2], |i| place(i) as f32));
        let position = cx.binary(BinaryOp::Add, moves, grid)?;
        let (x, inside) = match self.fill_mode {
            FillMode::Constant | FillMode::Nearest => return Ok([x, moves]),
            FillMode::Reflect => (x, cx.unary(ABS, position)?),
            FillMode::Wrap => {
                let sizes = cx.constant(Tensor::new(vec![1, 1, 1, 2], vec![w as f32, h as f32])?);
                let turns = cx.binary(BinaryOp::Divide, position, sizes)?;
                let turns = cx.unary(Function::Floor, turns)?;
                let turned = cx.binary(BinaryOp::Multiply, turns, sizes)?;
                let inside = cx.binary(BinaryOp::Subtract, position, turned)?;
                let mut wider = x;
                for axis in [1, 2] {
                    let mut size = cx.shape(wider);
                    size[axis] = 1;
                    let first = cx.push(Op::Slice(Slice { begin: vec![0; 4], size }), &[wider])?;
                    wider = cx.push(Op::Concat(Concat { axis }), &[wider, first])?;
                }
                (wider, inside)
            }
        };
        Ok([x, cx.binary(BinaryOp::Subtract, inside, grid)?])
    }
}

impl Augmentation for RandomElasticTransform {
    fn check(&self, [h, w, _]: [Option<usize>; 3]) -> Result<(), String> {
        check_range(self.value_range)?;
        if [h, w].contains(&Some(0)) {
            return Err("expects pictures of at least one pixel".into());
        }
        self.factor.check("a factor", 0.0, 1.0)?;
        self.scale.check("a scale", 0.0, 1.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        if self.factor.high == 0.0 || self.scale.high == 0.0 {
            return Ok(x);
        }
        let shape = dims(cx, x);
        let moves = self.moves(cx, shape)?;
        let [pictures, moves] = self.filled(cx, x, moves)?;
        let (interpolation, fill_value) = (self.interpolation, self.fill_value as f32);
        let fill_mode = if self.fill_mode == FillMode::Wrap { FillMode::Nearest } else { self.fill_mode };
        let op = Warp { size: [shape[1], shape[2]], interpolation, fill_mode, fill_value };
        let bent = warp_moved(cx, pictures, moves, op)?;
        clip(cx, bent, self.value_range)
    }
}
