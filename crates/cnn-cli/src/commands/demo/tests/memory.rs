//! What 200 epochs hold.

use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cap::Cap;
use cnn::Device;
use cnn::training::{Progress, Trainer};
use tikv_jemallocator::Jemalloc;

use super::super::digits::Digits;
use super::super::recipe::{self, Task};
use super::all_devices;

/// Counts what this process's Rust code, wgpu included, holds on the heap.
#[global_allocator]
static HEAP: Cap<Jemalloc> = Cap::new(Jemalloc, usize::MAX);

/// The resident set of this process in bytes, page by page: what `/proc/self/status` says may be off by 32 pages for each core.
fn resident() -> u64 {
    let memory = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = memory.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// The same once the allocator has given back what is free, for which it may take ten seconds otherwise.
fn resident_and_needed() -> u64 {
    // SAFETY: the name ends in a zero, and a command without a value takes null for each of its pointers.
    let failed =
        unsafe { tikv_jemalloc_sys::mallctl(c"arena.4096.purge".as_ptr(), null_mut(), null_mut(), null_mut(), 0) };
    assert_eq!(failed, 0);
    resident()
}

/// What is held, in bytes.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// By wgpu's allocator on the device, where it tells.
    device: Option<u64>,
    /// By our code and wgpu's on the heap.
    heap: usize,
    /// By the process: also by the drivers, and what the allocator has not given back.
    resident: u64,
}

/// Bytes of the heap that the device's thread may have in hand at a moment: up to 1 KiB was seen.
const IN_HAND: usize = 1024;
/// Bytes of the heap that may come later than epoch 2: wgpu-hal's encoders take turns otherwise when the device's thread is late.
/// Each keeps its longest list of barriers, up to 128 of 56 bytes in a step; two of them may come to theirs late.
const LATE: usize = IN_HAND + 2 * 128 * 56;

/// What training on `task` grows by after epoch 2, if that is more than it may: nothing on the device and [`LATE`] on the heap, but on
/// the CPU the buffer that the `gemm` crate makes for each thread, as large as its cache of level 2, if a thread comes to a
/// product later than epoch 2; and `touched` bytes of what is `resident`, which is also the allocator's and the drivers'.
///
/// A leak goes on, but a thread's first buffer and first touches come to an end: so it trains 200 epochs, and then until a
/// hundred epochs have added nothing to the heap and less than 1 KiB each to what is resident, which has to be by epoch `last`.
fn too_much_growth(device: &Device, task: &Task, last: u32, resident: fn() -> u64, touched: u64) -> Option<String> {
    let mut trainer = Trainer::new(device, &task.network, recipe::compiled(3)).unwrap();
    let mut held: Vec<Held> = Vec::with_capacity(last as usize);
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
                now.heap <= before.heap + 4 * IN_HAND && now.resident <= before.resident + 100 * 1024
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

/// Epochs of a full and a smaller batch and of validation. Threads meet in new orders for as long as it takes: 2 MiB may be touched.
/// SwiftShader needs most of it. It runs each subgroup of a workgroup with barriers on a stack of 1 MiB, and makes 16 more when a
/// thread gets a second such workgroup of 64 before the first is done.
#[test]
fn memory_does_not_grow_over_200_epochs() {
    let whole = recipe::augmented(&Digits::read().unwrap(), 3).unwrap();
    let training = whole.training.take(6).batch_size(4).unwrap();
    let task = Task { training, test: whole.test.take(2), ..whole };
    let failures: Vec<String> = all_devices()
        .iter()
        .filter_map(|device| too_much_growth(device, &task, 1000, resident_and_needed, 2 << 20))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The same with all that the demo learns from and is tested on, on the devices whose name contains `CNN_TEST_DEVICE`: it ends with
/// no more than after epoch 2. With 734eb70 SwiftShader ended with 23 pages more.
#[test]
#[ignore = "takes a minute on the CPU, some on lavapipe and twenty on SwiftShader; benches/RESULTS.md has its figures"]
fn memory_does_not_grow_over_200_epochs_of_the_whole_demo() {
    let named = std::env::var("CNN_TEST_DEVICE").unwrap_or_default();
    let mut devices = all_devices();
    devices.retain(|device| device.to_string().contains(&named));
    assert!(!devices.is_empty(), "no device has '{named}' in its name");
    let task = recipe::augmented(&Digits::read().unwrap(), 3).unwrap();
    let failures: Vec<String> =
        devices.iter().filter_map(|device| too_much_growth(device, &task, 200, resident, 0)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
