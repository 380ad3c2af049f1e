//! One table of cases and one strategy of random cases for each family of ops.
//!
//! A case is an op with the shapes of its inputs; [`Case::tensors`] makes the inputs, the same ones on every machine.

use cnn_core::op::{Clamp, Epilogue};
use cnn_core::{DType, Op, Tensor};
use proptest::strategy::BoxedStrategy;

pub mod conv2d;
pub mod conv2d_filter_gradient;
pub mod conv2d_transpose;
pub mod elementwise;
pub mod fill;
pub mod gemm;
pub mod histogram;
pub mod movement;
pub mod normalization;
pub mod optimizer_step;
pub mod pool2d;
pub mod random;
pub mod reduce;
pub mod resize;
pub mod softmax;
pub mod warp;

pub use fill::Fill;

/// An op and the shapes it is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What it is, spelled out; no two cases of a table share it.
    pub name: String,
    /// The op.
    pub op: Op,
    /// Shapes of the op's inputs in its order, the epilogue's behind its own.
    pub inputs: Vec<Vec<usize>>,
}

impl Case {
    /// A case named after its shapes and `label`.
    pub fn new(label: impl AsRef<str>, op: impl Into<Op>, inputs: Vec<Vec<usize>>) -> Self {
        let shapes: Vec<String> = inputs.iter().map(|shape| dimensions(shape)).collect();
        let op = op.into();
        let name = format!("{} {} {}", op.name(), shapes.join(" "), label.as_ref());
        Self { name: name.trim_end().to_string(), op, inputs }
    }

    /// The shape of its output.
    ///
    /// # Panics
    /// If the op cannot take the shapes: the table is wrong.
    pub fn output_shape(&self) -> Vec<usize> {
        let shapes: Vec<&[usize]> = self.inputs.iter().map(Vec::as_slice).collect();
        self.op.output_shape(&shapes).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Its inputs, as `storage` holds them.
    pub fn tensors(&self, fill: Fill, storage: DType) -> Vec<Tensor> {
        fill::tensors(self, fill, storage)
    }
}

/// All tables, by family.
pub fn all() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("conv2d", conv2d::cases()),
        ("conv2d_filter_gradient", conv2d_filter_gradient::cases()),
        ("conv2d_transpose", conv2d_transpose::cases()),
        ("pool2d", pool2d::cases()),
        ("reduce", reduce::cases()),
        ("gemm", gemm::cases()),
        ("elementwise", elementwise::cases()),
        ("normalization", normalization::cases()),
        ("softmax", softmax::cases()),
        ("resize", resize::cases()),
        ("warp", warp::cases()),
        ("histogram", histogram::cases()),
        ("movement", movement::cases()),
        ("random", random::cases()),
        ("optimizer_step", optimizer_step::cases()),
    ]
}

/// All strategies of random cases, by family.
pub fn strategies() -> Vec<(&'static str, BoxedStrategy<Case>)> {
    vec![
        ("conv2d", conv2d::strategy()),
        ("conv2d_filter_gradient", conv2d_filter_gradient::strategy()),
        ("conv2d_transpose", conv2d_transpose::strategy()),
        ("pool2d", pool2d::strategy()),
        ("reduce", reduce::strategy()),
        ("gemm", gemm::strategy()),
        ("elementwise", elementwise::strategy()),
        ("normalization", normalization::strategy()),
        ("softmax", softmax::strategy()),
        ("resize", resize::strategy()),
        ("warp", warp::strategy()),
        ("histogram", histogram::strategy()),
        ("movement", movement::strategy()),
        ("random", random::strategy()),
        ("optimizer_step", optimizer_step::strategy()),
    ]
}

/// Nothing behind the sum.
pub(crate) const PLAIN: Epilogue = Epilogue { bias: false, residual: false, clamp: PASS };
/// A bias.
pub(crate) const BIAS: Epilogue = Epilogue { bias: true, ..PLAIN };
/// A bias and ReLU.
pub(crate) const RELU: Epilogue = Epilogue { bias: true, residual: false, clamp: CLAMP_RELU };
/// A bias and ReLU6.
pub(crate) const RELU6: Epilogue = Epilogue { bias: true, residual: false, clamp: Clamp { low: 0.0, high: 6.0 } };
/// A residual alone.
pub(crate) const RESIDUAL: Epilogue = Epilogue { residual: true, ..PLAIN };
/// A bias, a residual and ReLU.
pub(crate) const EVERYTHING: Epilogue = Epilogue { bias: true, residual: true, clamp: CLAMP_RELU };
/// A clamp that is no ReLU, and no bias.
pub(crate) const CLAMP: Epilogue = Epilogue { bias: false, residual: false, clamp: Clamp { low: -2.0, high: 3.0 } };
/// All of the above, for strategies.
pub(crate) const EPILOGUES: [Epilogue; 7] = [PLAIN, BIAS, RELU, RELU6, RESIDUAL, EVERYTHING, CLAMP];

const PASS: Clamp = Clamp { low: f32::NEG_INFINITY, high: f32::INFINITY };
const CLAMP_RELU: Clamp = Clamp { low: 0.0, high: f32::INFINITY };

/// An epilogue in a name.
pub(crate) fn epilogue_label(epilogue: &Epilogue) -> String {
    let Clamp { low, high } = epilogue.clamp;
    let mut label = String::new();
    for (part, present) in [(" bias", epilogue.bias), (" residual", epilogue.residual)] {
        label += if present { part } else { "" };
    }
    if epilogue.clamp != PASS {
        label += &format!(" clamp({low}, {high})");
    }
    label
}

/// The shapes of an epilogue's inputs for an output of `output`.
pub(crate) fn epilogue_inputs(epilogue: &Epilogue, output: &[usize]) -> Vec<Vec<usize>> {
    let bias = epilogue.bias.then(|| output[output.len() - 1..].to_vec());
    let residual = epilogue.residual.then(|| output.to_vec());
    bias.into_iter().chain(residual).collect()
}

/// A shape in a name.
pub(crate) fn dimensions(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    if sizes.is_empty() { "scalar".into() } else { sizes.join("x") }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn tables_are_large_and_their_names_unique() {
        for (family, cases) in all() {
            let wanted = if family == "conv2d" { 60 } else { 20 };
            assert!(cases.len() >= wanted, "{family} has {} cases", cases.len());
            let names: HashSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
            assert_eq!(names.len(), cases.len(), "{family} has two cases of one name");
        }
    }

    #[test]
    fn every_case_has_an_output_shape_and_inputs() {
        for case in all().into_iter().flat_map(|(_, cases)| cases) {
            case.output_shape();
            for fill in [Fill::SmallIntegers, Fill::Reals] {
                let tensors = case.tensors(fill, DType::F32);
                assert!(tensors.iter().map(Tensor::shape).eq(case.inputs.iter().map(Vec::as_slice)), "{}", case.name);
            }
        }
    }
}
