//! Clients that hold on to what they get: thousands of slow ones, and those that misuse HTTP/2. The built binary
//! has to serve the others as if they weren't there, within bounded memory, and to get rid of them afterwards.
//! `SLUICE_SOAK=1` makes the attacks longer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that can't go on says so by panicking, and what was measured is printed"
)]

mod attacker;
mod http2;
mod shares;
mod slow;
mod sluice;
mod victim;
