//! Every kernel on every adapter agrees with the reference: bit equality on small integers, the derived bound and mean
//! square error on reals, poison and guards around the output.
//!
//! Not only the kernel that a program would choose is run, but every candidate.

use cnn_core::{DType, Tensor};
use cnn_tests::cases::{self, Case};
use cnn_tests::check::check_case;
use cnn_tests::devices::{Excluded, Tally, devices};
use cnn_wgpu::kernel::{Candidate, Problem};
use cnn_wgpu::{Gpu, decode, encode, kernels, run_candidate};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

/// What output and guards hold before a run: NaN in both element types.
const POISON: u8 = 0xff;
/// Bytes behind the output, and behind each input, that no result may depend on.
const GUARD: usize = 1024;
/// Random cases of a family on each device.
const RANDOM: u32 = 24;
/// What they are drawn from.
const SEED: u64 = 2026;

fn run_family(family: &str) {
    let table = cases::all().into_iter().find(|(name, _)| *name == family).map(|(_, cases)| cases);
    let table = table.unwrap_or_else(|| panic!("there is no family {family}"));
    let strategy = cases::strategies().into_iter().find(|(name, _)| *name == family).map(|(_, strategy)| strategy);
    let strategy = strategy.unwrap_or_else(|| panic!("there is no strategy for {family}"));
    for device in devices(true) {
        let mut tally = Tally::default();
        for storage in [DType::F32, DType::F16] {
            if storage == DType::F16 && !device.gpu.capabilities().f16 {
                // The table's cases, and the random ones, which count as one.
                let (case, count) = ("all in float16", table.len() + 1);
                tally.excluded.push(Excluded { case, count, reason: "the device has no SHADER_F16" });
                continue;
            }
            for case in &table {
                tally.add(run_case(&device.gpu, case, storage));
            }
            // One seed, so that a failure is the same on every machine.
            let rng_seed = RngSeed::Fixed(SEED);
            let config = Config { cases: RANDOM, failure_persistence: None, rng_seed, ..Config::default() };
            let result = TestRunner::new(config)
                .run(&strategy, |case| run_case(&device.gpu, &case, storage).map_err(TestCaseError::fail));
            tally.add(result.map_err(|error| error.to_string()));
        }
        tally.finish(&device, family);
    }
}

/// Every candidate for the case.
fn run_case(gpu: &Gpu, case: &Case, storage: DType) -> Result<(), String> {
    let shapes: Vec<&[usize]> = case.inputs.iter().map(Vec::as_slice).collect();
    let output = case.output_shape();
    let problem = Problem { inputs: &shapes, output: &output, dtype: storage, capabilities: gpu.capabilities() };
    for candidate in kernels::candidates(&case.op, &problem) {
        let backend =
            |case: &Case, inputs: &[Tensor], storage: DType| run_guarded(gpu, &candidate, case, inputs, storage);
        check_case(&backend, case, storage).map_err(|failure| format!("{}: {failure}", candidate.name))?;
    }
    Ok(())
}

/// Runs a candidate between poison and guards.
fn run_guarded(
    gpu: &Gpu,
    candidate: &Candidate,
    case: &Case,
    inputs: &[Tensor],
    storage: DType,
) -> Result<Vec<f32>, String> {
    let inputs: Vec<Vec<u8>> =
        inputs.iter().map(|tensor| [encode(tensor.data(), storage), vec![POISON; GUARD]].concat()).collect();
    let dtype = case.op.output_dtype(&[storage]);
    let bytes = case.output_shape().iter().product::<usize>() * dtype.size();
    let got = run_candidate(gpu, candidate, &inputs, bytes, GUARD, POISON);
    let got = pollster::block_on(got).map_err(|error| error.to_string())?;
    if let Some(at) = got[bytes..].iter().position(|&byte| byte != POISON) {
        return Err(format!("wrote past the end of its output, first {at} bytes behind it"));
    }
    Ok(decode(&got[..bytes], dtype))
}

macro_rules! families {
    ($($family:ident),* $(,)?) => {
        $(#[test]
        fn $family() {
            run_family(stringify!($family));
        })*

        #[test]
        fn every_family_is_run() {
            let known: Vec<&str> = cases::all().iter().map(|(family, _)| *family).collect();
            assert_eq!(known, [$(stringify!($family)),*]);
        }
    };
}

families!(
    conv2d,
    conv2d_filter_gradient,
    conv2d_transpose,
    pool2d,
    reduce,
    gemm,
    elementwise,
    normalization,
    softmax,
    resize,
    warp,
    histogram,
    movement,
    random,
    optimizer_step
);
