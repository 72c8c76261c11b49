//! The route table.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::routes(data));
