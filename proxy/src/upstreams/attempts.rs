//! The attempts of one request at its upstream: the current endpoint, failed endpoints, and retries.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::balance::EndpointChoice;
use super::circuit::Permit;
use super::endpoint::{EndpointRequest, LiveEndpoint};
use super::failure::{RequestFate, UpstreamError};
use super::live::LiveUpstream;
use super::meter::AttemptResult;
use arrayvec::ArrayVec;

/// Maximum of endpoints that are tried for one request.
pub(crate) const MAX_TRIED: usize = rules::MAX_RETRIES as usize + 1;
/// Maximum of interim responses (1xx) to one request.
const MAX_INTERIM: u32 = 64;

/// The attempts of a request to get a response.
#[derive(Debug, Default)]
pub(crate) struct UpstreamAttempts {
    started: Option<Instant>,
    turn: usize,
    hash_key: Option<u64>,
    tried: ArrayVec<SocketAddr, MAX_TRIED>,
    retries: u32,
    request: Option<EndpointRequest>,
    /// True once the current attempt was counted.
    is_counted: bool,
    /// Interim responses so far.
    interim: u32,
    cause: Option<Cow<'static, str>>,
    permit: Option<Permit>,
}

impl UpstreamAttempts {
    /// Sets the permit of the request, and the hash for sticky balancing.
    pub(crate) fn begin(&mut self, permit: Permit, hash_key: Option<u64>) {
        self.permit = Some(permit);
        self.hash_key = hash_key;
    }

    /// Chooses an endpoint. The first attempt takes a turn of the upstream.
    pub(crate) fn choose(&mut self, live: &LiveUpstream, now: Instant) -> Option<&Arc<LiveEndpoint>> {
        if self.started.is_none() {
            self.started = Some(now);
            self.turn = live.take_turn();
        }
        self.request = None;
        let choice = EndpointChoice {
            balance: live.definition().balance,
            turn: self.turn,
            hash_key: self.hash_key,
            tried: &self.tried,
            now,
        };
        self.request = choice.choose_from(&live.table()).map(EndpointRequest::new);
        self.is_counted = false;
        self.request.as_ref().map(EndpointRequest::shared)
    }

    /// Returns the endpoint of the current attempt.
    pub(crate) fn endpoint(&self) -> Option<&LiveEndpoint> {
        self.request.as_ref().map(EndpointRequest::endpoint)
    }

    /// Returns the time of the first attempt.
    pub(crate) fn started(&self) -> Option<Instant> {
        self.started
    }

    /// Returns the time that is left of the total timeout; none without one.
    pub(crate) fn time_left(&self, live: &LiveUpstream, now: Instant) -> Option<Duration> {
        let total = Duration::from_millis(live.definition().timeouts.total_timeout_ms?);
        let spent = now.saturating_duration_since(self.started.unwrap_or(now));
        Some(total.saturating_sub(spent))
    }

    /// Records a failed connect. Returns true if another endpoint may be tried.
    pub(crate) fn record_connect_failure(
        &mut self,
        live: &LiveUpstream,
        error: UpstreamError,
        now: Instant,
    ) -> bool {
        if let Some(request) = &self.request {
            // The list has room for every attempt that the retry limit allows.
            let _ = self.tried.try_push(request.endpoint().address);
        }
        self.record_failure(live, error, now);
        let table = live.table();
        let mut untried = table
            .endpoints()
            .iter()
            .filter(|endpoint| !self.tried.contains(&endpoint.address));
        untried.next().is_some() && self.time_left(live, now) != Some(Duration::ZERO) && self.take_retry(live)
    }

    /// Takes one of the retries that the definition allows. Returns false if none is left.
    pub(crate) fn take_retry(&mut self, live: &LiveUpstream) -> bool {
        let more = self.retries < live.definition().retries;
        if more {
            self.retries += 1;
            live.meter().count_retry();
        }
        more
    }

    /// Records that the request failed at the endpoint.
    fn record_failure(&mut self, live: &LiveUpstream, error: UpstreamError, now: Instant) {
        if self.count(live, AttemptResult::Failed(error.failure))
            && error.blames_endpoint
            && let Some(endpoint) = self.endpoint()
        {
            live.record_failure(endpoint, now);
        }
        self.cause = Some(error.cause);
    }

    /// Records a failed exchange. `is_idle_loss` is true if an idle connection was lost.
    pub(crate) fn record_exchange_failure(
        &mut self,
        live: &LiveUpstream,
        error: UpstreamError,
        is_idle_loss: bool,
        now: Instant,
    ) {
        // It may close idle connections and refuse streams at any time.
        let is_refused = matches!(error.fate, RequestFate::Unprocessed | RequestFate::Unsent);
        let blames_endpoint = error.blames_endpoint && !is_idle_loss && !is_refused;
        let error = UpstreamError {
            blames_endpoint,
            ..error
        };
        self.record_failure(live, error, now);
    }

    /// Tries another endpoint than the current one from now on, if there is one.
    pub(crate) fn avoid_endpoint(&mut self, live: &LiveUpstream) {
        let Some(address) = self.endpoint().map(|endpoint| endpoint.address) else {
            return;
        };
        let table = live.table();
        let mut others = table.endpoints().iter().map(|endpoint| endpoint.address);
        if others.any(|other| other != address && !self.tried.contains(&other)) {
            // The list has room for every attempt that the retry limit allows.
            let _ = self.tried.try_push(address);
        }
    }

    /// Records the head of a response.
    pub(crate) fn record_head(&mut self, live: &LiveUpstream) {
        if self.count(live, AttemptResult::Answered)
            && let Some(endpoint) = self.endpoint()
        {
            endpoint.state.record_success();
        }
        self.cause = None;
    }

    /// Records the end of a response: upstream and endpoint have room for another request, even if the client still
    /// sends.
    pub(crate) fn record_end(&mut self) {
        if let Some(request) = &mut self.request {
            request.end();
        }
        self.permit = None;
    }

    /// Counts an interim response. Returns true if it may be passed on.
    pub(crate) fn count_interim(&mut self) -> bool {
        self.interim = self.interim.saturating_add(1);
        self.interim <= MAX_INTERIM
    }

    /// Returns the cause of the last failure, for operators.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Returns the number of retries.
    pub(crate) fn retries(&self) -> u32 {
        self.retries
    }

    /// Counts the result of an attempt. Returns true for the first result of the attempt.
    fn count(&mut self, live: &LiveUpstream, attempt: AttemptResult) -> bool {
        let first = !std::mem::replace(&mut self.is_counted, true);
        if first {
            live.meter().count_attempt(attempt);
        }
        first
    }
}
