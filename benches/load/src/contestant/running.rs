//! A running contestant.

use std::net::SocketAddr;

use crate::driver::Protocol;
use crate::process::Process;

/// A running contestant.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(super) http1: SocketAddr,
    pub(super) http2: SocketAddr,
}

impl Running {
    /// Returns the address that accepts this protocol.
    pub(crate) fn address(&self, protocol: Protocol) -> SocketAddr {
        match protocol {
            Protocol::Http1 => self.http1,
            Protocol::Http2 => self.http2,
        }
    }
}
