#![no_main]

use cnn_tests::readers::reader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = (reader("config").read)(bytes);
});
