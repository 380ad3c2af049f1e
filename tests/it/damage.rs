//! Damages a file in many ways and sees that a reader answers each with a typed error or a value: no panic, and no
//! allocation out of proportion to the file.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Display;

use cnn_tests::recipe;

/// The system's allocator, which remembers the largest single request of each thread.
struct Watch;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

fn note(size: usize) {
    // A thread that is ending has no thread-local values left; it reads no files either.
    let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(size)));
}

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller's promise about `layout` is the one `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        // SAFETY: `pointer` came from `System`, since every call is handed on to it.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as in `realloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static WATCH: Watch = Watch;

/// Runs `read` and returns what it says; fails where it asked for over 16 times the file in one piece (float32 out of
/// 8-bit integers is 4 times), or over a mebibyte for a file that is smaller than that.
pub fn watched<T, E>(bytes: &[u8], what: &str, read: impl Fn(&[u8]) -> Result<T, E>) -> Result<T, E> {
    watched_above(1 << 20, bytes, what, read)
}

/// [`watched`], but with `least` bytes at once that a file of any size may ask for.
pub fn watched_above<T, E>(
    least: usize,
    bytes: &[u8],
    what: &str,
    read: impl Fn(&[u8]) -> Result<T, E>,
) -> Result<T, E> {
    LARGEST.set(0);
    let result = read(bytes);
    let largest = LARGEST.get();
    assert!(largest <= (16 * bytes.len()).max(least), "{what}: {largest} bytes asked for at once");
    result
}

/// Cuts `bytes` at every `step`-th byte: each must be an error that names the file `name`.
pub fn truncated<T, E: Display>(bytes: &[u8], step: usize, name: &str, read: impl Fn(&[u8]) -> Result<T, E>) {
    for length in (0..bytes.len()).step_by(step) {
        match watched(&bytes[..length], &format!("{name} cut at {length}"), &read) {
            Ok(_) => panic!("{name} cut at {length} of {} was read", bytes.len()),
            Err(error) => assert!(error.to_string().contains(name), "{error}"),
        }
    }
}

/// Flips bits, one or a few at a time, `times` times: each must be an error that names the file, or a value.
/// Returns how many were refused.
pub fn flipped<T, E: Display>(bytes: &[u8], times: u64, name: &str, read: impl Fn(&[u8]) -> Result<T, E>) -> usize {
    flipped_above(1 << 20, bytes, times, name, read)
}

/// [`flipped`], but with `least` bytes at once that a file of any size may ask for.
pub fn flipped_above<T, E: Display>(
    least: usize,
    bytes: &[u8],
    times: u64,
    name: &str,
    read: impl Fn(&[u8]) -> Result<T, E>,
) -> usize {
    let mut refused = 0;
    for time in 0..times {
        let mut bytes = bytes.to_vec();
        for flip in 0..1 + time % 3 {
            let random = recipe::raw(name, 8 * time + flip);
            // Headers stand at the beginning of most formats, so every other flip falls there.
            let within = if time % 2 == 0 { bytes.len() } else { bytes.len().min(512) };
            bytes[(random >> 8) as usize % within] ^= 1 << (random % 8);
        }
        match watched_above(least, &bytes, &format!("{name} flip {time}"), &read) {
            Ok(_) => {}
            Err(error) => {
                assert!(error.to_string().contains(name), "{error}");
                refused += 1;
            }
        }
    }
    refused
}

/// Appends bytes: the reader must not take them for part of the file. Formats that end with an index may refuse.
pub fn followed_by_garbage<T, E>(bytes: &[u8], name: &str, read: impl Fn(&[u8]) -> Result<T, E>) {
    let mut bytes = bytes.to_vec();
    bytes.extend((0..100).map(|i| recipe::raw(name, i) as u8));
    let _ = watched(&bytes, name, &read);
}
