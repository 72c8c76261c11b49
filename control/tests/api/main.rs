//! The admin API over a real socket: who may do what, what is answered, and what is never changed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on says so by panicking"
)]

mod bodies;
mod changes;
mod contract;
mod generated;
mod limits;
mod log;
mod looks;
mod roles;
mod server;
mod sign_in;
mod urgent;
