//! What is known of one request on its way, from its head to its line in the access log.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use rules::{FlagId, RouteId, TenantId, Timestamp, UpstreamId, Verdict};

use crate::asker::Asker;
use crate::forwarding::Forwarding;
use crate::outcome::Outcome;
use crate::phase::observe;
use crate::request_id::RequestId;
use crate::serving::Serving;
use crate::shared::Shared;
use crate::shares::RequestShare;
use crate::upstreams::Attempts;

/// The state of one request. Its snapshot is taken once and carried to the end, through retries too.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) serving: Arc<Serving>,
    pub(crate) started: Instant,
    /// The time that everything about this request is decided by.
    pub(crate) now: Timestamp,
    pub(crate) id: RequestId,
    /// Where it comes from.
    pub(crate) forwarding: Forwarding,
    /// The host that was asked for, as routes are matched by; empty for none.
    pub(crate) host: Box<str>,
    /// The route that it fell on.
    pub(crate) route: Option<RouteId>,
    /// Whether it is a CORS preflight.
    pub(crate) is_preflight: bool,
    /// Whether another reading of its path decided what became of it.
    pub(crate) ambiguous_target: bool,
    /// Who is asking, where that is known.
    pub(crate) identity: Option<Asker>,
    /// What the gate said.
    pub(crate) verdict: Option<Verdict>,
    /// Where it goes.
    pub(crate) upstream: Option<UpstreamId>,
    /// What the upstream is told of the decisions.
    pub(crate) told: Told,
    /// What it takes of the process while an upstream is asked.
    pub(crate) share: Option<Arc<RequestShare>>,
    /// How it fares there.
    pub(crate) attempts: Attempts,
    /// How long it took to answer.
    pub(crate) upstream_time: Option<Duration>,
    /// Whether the response that the client gets is the upstream's.
    pub(crate) upstream_answered: bool,
    /// The largest body that its route takes, in bytes; none: any.
    pub(crate) body_limit: Option<u64>,
    /// When the request's body was first waited for.
    pub(crate) body_awaited: Option<Instant>,
    /// How much of the request's body has come.
    pub(crate) body_bytes: u64,
    pub(crate) outcome: Outcome,
    /// The code of our own answer.
    pub(crate) code: Option<&'static str>,
    /// Where it is observed if nothing else does that, because it was shed.
    pub(crate) unobserved: Option<Arc<Shared>>,
    /// Counts as long as it exists.
    pub(crate) _in_flight: InFlight,
}

/// Headers that tell the upstream what was decided, rendered once for all attempts.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) flags: Option<HeaderValue>,
    /// In the order of the plan; the flag is there to be checked against it.
    pub(crate) per_flag: Vec<(FlagId, HeaderValue)>,
    /// The same as members of baggage; none where they are not asked for.
    pub(crate) baggage: Option<String>,
    /// Whether the list of flags was cut.
    pub(crate) truncated: bool,
}

/// How many requests are under way.
#[derive(Debug, Clone, Default)]
pub(crate) struct InFlightCount(Arc<AtomicUsize>);

/// One of them.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<AtomicUsize>);

impl Context {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let serving = shared.current.take();
        Self {
            body_limit: serving.body_limit,
            serving,
            started: Instant::now(),
            now: now(),
            id: shared.ids.next(),
            forwarding: Forwarding::default(),
            host: Box::default(),
            route: None,
            is_preflight: false,
            ambiguous_target: false,
            identity: None,
            verdict: None,
            upstream: None,
            told: Told::default(),
            share: None,
            attempts: Attempts::default(),
            upstream_time: None,
            upstream_answered: false,
            body_awaited: None,
            body_bytes: 0,
            outcome: Outcome::BadRequest,
            code: None,
            unobserved: Some(Arc::clone(shared)),
            _in_flight: shared.in_flight.enter(),
        }
    }

    /// The tenant that is asking.
    pub(crate) fn tenant(&self) -> Option<&str> {
        self.tenant_id().map(TenantId::as_str)
    }

    /// The tenant that is asking.
    pub(crate) fn tenant_id(&self) -> Option<&TenantId> {
        self.identity.as_ref()?.tenant()
    }

    /// The user that is asking.
    pub(crate) fn user(&self) -> Option<&str> {
        self.identity.as_ref()?.user()
    }

    /// [`Context::now`] in seconds since 1970.
    pub(crate) fn now_seconds(&self) -> u64 {
        u64::try_from(self.now.0 / 1000).unwrap_or(0)
    }
}

impl Drop for Context {
    /// Gives the request's place back, as the connection to its upstream is given back or closed by now. And observes
    /// a request that was shed: its task is dropped where it stands, and nothing of it runs again.
    fn drop(&mut self) {
        if let Some(share) = &self.share {
            share.leave();
        }
        if let Some(shared) = self.unobserved.take()
            && self.share.as_ref().is_some_and(|share| share.is_shed())
        {
            observe::shed(&shared, self);
        }
    }
}

impl InFlightCount {
    /// Counts one request more.
    pub(crate) fn enter(&self) -> InFlight {
        self.0.fetch_add(1, Ordering::SeqCst);
        InFlight(Arc::clone(&self.0))
    }

    /// How many there are.
    pub(crate) fn now(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
