//! Bodies of HTTP/1.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::body(data));
