//! Tests of the crate's API: valid tokens are accepted, invalid ones rejected for the right reason, and no
//! token costs more than one signature verification.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod accept;
mod attacks;
mod claims;
mod fixture;
mod jwks;
mod keys;
mod pem_keys;
mod signing;
