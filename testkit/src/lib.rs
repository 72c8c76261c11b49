//! For tests only: upstreams that record, a proxy on port 0, tokens and key servers, a raw client, `eventually()`.
//!
//! Everything blocks, talks to loopback only, gives up after [`PATIENCE`] and stops when it is dropped, so that a
//! test is a plain function from top to bottom.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on says so by panicking"
)]

mod client;
mod eventually;
mod flags;
mod key_server;
mod message;
mod proxy;
mod tokens;
mod upstream;

pub use self::client::{Client, Request, Response};
pub use self::eventually::{PATIENCE, eventually, never};
pub use self::flags::FLAGS;
pub use self::key_server::KeyServer;
pub use self::message::Head;
pub use self::proxy::{Proxy, ProxyBuilder};
pub use self::tokens::{Issuer, now_seconds};
pub use self::upstream::{After, Recorded, Upstream, reply, response};
