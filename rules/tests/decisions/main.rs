//! What deciding promises: the cases of `spec/decisions`, and the properties that hold for every subject.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on says so by panicking"
)]

mod asking;
mod explaining;
mod linting;
mod numbers;
mod operating;
mod properties;
mod refusing;
mod spec;
