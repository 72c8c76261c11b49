//! Catalogs: an edited document decides and refuses as the same document in files does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test that can't go on says so by panicking"
)]

mod edits;
mod ids;
mod refusals;
mod sequences;
