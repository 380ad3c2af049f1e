#![no_main]

// Not by way of cnn-tests, which takes minutes to build: it depends on wgpu.
#[path = "../../readers.rs"]
#[allow(dead_code)]
mod readers;

use libfuzzer_sys::fuzz_target;
use readers::reader;

fuzz_target!(|bytes: &[u8]| {
    let _ = (reader("keras").read)(bytes);
});
