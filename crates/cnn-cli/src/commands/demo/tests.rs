//! The demo's trainings on every device: as the float64 reference step by step, and without a leak.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod memory;

use cnn::training::{Progress, Trainer};
use cnn::{Device, Network};
use cnn_tests::devices::devices;

use super::digits::Digits;
use super::recipe::{self, Task};

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
