//! The proxy's promises, over real sockets: one file for each phase of a request, for the proxy's lifecycle, and for
//! each kind of attack. One binary, so that it is linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod arms;
mod attacks;
mod attempts;
mod balance;
mod breaker;
mod causes;
mod connections;
mod coverage;
mod drain;
mod exchange;
mod flags;
mod forwarding;
mod gate;
mod grpc;
mod head;
mod headers;
mod health;
mod http2;
mod http2_limits;
mod identity;
mod keys;
mod lenient;
mod limit;
mod observe;
mod open_metrics;
mod operator_tokens;
mod panics;
mod persistence;
mod receipts;
mod reload;
mod route;
mod secure_upstream;
mod shares;
mod signature;
mod start;
mod target;
mod tls;
mod traces;
mod upstream;
