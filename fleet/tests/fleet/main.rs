//! The store in etcd, against an etcd of this machine: the contract of stores, several nodes, faults.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod contract;
mod node;
mod nodes;
