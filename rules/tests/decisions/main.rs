//! Tests of decisions: the cases of `spec/decisions`, and properties for all subjects.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod depending;
mod explaining;
mod exposure;
mod linting;
mod numbers;
mod operating;
mod oracle;
mod properties;
mod refusing;
mod spec;
mod test_subject;
