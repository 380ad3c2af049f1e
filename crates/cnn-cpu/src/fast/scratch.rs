//! Memory that a kernel needs only while it runs.

use std::sync::{Mutex, PoisonError};

/// Elements of the largest buffer that is kept for the next kernel, for each thread that helps. More is asked of the
/// allocator each time.
const KEPT: usize = (8 << 20) / size_of::<f32>();

/// Buffers that nothing uses now, the largest last: as many as were in use at once, by kernels inside kernels and by programs
/// that ran at the same time.
static IDLE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Calls `work` with `len` elements that hold anything.
pub(super) fn scratch<T>(len: usize, work: impl FnOnce(&mut [f32]) -> T) -> T {
    let idle = || IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    if len == 0 {
        return work(&mut []);
    }
    let mut buffer = take(&mut idle(), len);
    let result = work(&mut buffer[..len]);
    if buffer.len() <= KEPT * rayon::current_num_threads() {
        let mut idle = idle();
        let place = idle.partition_point(|other| other.len() <= buffer.len());
        idle.insert(place, buffer);
    }
    result
}

/// The smallest that holds `len` elements; a new one for the largest where none does.
fn take(idle: &mut Vec<Vec<f32>>, len: usize) -> Vec<f32> {
    let fitting = idle.partition_point(|buffer| buffer.len() < len);
    if fitting < idle.len() {
        return idle.remove(fitting);
    }
    drop(idle.pop());
    vec![0.0; len]
}

/// Scratch memory for tasks that run at the same time, in one buffer: what is kept does not depend on how many of them do.
pub(super) struct Scratch<'a> {
    len: usize,
    free: Mutex<Vec<&'a mut [f32]>>,
}

impl Scratch<'_> {
    /// Calls `work` with `len` elements for each of `tasks` tasks, as far as they can run at the same time.
    pub(super) fn for_tasks(tasks: usize, len: usize, work: impl FnOnce(&Scratch)) {
        let threads = rayon::current_num_threads();
        scratch(tasks.min(threads) * len, |all| {
            let free = Mutex::new(all.chunks_exact_mut(len.max(1)).collect());
            work(&Scratch { len, free });
        });
    }

    /// Calls `work`, in a task, with elements that hold anything.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut [f32]) -> T) -> T {
        let free = || self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = free().pop();
        // More tasks at once than there are threads, or than were announced, take a buffer of their own.
        let Some(buffer) = taken else { return scratch(self.len, work) };
        let result = work(&mut *buffer);
        free().push(buffer);
        result
    }
}
