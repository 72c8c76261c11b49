//! Attacks on the proxy, one suite for each kind. One binary, so that it is linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on says so by panicking"
)]

mod bypass;
mod faults;
mod hosts;
mod smuggling;
mod spoofing;
mod tokens;
