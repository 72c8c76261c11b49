//! Nothing acknowledged is lost: a writer is killed at random moments, and a disk has no room. The writer is this
//! binary again, told by its environment what to do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on says so by panicking"
)]

mod acknowledged;
mod change;
mod full;
mod killed;
mod model;
mod writer;
