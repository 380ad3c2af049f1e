//! Every case of the tests' tables on the device that `CNN_BENCH_ADAPTER` chooses: input from the host, the kernel that a
//! program would take, output to the host.
//!
//! ```text
//! cargo bench -p cnn-benches --bench ops -- 'Conv2D 1x14x14x64'
//! ```

use std::hint::black_box;
use std::sync::Arc;

use cnn_benches::{ADAPTER, device};
use cnn_core::{DType, Graph, Plan, Weights};
use cnn_tests::cases::{self, Case, Fill};
use cnn_wgpu::{DeviceWeights, Gpu, Program};
use criterion::{Criterion, criterion_group, criterion_main};

/// The case as a program: its first input is one, the others are weights.
fn program(gpu: &Arc<Gpu>, case: &Case) -> Result<Program, Box<dyn std::error::Error>> {
    let mut graph = Graph::new();
    let mut values = vec![graph.input("x", case.inputs[0].clone())];
    let mut weights = Weights::new();
    for (i, tensor) in case.tensors(Fill::Reals, DType::F32).into_iter().enumerate().skip(1) {
        let name = format!("weight {i}");
        values.push(graph.variable(&name, tensor.shape().to_vec())?);
        weights.insert(name, tensor);
    }
    let output = graph.push("y", case.op.clone(), &values)?;
    graph.output("y", output);
    Ok(pollster::block_on(Program::new(DeviceWeights::new(gpu.clone(), Arc::new(weights)), Plan::new(graph)))?)
}

fn ops(criterion: &mut Criterion) {
    let gpu = match device() {
        Ok(Some(gpu)) => gpu,
        Ok(None) => return eprintln!("no adapter of the name in {ADAPTER}"),
        Err(error) => return eprintln!("{error}"),
    };
    for (family, cases) in cases::all() {
        let mut group = criterion.benchmark_group(family);
        for case in cases {
            let inputs = &case.tensors(Fill::Reals, DType::F32)[..1];
            // Compiled only if the filter on the command line lets it run.
            group.bench_function(&case.name, |bencher| match program(&gpu, &case) {
                Ok(program) => bencher.iter(|| black_box(pollster::block_on(program.run(inputs)))),
                Err(error) => eprintln!("{}: {error}", case.name),
            });
        }
        group.finish();
    }
}

criterion_group!(benches, ops);
criterion_main!(benches);
