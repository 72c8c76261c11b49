//! The times within which an exchange must go on, and whose delay it is when it does not.

use std::time::Duration;

use tokio::time::Instant;

use super::error::{ClientFailure, ExchangeError};
use crate::upstreams::{Failure, UpstreamError};

/// The times within which an exchange must go on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExchangeTimes {
    /// The beginning.
    pub(crate) begun: Instant,
    /// The end of the time for the request's body; none for gRPC calls, which may stream for as long as they last.
    pub(crate) body_deadline: Option<Instant>,
    /// Time for one write to the client.
    pub(crate) client_write: Duration,
    /// Time between two reads from the upstream.
    pub(crate) upstream_read: Duration,
    /// Time for one write to the upstream.
    pub(crate) upstream_write: Duration,
    /// The end of the time for everything.
    pub(crate) deadline: Option<Instant>,
}

/// The next event that lets an exchange go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitsFor {
    /// The client takes what was written to it.
    ClientToRead,
    /// The client sends more of its body.
    RequestBody,
    /// The upstream takes what was written to it.
    UpstreamToRead,
    /// The upstream sends more of its response.
    Response,
}

/// The times of the last progress.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    pub(super) request_written: Instant,
    pub(super) response_read: Instant,
    pub(super) response_written: Instant,
}

impl ExchangeTimes {
    /// Returns the first deadline, and the failure that follows from it.
    pub(super) fn next_deadline(&self, waits_for: WaitsFor, progress: Progress) -> (Instant, ExchangeError) {
        let upstream = |why| ExchangeError::Upstream(UpstreamError::new(Failure::Timeout, why));
        // A client that pauses its body delays the upstream: otherwise it could have an endpoint ejected.
        let late = |why| match waits_for {
            WaitsFor::RequestBody => ExchangeError::Client(ClientFailure::LateBody),
            WaitsFor::ClientToRead => ExchangeError::Client(ClientFailure::Gone),
            WaitsFor::UpstreamToRead | WaitsFor::Response => upstream(why),
        };
        let active = progress.response_read.max(progress.request_written);
        let (own, failure) = match waits_for {
            WaitsFor::ClientToRead => (
                progress.response_written + self.client_write,
                ExchangeError::Client(ClientFailure::Gone),
            ),
            WaitsFor::UpstreamToRead => (
                (progress.request_written + self.upstream_write).min(active + self.upstream_read),
                upstream("the upstream took nothing in time"),
            ),
            WaitsFor::RequestBody | WaitsFor::Response => (
                active + self.upstream_read,
                late("the upstream sent nothing in time"),
            ),
        };
        let mut first = (own, failure);
        let body = self.body_deadline.filter(|_| waits_for == WaitsFor::RequestBody);
        if let Some(body) = body.filter(|body| *body < first.0) {
            first = (body, ExchangeError::Client(ClientFailure::LateBody));
        }
        if let Some(total) = self.deadline.filter(|total| *total < first.0) {
            first = (total, late("the total timeout has passed"));
        }
        first
    }
}
