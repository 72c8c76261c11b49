//! The tests of the crate from outside, linked into one binary: the admin API, the contract of stores, the durability
//! of the SQLite store, and the engine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption of a test is reported as a panic"
)]

mod api;
mod contract;
mod durability;
mod engine;
mod judged_rollouts;
mod notifications;
mod prometheus;
mod promotions;
mod races;
mod rollouts;
mod shared_store;
