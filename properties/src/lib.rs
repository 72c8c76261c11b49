//! Test tools: properties of everything that reads bytes from outside, for any bytes.
//!
//! Each function takes any bytes and panics if a property is violated. Fuzzers call them (`fuzz/`), and tests
//! replay the corpora of the fuzzers (`tests/replay.rs`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a violated property panics"
)]

mod body;
mod documents;
mod engine;
mod headers;
mod plain_reader;
mod readings;
mod response;
mod routes;
mod target;
mod token;
mod wire;

pub use self::body::body;
pub use self::documents::documents;
pub use self::engine::engine;
pub use self::headers::headers;
pub use self::readings::readings;
pub use self::response::response;
pub use self::routes::routes;
pub use self::target::target;
pub use self::token::token;
pub use self::wire::wire;

/// A property, with the name of its fuzz target.
pub type Property = (&'static str, fn(&[u8]));

/// All properties.
pub const ALL: [Property; 10] = [
    ("body", body),
    ("documents", documents),
    ("engine", engine),
    ("headers", headers),
    ("readings", readings),
    ("response", response),
    ("routes", routes),
    ("target", target),
    ("token", token),
    ("wire", wire),
];
