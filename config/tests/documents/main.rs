//! The crate as its users see it: documents are loaded, checked, edited and watched. The documents are in `tests/good`
//! and `tests/problems`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod allow;
mod catalog;
mod etcd;
mod good;
mod including;
mod managed;
mod observed;
mod operators;
mod problems;
mod reports;
mod special_files;
mod traces;
mod variables;
mod watch;
