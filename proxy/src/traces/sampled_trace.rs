//! The trace of a sampled request while it is served: its ids, and its attempts at upstreams.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use arrayvec::ArrayString;
use traces::{SpanId, TraceId};
use wire::Fields;

use crate::request_id::RequestId;
use crate::split_mix::mix;
use crate::upstreams::LiveEndpoint;

/// Maximum length of a `tracestate` that is exported; every proxy passes on as much (W3C Trace Context section 3.3.1.5).
const MAX_STATE: usize = 512;

/// The trace of a sampled request.
#[derive(Debug)]
pub(crate) struct SampledTrace {
    id: u128,
    flags: u8,
    /// The span of the request.
    span: u64,
    /// The client's span.
    parent: Option<u64>,
    state: String,
    attempts: Vec<TracedAttempt>,
}

/// An attempt at an endpoint.
#[derive(Debug)]
pub(crate) struct TracedAttempt {
    pub(crate) span: SpanId,
    pub(crate) address: SocketAddr,
    /// Host and port as the document has them.
    pub(crate) authority: Arc<str>,
    pub(crate) is_tls: bool,
    pub(crate) begun: Instant,
    /// The end; none while it lasts.
    pub(crate) ended: Option<Instant>,
    /// The code of its failure.
    pub(crate) failure: Option<&'static str>,
}

impl SampledTrace {
    /// Starts a trace with the id of the request.
    pub(super) fn new(id: &RequestId, flags: u8) -> Option<Self> {
        Some(Self {
            id: u128::from_str_radix(id.as_str(), 16).ok()?,
            flags,
            span: u64::from_str_radix(id.span(), 16).ok()?,
            parent: None,
            state: String::new(),
            attempts: Vec::new(),
        })
    }

    /// Continues the client's trace, given by its id of 32 hex digits.
    pub(super) fn continuing<'f>(
        trace: &str,
        id: &RequestId,
        (parent, flags): (Option<u64>, u8),
        state: impl Iterator<Item = &'f [u8]>,
    ) -> Option<Self> {
        let state = state.filter_map(|value| std::str::from_utf8(value).ok());
        let state = state.collect::<Vec<_>>().join(",");
        Some(Self {
            id: u128::from_str_radix(trace, 16).ok()?,
            parent,
            state: Some(state)
                .filter(|state| state.len() <= MAX_STATE)
                .unwrap_or_default(),
            ..Self::new(id, flags)?
        })
    }

    pub(crate) fn id(&self) -> TraceId {
        TraceId(self.id.to_be_bytes())
    }

    /// Returns the id of the trace as a number.
    pub(crate) fn number(&self) -> u128 {
        self.id
    }

    pub(crate) fn span(&self) -> SpanId {
        SpanId(self.span.to_be_bytes())
    }

    pub(crate) fn parent(&self) -> Option<SpanId> {
        self.parent.map(|parent| SpanId(parent.to_be_bytes()))
    }

    pub(crate) fn state(&self) -> &str {
        &self.state
    }

    pub(crate) fn attempts(&self) -> &[TracedAttempt] {
        &self.attempts
    }

    /// Begins an attempt, and names its span in the `traceparent` of the upstream's head.
    pub(crate) fn begin_attempt(&mut self, endpoint: &LiveEndpoint, now: Instant, fields: &mut Fields) {
        let count = self.attempts.len() as u64 + 1;
        // Only one of 2^64 values is 0, which is no valid id.
        let span = mix(self.span ^ count).max(1);
        let mut parent = ArrayString::<55>::new();
        // All parts have fixed lengths, which add up to the capacity.
        let _ = write!(parent, "00-{:032x}-{span:016x}-{:02x}", self.id, self.flags);
        fields.set("traceparent", parent.as_bytes());
        self.attempts.push(TracedAttempt {
            span: SpanId(span.to_be_bytes()),
            address: endpoint.address,
            authority: Arc::clone(&endpoint.authority),
            is_tls: endpoint.peer.is_tls(),
            begun: now,
            ended: None,
            failure: None,
        });
    }

    /// Ends the current attempt, with the code of its failure.
    pub(crate) fn end_attempt(&mut self, failure: Option<&'static str>, now: Instant) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.ended = Some(now);
            attempt.failure = failure;
        }
    }
}
