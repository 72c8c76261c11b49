//! Readings of paths.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::readings(data));
