//! Clients that hold resources: thousands of slow ones, and clients that misuse HTTP/2. The built binary must serve the
//! others without delay, within bounded memory, and close the connections of these clients. `SLUICE_SOAK=1` makes the
//! attacks longer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, and prints its measurements"
)]

mod attacker;
mod http2;
mod shares;
mod slow;
mod sluice;
mod victim;
