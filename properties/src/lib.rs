//! For tests only: what must hold of everything that reads bytes from outside, whatever the bytes.
//!
//! Each function takes any bytes and panics where a promise is broken. Fuzzers call them (`fuzz/`), and the tests
//! replay what fuzzers found worth keeping (`tests/replay.rs`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken promise is told by panicking"
)]

mod documents;
mod headers;
mod readings;
mod routes;
mod target;
mod token;
mod wire;

pub use self::documents::documents;
pub use self::headers::headers;
pub use self::readings::readings;
pub use self::routes::routes;
pub use self::target::target;
pub use self::token::token;
pub use self::wire::wire;

/// A promise, by the name of its fuzz target.
pub type Property = (&'static str, fn(&[u8]));

/// All properties.
pub const ALL: [Property; 7] = [
    ("documents", documents),
    ("headers", headers),
    ("readings", readings),
    ("routes", routes),
    ("target", target),
    ("token", token),
    ("wire", wire),
];
