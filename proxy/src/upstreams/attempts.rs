//! How one request fares with its upstream: which endpoint has it, which could not be reached, how often it was
//! turned to another.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use pingora::Error;

use super::balance::Choice;
use super::circuit::Permit;
use super::endpoint::{Asked, LiveEndpoint};
use super::failure::Failure;
use super::live::LiveUpstream;
use super::meter::Attempt;

/// The most addresses that can be tried for one request.
pub(crate) const MAX_TRIED: usize = rules::MAX_RETRIES as usize + 1;
/// The most interim answers (1xx) to one request.
const MAX_INTERIM: u32 = 64;
/// The most characters of a cause in the log.
const MAX_CAUSE: usize = 300;

/// A request's attempts to get an answer.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    started: Option<Instant>,
    turn: usize,
    asker: Option<u64>,
    tried: ArrayVec<SocketAddr, MAX_TRIED>,
    retries: u32,
    asked: Option<Asked>,
    /// Whether the present attempt was counted.
    counted: bool,
    /// Interim answers so far.
    interim: u32,
    cause: Option<Box<str>>,
    permit: Option<Permit>,
}

impl Attempts {
    /// Takes the permit that lets the request in, and who is asking, where that decides who is asked.
    pub(crate) fn begin(&mut self, permit: Permit, asker: Option<u64>) {
        self.permit = Some(permit);
        self.asker = asker;
    }

    /// Chooses an endpoint; the first time, this takes a turn.
    pub(crate) fn choose(&mut self, live: &LiveUpstream, now: Instant) -> Option<&LiveEndpoint> {
        if self.started.is_none() {
            self.started = Some(now);
            self.turn = live.take_turn();
        }
        self.asked = None;
        let choice = Choice {
            balance: live.definition().balance,
            turn: self.turn,
            asker: self.asker,
            tried: &self.tried,
            now,
        };
        self.asked = choice.among(&live.table()).map(Asked::new);
        self.counted = false;
        self.endpoint()
    }

    /// Who has the request.
    pub(crate) fn endpoint(&self) -> Option<&LiveEndpoint> {
        self.asked.as_ref().map(Asked::endpoint)
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
        if let Some(asked) = &self.asked {
            // There is room: a request that may be tried no more is not tried.
            let _ = self.tried.try_push(asked.endpoint().address);
        }
        self.failed(live, error, now);
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
            live.meter().retried();
        }
        more
    }

    /// Takes note that the endpoint failed the request.
    fn failed(&mut self, live: &LiveUpstream, error: &Error, now: Instant) {
        let failure = Failure::of(error);
        if self.count(live, Attempt::Failed(failure))
            && let Some(endpoint) = self.endpoint()
        {
            live.failed(endpoint, now);
        }
        self.cause = Some(cause(error, failure));
    }

    /// Takes note that an exchange broke off. That an upstream closes a connection it kept is no fault of its.
    pub(crate) fn exchange_failed(&mut self, live: &LiveUpstream, error: &Error, reused: bool, now: Instant) {
        let failure = Failure::of(error);
        if reused && failure == Failure::Broken {
            self.count(live, Attempt::Failed(failure));
            self.cause = Some(cause(error, failure));
        } else {
            self.failed(live, error, now);
        }
    }

    /// Takes note of an answer's head.
    pub(crate) fn answered(&mut self, live: &LiveUpstream) {
        if self.count(live, Attempt::Answered)
            && let Some(endpoint) = self.endpoint()
        {
            endpoint.state.succeeded();
        }
        self.cause = None;
    }

    /// Takes note of an answer's end: upstream and endpoint have room for another request, whatever the client still
    /// sends.
    pub(crate) fn ended(&mut self) {
        if let Some(asked) = &mut self.asked {
            asked.end();
        }
        self.permit = None;
    }

    /// Counts an interim answer, and says whether it may be passed on.
    pub(crate) fn interim(&mut self) -> bool {
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
    fn count(&mut self, live: &LiveUpstream, attempt: Attempt) -> bool {
        let first = !std::mem::replace(&mut self.counted, true);
        if first {
            live.meter().attempted(attempt);
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
