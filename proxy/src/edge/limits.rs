//! The limits of the connections of a listener.

use std::time::Duration;

use ::wire::HeadLimits;

/// The limits of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EdgeLimits {
    pub(crate) head: HeadLimits,
    /// Time for a head, from its first byte. For the first head it runs from the start of the connection and includes
    /// the PROXY header and the TLS handshake.
    pub(crate) head_timeout: Duration,
    /// Time for a body, from the end of its head.
    pub(crate) body_timeout: Duration,
    /// Time for one write.
    pub(crate) write_timeout: Duration,
    /// Idle time between two requests.
    pub(crate) idle_timeout: Duration,
    /// True if a client that ends its side of the connection aborts its request. Otherwise it gets its answer.
    pub(crate) abort_on_close: bool,
}
