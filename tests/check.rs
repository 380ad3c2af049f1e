//! Whether an output is the reference's, by the checks of rule 3 in `ARCHITECTURE.md`.

use cnn_core::op::{BinaryOp, Function, Interpolation, PoolKind, ReduceKind};
use cnn_core::{DType, Op, Tensor};
use cnn_cpu::reference::{Array, Evaluated, evaluate};

use crate::cases::{Case, Fill};

/// What computes a case: the op's output for these inputs, which are exact in the storage type, or why there is none.
pub type Backend<'a> = dyn Fn(&Case, &[Tensor], DType) -> Result<Vec<f32>, String> + 'a;

/// A backend's output is not the reference's.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{case} ({storage:?}, {fill:?}): {problem}")]
pub struct Failure {
    /// Name of the case.
    pub case: String,
    /// Element type of inputs and output.
    pub storage: DType,
    /// What the inputs held.
    pub fill: Fill,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with an output.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    /// The backend gave none.
    #[error("{0}")]
    Backend(String),
    /// The op refuses the case: the table is wrong.
    #[error("{0}")]
    Case(String),
    /// It has another number of elements.
    #[error("{got} elements instead of {wanted}")]
    Length {
        /// How many there are.
        got: usize,
        /// How many there should be.
        wanted: usize,
    },
    /// Sums of small integers have to be exact.
    #[error("{count} of {len} elements differ where all is exact; first {at:?}: got {got}, wanted {wanted}")]
    Bits {
        /// How many elements differ.
        count: usize,
        /// How many there are.
        len: usize,
        /// Index of the first.
        at: Vec<usize>,
        /// What it is.
        got: f32,
        /// What it should be.
        wanted: f64,
    },
    /// An element lies outside its bound.
    #[error("worst element {at:?}: got {got}, wanted {wanted}, which is {ratio:.3e} times its bound of {bound:.3e}")]
    Bound {
        /// Index of the worst element.
        at: Vec<usize>,
        /// What it is.
        got: f32,
        /// What it should be.
        wanted: f64,
        /// Its error by its bound.
        ratio: f64,
        /// Its bound.
        bound: f64,
    },
    /// The elements lie inside their bounds, but too many of them far out.
    #[error("normalised mean square error {error:.3e} exceeds {limit:.0e}")]
    MeanSquare {
        /// Σ (got - wanted)² / Σ wanted².
        error: f64,
        /// The most allowed.
        limit: f64,
    },
}

/// Runs `case` with small integers, then with reals, and checks both outputs.
///
/// # Errors
/// At the first check that fails.
pub fn check_case(backend: &Backend, case: &Case, storage: DType) -> Result<(), Failure> {
    for fill in [Fill::SmallIntegers, Fill::Reals] {
        let failure = |problem| Failure { case: case.name.clone(), storage, fill, problem };
        let inputs = case.tensors(fill, storage);
        let wanted = reference(case, &inputs, storage).map_err(failure)?;
        let got = backend(case, &inputs, storage).map_err(Problem::Backend).map_err(failure)?;
        let exact = fill == Fill::SmallIntegers && is_exact(&case.op);
        check_output(&got, &wanted, exact, storage).map_err(failure)?;
        if !matches!(case.op, Op::Unary(_) | Op::UnaryGradient(_) | Op::Binary(_) | Op::OptimizerStep(_) | Op::Warp(_))
        {
            check_mean_square(&got, &wanted, storage).map_err(failure)?;
        }
    }
    Ok(())
}

/// The reference's output for `case` with its bounds.
///
/// # Errors
/// If the op cannot take the case's shapes.
pub fn reference(case: &Case, inputs: &[Tensor], storage: DType) -> Result<Evaluated, Problem> {
    let arrays: Vec<Array> = inputs.iter().map(Array::from).collect();
    evaluate(&case.op, &arrays.iter().collect::<Vec<_>>(), storage).map_err(|error| Problem::Case(error.to_string()))
}

/// Checks `got` against the reference: bit by bit where the sums are `exact`; then each element's bound.
///
/// # Errors
/// At the first check that fails.
pub fn check_output(got: &[f32], wanted: &Evaluated, exact: bool, storage: DType) -> Result<(), Problem> {
    let Array { shape, data } = &wanted.value;
    if got.len() != data.len() {
        return Err(Problem::Length { got: got.len(), wanted: data.len() });
    }
    if exact {
        check_bits(got, &wanted.value, storage)?;
    }
    if let Some(worst) = wanted.worst(got)
        && worst.ratio > 1.0
    {
        let i = worst.index;
        let (got, wanted, bound) = (got[i], data[i], wanted.bound.data[i]);
        return Err(Problem::Bound { at: position(i, shape), got, wanted, ratio: worst.ratio, bound });
    }
    Ok(())
}

/// Checks the normalised mean square error of a sum of products. A function of one element has its bound alone: where all
/// elements lie in the tail of a function (gelu at -3), an absolute error that its formula allows is large beside them. So has
/// a projective map: a position that jumps within its own error makes another pixel.
///
/// # Errors
/// If it exceeds what rule 3 allows.
pub fn check_mean_square(got: &[f32], wanted: &Evaluated, storage: DType) -> Result<(), Problem> {
    let limit = match storage {
        DType::F32 => 1e-9,
        DType::F16 => 1e-6,
    };
    let error = mean_square(got, wanted);
    if error > limit { Err(Problem::MeanSquare { error, limit }) } else { Ok(()) }
}

/// Every element equal, but for those of f16 that f16 does not hold (their bound counts).
fn check_bits(got: &[f32], wanted: &Array, storage: DType) -> Result<(), Problem> {
    let held = |value: f64| storage == DType::F32 || half::f16::from_f64(value).to_f64() == value;
    let differs = |i: &usize| held(wanted.data[*i]) && f64::from(got[*i]) != wanted.data[*i];
    let mut different = (0..got.len()).filter(differs);
    let Some(first) = different.next() else { return Ok(()) };
    Err(Problem::Bits {
        count: 1 + different.count(),
        len: got.len(),
        at: position(first, &wanted.shape),
        got: got[first],
        wanted: wanted.data[first],
    })
}

/// Σ (got - wanted)² / Σ wanted² over the elements that have a bound; 0 where all of them should be 0.
fn mean_square(got: &[f32], wanted: &Evaluated) -> f64 {
    let pairs = got.iter().zip(&wanted.value.data).zip(&wanted.bound.data);
    let bounded = pairs.filter(|&((_, value), &bound)| bound < f64::INFINITY && value.is_finite());
    let (mut error, mut square) = (0.0, 0.0);
    for ((&got, value), _) in bounded {
        error += (f64::from(got) - value).powi(2);
        square += value.powi(2);
    }
    if square > 0.0 { error / square } else { 0.0 }
}

/// Whether float32 computes `op` without any rounding on small integers.
fn is_exact(op: &Op) -> bool {
    let exact = |function: &Function| function.as_clamp().is_some();
    match op {
        Op::Conv2D(_) | Op::Conv2DFilterGradient(_) | Op::Conv2DTranspose(_) | Op::Gemm(_) => true,
        Op::Pool2D(op) => op.kind == PoolKind::Max,
        Op::Pool2DGradient(op) => op.pool.kind == PoolKind::Max,
        Op::Reduce(op) => op.kind == ReduceKind::Sum,
        Op::Unary(op) => exact(&op.function),
        Op::UnaryGradient(op) => exact(&op.function),
        Op::Binary(op) => op.op != BinaryOp::Divide && exact(&op.activation),
        Op::BatchNorm(_) | Op::LayerNorm(_) | Op::Softmax(_) => false,
        Op::Resize(op) => op.interpolation == Interpolation::Nearest,
        Op::ResizeGradient(op) => op.interpolation == Interpolation::Nearest,
        // The maps that small integers get have whole positions.
        Op::Warp(_) => true,
        Op::Pad(_) | Op::Slice(_) | Op::Transpose(_) | Op::Concat(_) | Op::Broadcast(_) | Op::Reshape(_) => true,
        Op::Histogram(_) | Op::Lookup(_) => true,
        Op::Cast(_) | Op::Assign(_) | Op::RandomUniform(_) => true,
        // Small integers come with a step that is left out.
        Op::OptimizerStep(_) => true,
    }
}

/// The index of the row-major element `index` on each axis.
fn position(mut index: usize, shape: &[usize]) -> Vec<usize> {
    let mut at: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&size| {
            let i = index % size;
            index /= size;
            i
        })
        .collect();
    at.reverse();
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::{conv2d, elementwise};

    /// The reference, rounded to the storage type, with a fault.
    fn faulty(fault: impl Fn(&mut Vec<f32>)) -> impl Fn(&Case, &[Tensor], DType) -> Result<Vec<f32>, String> {
        move |case, inputs, storage| {
            let value = reference(case, inputs, storage).map_err(|error| error.to_string())?.value;
            let mut output: Vec<f32> = match storage {
                DType::F32 => value.data.iter().map(|&y| y as f32).collect(),
                DType::F16 => value.data.iter().map(|&y| half::f16::from_f64(y).to_f32()).collect(),
            };
            fault(&mut output);
            Ok(output)
        }
    }

    #[test]
    fn what_is_right_passes() {
        for (_, cases) in crate::cases::all() {
            for case in cases.iter().step_by(7) {
                for storage in [DType::F32, DType::F16] {
                    check_case(&faulty(|_| ()), case, storage).unwrap();
                }
            }
        }
    }

    #[test]
    fn a_dropped_product_is_found_at_once() {
        // The deepest convolution: a bound alone lets one product of 4608 through two times in three.
        let case = &conv2d::cases().into_iter().find(|case| case.inputs[0] == [1, 7, 7, 512]).unwrap();
        for storage in [DType::F32, DType::F16] {
            let failure = check_case(&faulty(|output| output[100] += 1.0), case, storage).unwrap_err();
            assert_eq!(failure.fill, Fill::SmallIntegers);
            assert!(matches!(failure.problem, Problem::Bits { count: 1, .. }), "{failure}");
        }
    }

    #[test]
    fn errors_over_the_bound_are_found() {
        let case = &elementwise::cases().into_iter().find(|case| case.name.contains("Exponential")).unwrap();
        // Of the special numbers, -1 has index 5.
        let failure = check_case(&faulty(|output| output[5] *= 1.0001), case, DType::F32).unwrap_err();
        assert!(matches!(failure.problem, Problem::Bound { got, .. } if got > 0.3679), "{failure}");
        let nan = check_case(&faulty(|output| output[5] = f32::NAN), case, DType::F32).unwrap_err();
        assert!(matches!(nan.problem, Problem::Bound { ratio: f64::INFINITY, .. }), "{nan}");
        let short = check_case(&faulty(|output| _ = output.pop()), case, DType::F32).unwrap_err();
        assert!(matches!(short.problem, Problem::Length { .. }), "{short}");
    }

    #[test]
    fn many_errors_inside_their_bounds_are_found() {
        let case = &conv2d::cases().into_iter().find(|case| case.inputs[0] == [1, 7, 7, 512]).unwrap();
        let inputs = case.tensors(Fill::Reals, DType::F32);
        let mut wanted = reference(case, &inputs, DType::F32).unwrap();
        let got: Vec<f32> = wanted.value.data.iter().map(|&y| y as f32 * 1.0001).collect();
        wanted.bound.data.fill(1.0);
        check_output(&got, &wanted, false, DType::F32).unwrap();
        let problem = check_mean_square(&got, &wanted, DType::F32).unwrap_err();
        assert!(matches!(problem, Problem::MeanSquare { .. }), "{problem}");
    }

    #[test]
    fn positions_are_row_major() {
        assert_eq!(position(23, &[2, 3, 4]), [1, 2, 3]);
        assert_eq!(position(0, &[]), [0usize; 0]);
    }
}
