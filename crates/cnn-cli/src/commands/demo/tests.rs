//! The demo's trainings on every device: as the float64 reference step by step, and without a leak.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cap::Cap;
use cnn::training::{Progress, Trainer};
use cnn::{Device, Network};
use cnn_tests::devices::devices;

use super::digits::Digits;
use super::recipe::{self, Task};
use crate::Allocator;

/// Counts what this process's Rust code, wgpu included, holds on the heap.
#[global_allocator]
static HEAP: Cap<Allocator> = Cap::new(Allocator, usize::MAX);

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

/// The resident set of this process in bytes, page by page: what `/proc/self/status` says may be off by 32 pages for each core.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let memory = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = memory.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// What is held, in bytes.
#[cfg(target_os = "linux")]
#[derive(Debug, Clone, Copy)]
struct Held {
    /// By wgpu's allocator on the device, where it tells.
    device: Option<u64>,
    /// By our code and wgpu's on the heap.
    heap: usize,
    /// By the process: also by the drivers and by the C library's allocator.
    resident: u64,
}

/// Bytes of the heap that the device's thread may have in hand at a moment: up to 1 KiB was seen.
#[cfg(target_os = "linux")]
const IN_HAND: usize = 1024;
/// Bytes of the heap that may come later than epoch 2: wgpu-hal's encoders take turns otherwise when the device's thread is late.
/// Each keeps its longest list of barriers, up to 128 of 56 bytes in a step; two of them may come to theirs late.
#[cfg(target_os = "linux")]
const LATE: usize = IN_HAND + 2 * 128 * 56;

/// What training on `task` grows by after epoch 2, if that is more than it may: nothing on the device and [`LATE`] on the heap, but on
/// the CPU the buffer that the `gemm` crate makes for each thread, as large as its cache of level 2, if a thread comes to a
/// product later than epoch 2; `touched` bytes of the resident set, which is also the allocator's and the drivers'.
///
/// A leak goes on, but a thread's first buffer and first touches come to an end: so it trains 200 epochs, and then until a
/// hundred epochs have added nothing to the heap, and the last fifty less than 1 KiB each to the resident set, which has to be by
/// epoch `last`. The allocator gives pages back and asks for them again: the least of fifty epochs is what was needed.
#[cfg(target_os = "linux")]
fn too_much_growth(device: &Device, task: &Task, last: u32, touched: u64) -> Option<String> {
    let mut trainer = Trainer::new(device, &task.network, recipe::compiled(3)).unwrap();
    let mut held = Vec::with_capacity(last as usize);
    let mut settled = false;
    let stop = Arc::new(AtomicBool::new(false));
    let mut fit = recipe::fit(task, last / task.times).unwrap().stop(stop.clone()).progress(|progress| {
        if let Progress::Epoch { .. } = progress {
            held.push(Held { device: device.allocated_bytes(), heap: HEAP.allocated(), resident: resident() });
            let (epochs, now) = (held.len(), held[held.len() - 1]);
            if epochs <= 2 || epochs % 20 == 0 {
                println!("{device}: after {epochs} epochs {now:?}");
            }
            settled = epochs >= 200 && {
                let before = held[epochs - 101];
                let least = |held: &[Held]| held.iter().map(|held| held.resident).min();
                let [earlier, later] = [&held[epochs - 100..epochs - 50], &held[epochs - 50..]].map(least);
                now.heap <= before.heap + 4 * IN_HAND && later <= earlier.map(|earlier| earlier + 50 * 1024)
            };
            stop.store(settled, Ordering::Relaxed);
        }
    });
    trainer.fit_blocking(&task.training, &mut fit).unwrap();
    drop(fit);
    let (at_2, at_end) = (held[1], held[held.len() - 1]);
    let caches = std::thread::available_parallelism().unwrap().get() * (2 << 20);
    let late = LATE + if matches!(device, Device::Cpu { .. }) { caches } else { 0 };
    let as_before =
        at_end.device == at_2.device && at_end.heap <= at_2.heap + late && at_end.resident <= at_2.resident + touched;
    let text = || {
        let epochs = held.len();
        format!("{device}: after 2 epochs {at_2:?}, {} {:?}, {epochs} {at_end:?}", epochs - 100, held[epochs - 101])
    };
    (!as_before || !settled).then(text)
}

/// Epochs of a full and a smaller batch and of validation. They are over before the allocator gives anything back, and threads meet
/// in new orders: 2 MiB may be touched. SwiftShader needs most of it. It runs each subgroup of a workgroup with barriers on a stack
/// of 1 MiB, and makes 16 more when a thread gets a second such workgroup of 64 before the first is done.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_over_200_epochs() {
    let whole = recipe::augmented(&Digits::read().unwrap(), 3).unwrap();
    let training = whole.training.take(6).batch_size(4).unwrap();
    let task = Task { training, test: whole.test.take(2), ..whole };
    let failures: Vec<String> =
        all_devices().iter().filter_map(|device| too_much_growth(device, &task, 1000, 2 << 20)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The same with all that the demo learns from and is tested on, on the devices whose name contains `CNN_TEST_DEVICE`: it ends with
/// no more than after epoch 2.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "takes a minute on the CPU, some on lavapipe and half an hour on SwiftShader; benches/RESULTS.md has its figures"]
fn memory_does_not_grow_over_200_epochs_of_the_whole_demo() {
    let named = std::env::var("CNN_TEST_DEVICE").unwrap_or_default();
    let mut devices = all_devices();
    devices.retain(|device| device.to_string().contains(&named));
    assert!(!devices.is_empty(), "no device has '{named}' in its name");
    let task = recipe::augmented(&Digits::read().unwrap(), 3).unwrap();
    let failures: Vec<String> = devices.iter().filter_map(|device| too_much_growth(device, &task, 200, 0)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
