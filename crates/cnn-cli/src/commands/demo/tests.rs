//! The demo's trainings on every device: as the float64 reference step by step, and without a leak.

use std::alloc::System;

use cap::Cap;
use cnn::training::{Progress, Trainer};
use cnn::{Device, Network};
use cnn_tests::devices::devices;

use super::digits::Digits;
use super::recipe::{self, Task};

/// Counts what this process's Rust code, wgpu included, holds on the heap.
#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

fn all_devices() -> Vec<Device> {
    let gpus = devices(false).into_iter().map(|device| Device::Gpu(device.gpu));
    [Device::cpu()].into_iter().chain(gpus).collect()
}

/// A task on its first digits alone.
fn few(task: Task, training: usize) -> Task {
    Task { training: task.training.take(training), test: task.test.take(8), ..task }
}

/// The loss of every step, and the network at the end.
fn learned(device: &Device, task: &Task, epochs: u32) -> (Vec<f64>, Network) {
    let mut trainer = Trainer::new(device, &task.network, recipe::compiled(3)).unwrap();
    let mut losses = Vec::new();
    let mut fit = recipe::fit(task, epochs).unwrap().progress(|progress| {
        if let Progress::Step { loss, .. } = progress {
            losses.push(loss);
        }
    });
    trainer.fit_blocking(&task.training, &mut fit).unwrap();
    drop(fit);
    (losses, pollster::block_on(trainer.network()).unwrap())
}

/// The weights of the base, by path.
fn base(network: &Network) -> Vec<(String, Vec<u32>)> {
    let weights = network.weights().unwrap();
    let inside = weights.iter().filter(|(path, _)| path.starts_with("base/"));
    inside.map(|(path, x)| (path.to_string(), x.data().iter().map(|x| x.to_bits()).collect())).collect()
}

/// Four epochs of three batches, the last one smaller, as the real recipe has it, against the reference in float64: the bounds
/// of `tests/it/training.rs`. What is transferred ends with the bits that it began with.
#[test]
fn every_device_learns_as_the_reference() {
    let (digits, samples, epochs) = (Digits::read().unwrap(), 75, 4);
    let low = few(recipe::low(&digits, 3).unwrap(), samples);
    let transferred = learned(&Device::Reference, &low, epochs).1;
    let tasks = [
        recipe::scratch(&digits, 3).unwrap(),
        recipe::high(&digits, &transferred, 3).unwrap(),
        recipe::augmented(&digits, 3).unwrap(),
    ];
    for task in tasks.map(|task| few(task, samples)).into_iter().chain([low]) {
        let wanted = learned(&Device::Reference, &task, epochs).0;
        assert_eq!(wanted.len(), 3 * task.epochs(epochs) as usize, "{}", task.title);
        for device in all_devices() {
            let (losses, network) = learned(&device, &task, epochs);
            assert_eq!(losses.len(), wanted.len(), "{}, {device}", task.title);
            for (step, (got, wanted)) in losses.iter().zip(&wanted).enumerate() {
                let allowed = if step < 5 { 2e-6 } else { 1e-4 } * wanted.max(1.0);
                let close = (got - wanted).abs() <= allowed;
                assert!(close, "{}, {device}, step {step}: {got}, in float64 {wanted}", task.title);
            }
            let kept = base(&network) == base(&task.network);
            assert_eq!(kept, task.name == "5 to 9", "{}, {device}: what became of the base", task.title);
        }
    }
}

/// The resident set of this process in bytes.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// 200 epochs of a full and a smaller batch and of validation. The device holds as much as after epoch 2, to the byte. The heap
/// of our code and of wgpu's holds the history more: a vector for the epochs and one for each figure, which grow by doubling;
/// on the CPU also the buffer that the `gemm` crate makes for each thread, as large as its cache of level 2, if a thread comes
/// to a product later than epoch 2. The resident set is also the allocator's and the drivers': 2 MiB over all (SwiftShader,
/// whose threads make more and more stacks for tasks, took 0.8; the CPU path 0.5; OpenGL 0.2; lavapipe 0.1), and 1 KiB a run
/// over the second hundred (SwiftShader 0.6 KiB).
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_over_200_epochs() {
    let whole = recipe::augmented(&Digits::read().unwrap(), 3).unwrap();
    let training = whole.training.take(6).batch_size(4).unwrap();
    let task = Task { training, test: whole.test.take(2), ..whole };
    let failures = all_devices().into_iter().filter_map(|device| {
        let mut trainer = Trainer::new(&device, &task.network, recipe::compiled(3)).unwrap();
        let mut memory = Vec::with_capacity(200);
        let mut fit = recipe::fit(&task, 200 / task.times).unwrap().progress(|progress| {
            if let Progress::Epoch { .. } = progress {
                memory.push((device.allocated_bytes(), HEAP.allocated(), resident()));
            }
        });
        let history = trainer.fit_blocking(&task.training, &mut fit).unwrap().history;
        drop(fit);
        let [(device_2, heap_2, process_2), (_, heap_100, process_100), (device_200, heap_200, process_200)] =
            [1, 99, 199].map(|i| memory[i]);
        let resident =
            format!("resident set {process_2} bytes after epoch 2, {process_100} after 100, {process_200} after 200");
        let heap = format!("heap {heap_2} after epoch 2, {heap_100} after 100, {heap_200} after 200");
        let text = format!("{device}: {device_2:?} bytes after epoch 2, {device_200:?} after 200; {heap}; {resident}");
        println!("{text}");
        let recorded = (1 + history.iter().count()) * size_of::<f64>() * 200_usize.next_power_of_two();
        // 4 KiB for what the device's thread has in hand at that moment: up to 1 KiB was seen.
        let kept = recorded + 4096;
        let caches = std::thread::available_parallelism().unwrap().get() * (2 << 20);
        let late = if matches!(device, Device::Cpu { .. }) { caches } else { 0 };
        let flat = heap_200 <= heap_2 + kept + late && heap_200 <= heap_100 + kept;
        let settled = process_200 <= process_2 + (2 << 20) && process_200 <= process_100 + 100 * 3 * 1024;
        (device_200 != device_2 || !flat || !settled).then_some(text)
    });
    let failures: Vec<String> = failures.collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
