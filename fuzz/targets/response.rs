//! Responses of HTTP/1.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::response(data));
