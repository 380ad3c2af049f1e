//! What the inputs of a case hold: numbers drawn by a counter-based generator, the same on every machine.

use cnn_core::op::{BinaryOp, Function, Rule};
use cnn_core::{DType, Op, Tensor};

use super::Case;

/// Two ways to fill a case's inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fill {
    /// Integers without 0 for linear ops, so small that every partial sum is exact in float32 (below 2^24) and that
    /// outputs are f16 numbers (at most 2^11) with f16 storage. A dropped or doubled product changes the output.
    SmallIntegers,
    /// Numbers with all bits of the mantissa in use, where the op is defined.
    Reals,
}

/// The inputs of `case` as `storage` holds them.
pub(super) fn tensors(case: &Case, fill: Fill, storage: DType) -> Vec<Tensor> {
    let output: Vec<usize> = case.output_shape();
    let draw = |index: usize| domain(case, index, fill, storage);
    let seed = output.iter().fold(case.inputs.len() as u64, |seed, &size| random(seed, size as u64));
    let tensor = |(index, shape): (usize, &Vec<usize>)| {
        let domain = draw(index);
        Tensor::from_fn(shape.clone(), |i| {
            stored(domain.sample(i, random(seed ^ (index as u64) << 32, i as u64)), storage)
        })
    };
    case.inputs.iter().enumerate().map(tensor).collect()
}

/// The `counter`-th number of the sequence `seed`: SplitMix64's finalizer (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014) over both.
pub fn random(seed: u64, counter: u64) -> u64 {
    let mut z = seed.wrapping_add(counter.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Where the elements of one input come from.
enum Domain {
    /// Integers of a magnitude from 1 to this.
    Signed(u32),
    /// Integers from 1 to this.
    Positive(u32),
    /// From, up to.
    Uniform(f32, f32),
    /// The eight numbers of a projective map: around those of the identity, or whole ones of an affine map.
    Projective(Fill),
    /// An optimizer's settings: four as from [`Domain::Uniform`]; with small integers the step is left out, so that they are exact.
    Settings(Fill),
    /// Of either sign and a magnitude from the first to the second, evenly by logarithm; after [`SPECIAL`]'s.
    Wide(f32, f32),
}

/// Where activations bend or saturate.
const SPECIAL: [f32; 24] = [
    0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.5, -2.5, 3.0, -3.0, 6.0, -6.0, 8.5, -8.5, 20.0, -20.0, 50.0, -50.0, 90.0, -90.0,
    1000.0, -1000.0, 20000.0, -20000.0,
];

impl Domain {
    fn sample(&self, index: usize, bits: u64) -> f32 {
        // 24 bits: every number below is drawn without rounding.
        let unit = (bits >> 40) as f32 / (1u32 << 24) as f32;
        let negative = bits & 1 == 1;
        let sign = if negative { -1.0 } else { 1.0 };
        match *self {
            Domain::Signed(max) => sign * (1 + (bits >> 8) as u32 % max) as f32,
            Domain::Projective(fill) => projective(fill, index % 8, unit),
            Domain::Settings(Fill::SmallIntegers) if index == 4 => 0.0,
            Domain::Settings(_) => 0.05 + 0.35 * unit,
            Domain::Positive(max) => (1 + (bits >> 8) as u32 % max) as f32,
            Domain::Uniform(low, high) => low + (high - low) * unit,
            Domain::Wide(..) if index < SPECIAL.len() => SPECIAL[index],
            Domain::Wide(low, high) => sign * low * (high / low).powf(unit),
        }
    }
}

/// Number `place` of a projective map, for a `unit` in `[0, 1)`.
fn projective(fill: Fill, place: usize, unit: f32) -> f32 {
    let signed = 2.0 * unit - 1.0;
    match (fill, place) {
        (Fill::SmallIntegers, 0 | 1 | 3 | 4) => (signed * 2.5).round(),
        (Fill::SmallIntegers, 2 | 5) => (signed * 20.0).round(),
        (Fill::SmallIntegers, _) => 0.0,
        (Fill::Reals, 0 | 4) => 1.0 + 0.5 * signed,
        (Fill::Reals, 1 | 3) => 0.5 * signed,
        (Fill::Reals, 2 | 5) => 8.0 * signed,
        (Fill::Reals, _) => 0.02 * signed,
    }
}

/// `x` as `storage` holds it. Denormal f16 become 0: a device may flush them, and no bound allows for that.
fn stored(x: f32, storage: DType) -> f32 {
    match storage {
        DType::F32 => x,
        DType::F16 if x.abs() < half::f16::MIN_POSITIVE.to_f32() => 0.0,
        DType::F16 => half::f16::from_f32(x).to_f32(),
    }
}

fn domain(case: &Case, index: usize, fill: Fill, storage: DType) -> Domain {
    let positive = || match fill {
        Fill::SmallIntegers => Domain::Positive(8),
        Fill::Reals => Domain::Uniform(0.1, 4.0),
    };
    match &case.op {
        Op::Unary(op) if matches!(op.function, Function::Sqrt | Function::InverseSqrt | Function::Log) => positive(),
        Op::UnaryGradient(op)
            if index == 0 && matches!(op.function, Function::Sqrt | Function::InverseSqrt | Function::Log) =>
        {
            positive()
        }
        Op::Unary(_) if fill == Fill::Reals => Domain::Wide(1e-3, 50.0),
        Op::UnaryGradient(_) if fill == Fill::Reals && index == 0 => Domain::Wide(1e-3, 50.0),
        Op::Binary(op) if op.op == BinaryOp::Divide && index == 1 => positive(),
        // A mean whose square is below the mean square.
        Op::OptimizerStep(op) if index == 4 && matches!(op.rule, Rule::RmsProp { centered: true, .. }) => {
            Domain::Uniform(0.01, 0.06)
        }
        Op::OptimizerStep(_) if index == 0 => Domain::Settings(fill),
        // States: means of squares, and such, are above 0.
        Op::OptimizerStep(_) if index > 2 => Domain::Uniform(0.05, 0.4),
        Op::OptimizerStep(_) => Domain::Uniform(-1.0, 1.0),
        // The variance.
        Op::BatchNorm(_) if index == 4 => positive(),
        // Beyond both ends of the bins.
        Op::Histogram(op) if fill == Fill::Reals => Domain::Uniform(-1.0, op.bins as f32 + 1.0),
        Op::Lookup(_) if fill == Fill::Reals && index == 0 => Domain::Uniform(-1.0, case.inputs[1][0] as f32 + 1.0),
        Op::Warp(_) if index == 1 => Domain::Projective(fill),
        Op::Softmax(_) if fill == Fill::Reals => Domain::Uniform(-12.0, 12.0),
        _ if fill == Fill::Reals => Domain::Uniform(-1.0, 1.0),
        _ => Domain::Signed(products(case).map_or(8, |k| largest_integer(k, storage))),
    }
}

/// How many products a linear op sums up for one output.
fn products(case: &Case) -> Option<usize> {
    let filter = case.inputs.get(1)?;
    match &case.op {
        Op::Conv2D(_) => Some(filter[0] * filter[1] * filter[2]),
        Op::Conv2DTranspose(op) => Some(filter[0] * filter[1] * filter[3] / op.groups),
        Op::Gemm(_) => Some(filter[0]),
        // The second input is the gradient of the output: a product for each of its pixels.
        Op::Conv2DFilterGradient(_) => Some(filter[0] * filter[1] * filter[2]),
        _ => None,
    }
}

/// The largest a, up to 8, for which sums of `k` products of integers up to a (and two summands) stay exact.
///
/// In float32 that is certain: `k·a² + 2a < 2^24`. Outputs of f16 only have to be likely: a sum of k products of either
/// sign has a standard deviation below `√k·a²`, and six of them stay below 2^11; for more products than that allows
/// with a = 1 the checker passes over the few outputs that are no f16 numbers.
fn largest_integer(k: usize, storage: DType) -> u32 {
    let exact = |a: usize| match storage {
        DType::F32 => k * a * a + 2 * a < 1 << 24,
        DType::F16 => 6.0 * (k as f64).sqrt() * (a * a) as f64 + 2.0 * a as f64 <= 2048.0,
    };
    (1..=8).rev().find(|&a| exact(a)).unwrap_or(1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_small_integers_are_exact() {
        for k in [1, 9, 576, 4608, 25088, 1 << 20] {
            let a = largest_integer(k, DType::F32) as usize;
            assert!(k * a * a + 2 * a < 1 << 24);
        }
        assert_eq!(largest_integer(9, DType::F32), 8);
        assert_eq!(largest_integer(4608, DType::F16), 2);
    }

    #[test]
    fn the_generator_is_the_published_one() {
        // SplitMix64 seeded with 1234567: the first numbers of its reference implementation.
        assert_eq!(random(1_234_567, 0), 6457827717110365317);
        assert_eq!(random(1_234_567, 1), 3203168211198807973);
    }
}
