//! Memory that a kernel needs only while it runs.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

/// Elements of the largest buffer that is kept for the next kernel, for each thread that helps. More is asked of the
/// allocator each time.
const KEPT: usize = (8 << 20) / size_of::<f32>();

thread_local! {
    /// Buffers that nothing uses now: as many as were in use at once, by kernels inside kernels.
    static BUFFERS: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with `len` elements that hold anything.
pub(super) fn scratch<T>(len: usize, work: impl FnOnce(&mut [f32]) -> T) -> T {
    let mut buffer = BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_default();
    if buffer.len() < len {
        buffer = vec![0.0; len];
    }
    let result = work(&mut buffer[..len]);
    if buffer.len() <= KEPT * rayon::current_num_threads() {
        BUFFERS.with_borrow_mut(|buffers| buffers.push(buffer));
    }
    result
}

/// Scratch memory for tasks that run at the same time, all of it kept by the thread that starts them: what a program holds
/// does not depend on which thread takes which task.
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
        // More tasks at once than there are threads, or than were announced, take memory of their own thread's.
        let Some(buffer) = taken else { return scratch(self.len, work) };
        let result = work(&mut *buffer);
        free().push(buffer);
        result
    }
}
