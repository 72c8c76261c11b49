//! The engine between a scripted client and scripted upstreams.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::engine(data));
