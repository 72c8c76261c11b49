//! The state of an exchange: how far each message is on its way.

use tokio::time::Instant;

use crate::upstreams::UpstreamError;

/// The request's way to the upstream.
#[derive(Debug)]
pub(super) struct RequestState {
    /// True once all of the body is appended.
    pub(super) is_read: bool,
    /// True while something was appended and not written, or written and not flushed.
    pub(super) needs_write: bool,
    /// True while the upstream takes no large part.
    pub(super) is_blocked: bool,
    /// True once the upstream takes nothing more. It may still have responded.
    pub(super) is_broken: bool,
    /// The time of the last write.
    pub(super) written: Instant,
}

/// The response's way to the client.
#[derive(Debug)]
pub(super) struct ResponseState {
    pub(super) stage: ResponseStage,
    pub(super) needs_write: bool,
    /// True while the client takes no large part.
    pub(super) is_blocked: bool,
    /// True once much of it waited.
    pub(super) is_bulk: bool,
    /// The time of the last read from the upstream, and of the last write to the client.
    pub(super) read: Instant,
    pub(super) written: Instant,
    /// The failure of the upstream after its head, reported once what came before it is written.
    pub(super) failure: Option<UpstreamError>,
}

/// A part of a body of at least this size is written as it is, if its framing needs no more, in bytes.
pub(super) const RAW: usize = 8 * 1024;

/// The reason why reading has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nothing more has arrived, or nothing more is taken.
    Waits,
    /// The buffer is full: its bytes must be written first.
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponseStage {
    Head,
    Body,
    /// All of the response is appended.
    Read,
    /// The protocol is switched: what follows is no response.
    Switched,
}
