//! The state of an exchange: how far each message is on its way.

use tokio::time::Instant;

use crate::upstreams::UpstreamError;

/// The request's way to the upstream.
#[derive(Debug)]
pub(super) struct RequestState {
    /// True once all of the body is appended.
    pub(super) is_read: bool,
    /// True once the upstream takes nothing more. It may still have responded.
    pub(super) is_broken: bool,
    pub(super) write: WriteState,
}

/// The response's way to the client.
#[derive(Debug)]
pub(super) struct ResponseState {
    pub(super) stage: ResponseStage,
    pub(super) write: WriteState,
    /// True once much of it waited.
    pub(super) is_bulk: bool,
    /// The time of the last read from the upstream.
    pub(super) read: Instant,
    /// The failure of the upstream after its head, reported once what came before it is written.
    pub(super) failure: Option<UpstreamError>,
}

/// The writing of a message.
#[derive(Debug)]
pub(super) struct WriteState {
    /// True while something was appended and not written, or written and not flushed.
    pub(super) is_needed: bool,
    /// True while the other side takes nothing.
    is_stalled: bool,
    /// The time of the last write, or when something began to wait for the other side.
    at: Instant,
}

impl WriteState {
    pub(super) fn new(is_needed: bool, now: Instant) -> Self {
        Self {
            is_needed,
            is_stalled: false,
            at: now,
        }
    }

    /// Records that the other side took something.
    pub(super) fn record_progress(&mut self, now: Instant) {
        self.is_stalled = false;
        self.at = now;
    }

    /// Records that the other side takes nothing now. Its time begins with the first of these since the last progress,
    /// because nothing may have waited for it before.
    pub(super) fn record_stall(&mut self, now: Instant) {
        if !self.is_stalled {
            self.is_stalled = true;
            self.at = now;
        }
    }

    /// Records that nothing that was appended waits; after [`Stop::Blocked`] a large part still does.
    pub(super) fn finish(&mut self, stop: Stop) {
        self.is_needed = false;
        self.is_stalled &= stop == Stop::Blocked;
    }

    /// Returns true while the other side takes nothing.
    pub(super) fn is_stalled(&self) -> bool {
        self.is_stalled
    }

    /// Returns the time of the last write, or when something began to wait.
    pub(super) fn at(&self) -> Instant {
        self.at
    }
}

/// A part of a body of at least this size is written as it is, if its framing needs no more, in bytes.
pub(super) const RAW: usize = 8 * 1024;

/// The reason why reading has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nothing more has arrived, or nothing more is taken.
    Waits,
    /// The other side takes no large part.
    Blocked,
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
