//! What is known of one request on its way, from its head to its line in the access log.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rules::Timestamp;

use crate::findings::Findings;
use crate::forwarding::Forwarding;
use crate::in_flight::InFlight;
use crate::outcome::RequestOutcome;
use crate::prepared_snapshot::PreparedSnapshot;
use crate::request_id::RequestId;
use crate::shared::Shared;
use crate::shares::RequestShare;
use crate::upstreams::UpstreamAttempts;

/// The state of one request. Its snapshot is taken once and carried to the end, through retries too.
#[derive(Debug)]
pub(crate) struct RequestContext {
    pub(crate) prepared: Arc<PreparedSnapshot>,
    pub(crate) started: Instant,
    /// The time that everything about this request is decided by.
    pub(crate) now: Timestamp,
    pub(crate) id: RequestId,
    /// Where it comes from.
    pub(crate) forwarding: Forwarding,
    /// What its decision found out.
    pub(crate) found: Findings,
    /// What it takes of the process while an upstream is asked.
    pub(crate) share: Option<Arc<RequestShare>>,
    /// How it fares there.
    pub(crate) attempts: UpstreamAttempts,
    /// How long it took to answer.
    pub(crate) upstream_time: Option<Duration>,
    /// Whether the response that the client gets is the upstream's.
    pub(crate) upstream_answered: bool,
    /// When the request's body was first waited for.
    pub(crate) body_awaited: Option<Instant>,
    /// How much of the request's body has come.
    pub(crate) body_bytes: u64,
    pub(crate) outcome: RequestOutcome,
    /// The code of our own answer.
    pub(crate) code: Option<&'static str>,
    /// Where it is observed if nothing else does that, because it was shed.
    pub(crate) unobserved: Option<Arc<Shared>>,
    /// Counts as long as it exists.
    pub(crate) _in_flight: InFlight,
}

impl RequestContext {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let prepared = shared.current.load();
        Self {
            prepared,
            started: Instant::now(),
            now: now(),
            id: shared.request_ids.next(),
            forwarding: Forwarding::default(),
            found: Findings::default(),
            share: None,
            attempts: UpstreamAttempts::default(),
            upstream_time: None,
            upstream_answered: false,
            body_awaited: None,
            body_bytes: 0,
            outcome: RequestOutcome::BadRequest,
            code: None,
            unobserved: Some(Arc::clone(shared)),
            _in_flight: shared.in_flight.enter(),
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
