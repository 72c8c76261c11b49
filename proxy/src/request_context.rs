//! The state of one request, from its head to its access log entry.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rules::Timestamp;
use wire::RequestHead;

use crate::arms::ArmsOfRequest;
use crate::breakers::OpenBreakers;
use crate::findings::Findings;
use crate::forwarding::Forwarding;
use crate::in_flight::InFlight;
use crate::outcome::RequestOutcome;
use crate::prepared_snapshot::PreparedSnapshot;
use crate::request_id::RequestId;
use crate::shared::Shared;
use crate::shares::RequestShare;
use crate::traces::SampledTrace;
use crate::upstreams::UpstreamAttempts;

/// The state of one request. It loads its snapshot once and keeps it through retries.
#[derive(Debug)]
pub(crate) struct RequestContext {
    pub(crate) prepared: Arc<PreparedSnapshot>,
    pub(crate) started: Instant,
    /// The time that the request is decided for.
    pub(crate) now: Timestamp,
    pub(crate) id: RequestId,
    /// The head as the client sent it; once it is forwarded, as the upstream gets it.
    pub(crate) head: RequestHead,
    /// True if the client's connection may serve another request.
    pub(crate) keeps_client: bool,
    /// True if the request asks for a WebSocket.
    pub(crate) asks_for_tunnel: bool,
    /// True if the client may wait for `100 Continue` before it sends its body. The field itself may be removed.
    pub(crate) has_expectation: bool,
    /// The client's address, scheme and host.
    pub(crate) forwarding: Forwarding,
    /// The findings of its decision.
    pub(crate) found: Findings,
    /// Its arms of the observed flags that it counts for.
    pub(crate) arms: ArmsOfRequest,
    /// The circuit breakers that are open for it.
    pub(crate) open_breakers: OpenBreakers,
    /// Its share of the process while an upstream is asked.
    pub(crate) share: Option<Arc<RequestShare>>,
    /// Its attempts at the upstream.
    pub(crate) attempts: UpstreamAttempts,
    /// Time from the first attempt to the head of the response.
    pub(crate) upstream_time: Option<Duration>,
    /// True if the client gets the upstream's response.
    pub(crate) upstream_answered: bool,
    /// The status of the response, once it has begun; 0 before.
    pub(crate) begun_status: u16,
    /// Bytes of the body received so far.
    pub(crate) body_bytes: u64,
    pub(crate) outcome: RequestOutcome,
    /// The code of the proxy's own answer, or of the failure.
    pub(crate) code: Option<&'static str>,
    /// The cause of a refusal, for operators.
    pub(crate) cause: Option<Box<str>>,
    /// Its trace, if it is sampled.
    pub(crate) trace: Option<Box<SampledTrace>>,
    /// Present until the request is observed. The drop observes a request whose task was ended.
    pub(crate) unobserved: Option<Arc<Shared>>,
    /// Counts the request until it is dropped.
    pub(crate) _in_flight: InFlight,
}

impl RequestContext {
    pub(crate) fn new(shared: &Arc<Shared>, head: RequestHead) -> Self {
        let prepared = shared.current.load();
        Self {
            prepared,
            started: Instant::now(),
            now: now(),
            id: shared.request_ids.next(),
            head,
            keeps_client: false,
            asks_for_tunnel: false,
            has_expectation: false,
            forwarding: Forwarding::default(),
            found: Findings::default(),
            arms: ArmsOfRequest::new(),
            open_breakers: OpenBreakers::default(),
            share: None,
            attempts: UpstreamAttempts::default(),
            upstream_time: None,
            upstream_answered: false,
            begun_status: 0,
            body_bytes: 0,
            outcome: RequestOutcome::BadRequest,
            code: None,
            cause: None,
            trace: None,
            unobserved: Some(Arc::clone(shared)),
            _in_flight: shared.in_flight.enter(),
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
