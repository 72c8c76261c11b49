//! How one request fares with its upstream: which endpoint has it, which could not be reached, how often it was
//! turned to another.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use pingora::Error;

use super::balance::EndpointChoice;
use super::circuit::Permit;
use super::endpoint::{EndpointRequest, LiveEndpoint};
use super::failure::Failure;
use super::live::LiveUpstream;
use super::meter::AttemptResult;

/// The most addresses that can be tried for one request.
pub(crate) const MAX_TRIED: usize = rules::MAX_RETRIES as usize + 1;
/// The most interim answers (1xx) to one request.
const MAX_INTERIM: u32 = 64;
/// The most characters of a cause in the log.
const MAX_CAUSE: usize = 300;

/// A request's attempts to get an answer.
#[derive(Debug, Default)]
pub(crate) struct UpstreamAttempts {
    started: Option<Instant>,
    turn: usize,
    hash_key: Option<u64>,
    tried: ArrayVec<SocketAddr, MAX_TRIED>,
    retries: u32,
    request: Option<EndpointRequest>,
    /// Whether the present attempt was counted.
    is_counted: bool,
    /// Interim answers so far.
    interim: u32,
    cause: Option<Box<str>>,
    permit: Option<Permit>,
}

impl UpstreamAttempts {
    /// Takes the permit that lets the request in, and who is asking, where that decides who is asked.
    pub(crate) fn begin(&mut self, permit: Permit, hash_key: Option<u64>) {
        self.permit = Some(permit);
        self.hash_key = hash_key;
    }

    /// Chooses an endpoint; the first time, this takes a turn.
    pub(crate) fn choose(&mut self, live: &LiveUpstream, now: Instant) -> Option<&LiveEndpoint> {
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
        self.request = choice.among(&live.table()).map(EndpointRequest::new);
        self.is_counted = false;
        self.endpoint()
    }

    /// Who has the request.
    pub(crate) fn endpoint(&self) -> Option<&LiveEndpoint> {
        self.request.as_ref().map(EndpointRequest::endpoint)
    }

    /// When the upstream was first turned to.
    pub(crate) fn started(&self) -> Option<Instant> {
        self.started
    }

    /// How much is left of the time that all of it may take; none where that has no limit.
    pub(crate) fn time_left(&self, live: &LiveUpstream, now: Instant) -> Option<Duration> {
        let total = Duration::from_millis(live.definition().timeouts.total_timeout_ms?);
        let spent = now.saturating_duration_since(self.started.unwrap_or(now));
        Some(total.saturating_sub(spent))
    }

    /// Takes note that no connection could be made, and says whether another address may be tried.
    pub(crate) fn connect_failed(&mut self, live: &LiveUpstream, error: &Error, now: Instant) -> bool {
        if let Some(request) = &self.request {
            // There is room: a request that may be tried no more is not tried.
            let _ = self.tried.try_push(request.endpoint().address);
        }
        self.record_failure(live, error, now);
        let table = live.table();
        let mut untried = table
            .endpoints()
            .iter()
            .filter(|endpoint| !self.tried.contains(&endpoint.address));
        untried.next().is_some() && self.time_left(live, now) != Some(Duration::ZERO) && self.retry(live)
    }

    /// Takes one of the retries that the definition allows.
    pub(crate) fn retry(&mut self, live: &LiveUpstream) -> bool {
        let more = self.retries < live.definition().retries;
        if more {
            self.retries += 1;
            live.meter().count_retry();
        }
        more
    }

    /// Takes note that the endpoint failed the request.
    fn record_failure(&mut self, live: &LiveUpstream, error: &Error, now: Instant) {
        let failure = Failure::of(error);
        if self.count(live, AttemptResult::Failed(failure))
            && let Some(endpoint) = self.endpoint()
        {
            live.record_failure(endpoint, now);
        }
        self.cause = Some(cause(error, failure));
    }

    /// Takes note that an exchange broke off. That an upstream closes a connection it kept is no fault of its.
    pub(crate) fn exchange_failed(&mut self, live: &LiveUpstream, error: &Error, reused: bool, now: Instant) {
        let failure = Failure::of(error);
        if reused && failure == Failure::Broken {
            self.count(live, AttemptResult::Failed(failure));
            self.cause = Some(cause(error, failure));
        } else {
            self.record_failure(live, error, now);
        }
    }

    /// Takes note of an answer's head.
    pub(crate) fn record_head(&mut self, live: &LiveUpstream) {
        if self.count(live, AttemptResult::Answered)
            && let Some(endpoint) = self.endpoint()
        {
            endpoint.state.record_success();
        }
        self.cause = None;
    }

    /// Takes note of an answer's end: upstream and endpoint have room for another request, whatever the client still
    /// sends.
    pub(crate) fn record_end(&mut self) {
        if let Some(request) = &mut self.request {
            request.end();
        }
        self.permit = None;
    }

    /// Counts an interim answer, and says whether it may be passed on.
    pub(crate) fn count_interim(&mut self) -> bool {
        self.interim = self.interim.saturating_add(1);
        self.interim <= MAX_INTERIM
    }

    /// Why the last attempt failed, in words for operators.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// How often it was turned to an endpoint again.
    pub(crate) fn retries(&self) -> u32 {
        self.retries
    }

    /// Counts how an attempt went, once.
    fn count(&mut self, live: &LiveUpstream, attempt: AttemptResult) -> bool {
        let first = !std::mem::replace(&mut self.is_counted, true);
        if first {
            live.meter().count_attempt(attempt);
        }
        first
    }
}

/// What went wrong. Where it was connecting, in the library's words; else only of what kind it is, because those
/// words may quote the answer.
fn cause(error: &Error, failure: Failure) -> Box<str> {
    if failure.is_connect() {
        error.to_string().chars().take(MAX_CAUSE).collect()
    } else {
        error.etype().as_str().into()
    }
}
