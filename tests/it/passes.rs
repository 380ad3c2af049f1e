//! Every pass, and all of them together, leave the outputs of random graphs as they were, in float64.
//!
//! In float64 a cast moves nothing, so the float16 pass has to agree as closely as the others.

use cnn_core::op::{Clamp, Epilogue, Op};
use cnn_core::passes::{clean_up, fold_batch_normalization, fuse_epilogue, split_large_weights, store_as_f16};
use cnn_core::{DType, Graph, Plan, Simplify, simplify};
use cnn_cpu::reference::{Array, run};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::random_graph::{build, noise, recipes, weights};

/// Of the largest element of an output or 1. Graphs are up to 20 linear layers deep, with sums of 400 products at most but
/// for rare flattened ones, and a gain near 1: 20 · 400 · 2^-53 is below it.
const TOLERANCE: f64 = 1e-12;

fn outputs(graph: &Graph) -> Vec<Array> {
    let weights = weights(graph);
    let input = |id: &cnn_core::ValueId| {
        let value = graph.value(*id);
        Array::from(&noise(value.shape.clone(), value.name.len() as u64 + 11, (-1.0, 1.0)))
    };
    let inputs: Vec<Array> = graph.inputs().iter().map(input).collect();
    run(graph, |path| weights.get(path), &inputs).unwrap()
}

/// How `after` differs from `before`, if it does.
fn compare(before: &Graph, after: &Graph) -> Result<(), String> {
    let names = |graph: &Graph| graph.outputs().iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    if names(before) != names(after) {
        return Err(format!("outputs {:?} became {:?}", names(before), names(after)));
    }
    for ((old, new), name) in outputs(before).iter().zip(&outputs(after)).zip(names(before)) {
        if old.shape != new.shape {
            return Err(format!("{name}: shape {:?} became {:?}", old.shape, new.shape));
        }
        let scale = old.data.iter().fold(1.0f64, |max, x| max.max(x.abs()));
        for (index, (x, y)) in old.data.iter().zip(&new.data).enumerate() {
            let error = (x - y).abs();
            if error > TOLERANCE * scale || error.is_nan() {
                return Err(format!("{name}[{index}]: {x} became {y}, in outputs up to {scale}"));
            }
        }
    }
    Ok(())
}

fn steps(graph: &Graph) -> usize {
    Plan::new(graph.clone()).steps().len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn outputs_stay((steps, others) in recipes(20), limit in 16usize..4000) {
        let graph = build(&steps, &others);
        let passes: [(&str, Graph); 5] = [
            ("clean_up", clean_up(&graph)),
            ("fold_batch_normalization", fold_batch_normalization(&graph)),
            ("fuse_epilogue", fuse_epilogue(&graph)),
            ("split_large_weights", split_large_weights(&graph, limit)),
            ("store_as_f16", store_as_f16(&graph)),
        ];
        for (name, after) in passes {
            prop_assert_eq!(compare(&graph, &after), Ok(()), "{}", name);
        }
        for storage in [DType::F32, DType::F16] {
            for weight_limit in [None, Some(limit)] {
                let options = Simplify { weight_limit, storage };
                prop_assert_eq!(compare(&graph, &simplify(&graph, &options)), Ok(()), "{:?}", options);
            }
        }
        let halves_first = split_large_weights(&store_as_f16(&graph), limit);
        prop_assert_eq!(compare(&graph, &halves_first), Ok(()), "split_large_weights behind store_as_f16");
    }

    #[test]
    fn steps_never_grow_and_nothing_is_left_to_do((recipe, others) in recipes(20)) {
        let graph = build(&recipe, &others);
        let simple = simplify(&graph, &Simplify::default());
        prop_assert!(steps(&simple) <= steps(&graph));
        prop_assert_eq!(steps(&simplify(&simple, &Simplify::default())), steps(&simple));
    }
}

/// What the random graphs give the passes to do, or the test above would prove nothing.
#[test]
fn random_graphs_hold_what_passes_look_for() {
    let mut runner = TestRunner::deterministic();
    let mut found = std::collections::BTreeMap::<&str, usize>::new();
    for _ in 0..400 {
        let (recipe, others) = recipes(20).new_tree(&mut runner).unwrap().current();
        let graph = build(&recipe, &others);
        let count =
            |graph: &Graph, wanted: fn(&Op) -> bool| graph.nodes().iter().filter(|node| wanted(&node.op)).count();
        let clean = clean_up(&graph);
        let simple = simplify(&graph, &Simplify::default());
        let split = simplify(&graph, &Simplify { weight_limit: Some(1000), storage: DType::F16 });
        let is_norm = |op: &Op| matches!(op, Op::BatchNorm(_));
        let is_gemm = |op: &Op| matches!(op, Op::Gemm(_));
        for (name, times) in [
            ("folded", count(&clean, is_norm) - count(&simple, is_norm)),
            (
                "folded into a transposed convolution",
                count(&simple, |op| matches!(op, Op::Conv2DTranspose(op) if op.epilogue.bias)),
            ),
            ("not folded", count(&simple, is_norm)),
            ("bias", count(&simple, |op| epilogue(op).bias)),
            ("residual", count(&simple, |op| epilogue(op).residual)),
            (
                "bias, residual and clamp",
                count(&simple, |op| {
                    epilogue(op).bias && epilogue(op).residual && epilogue(op).clamp != Clamp::default()
                }),
            ),
            ("padding", count(&graph, |op| matches!(op, Op::Pad(_))) - count(&simple, |op| matches!(op, Op::Pad(_)))),
            ("padding that stays", count(&simple, |op| matches!(op, Op::Pad(_)))),
            ("split", count(&split, is_gemm) - count(&simple, is_gemm)),
        ] {
            *found.entry(name).or_default() += times;
        }
    }
    println!("{found:?}");
    assert!(found.values().all(|&times| times >= 10), "{found:?}");
}

fn epilogue(op: &Op) -> Epilogue {
    match op {
        Op::Conv2D(op) => op.epilogue,
        Op::Conv2DTranspose(op) => op.epilogue,
        Op::Gemm(op) => op.epilogue,
        _ => Epilogue::default(),
    }
}
