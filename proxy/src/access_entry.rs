//! An entry of the access log. It has no field for a token. It has the query only if the operator enables that.
//! Its formats are left to `access_line`.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use rules::Cause;

use crate::outcome::RequestOutcome;

/// An access log entry. All texts are borrowed from the state of the request.
#[derive(Debug, Clone, Copy)]
pub struct AccessEntry<'a> {
    /// Time when the head was read.
    pub time: SystemTime,
    /// The request's id, which the upstream also receives.
    pub request_id: &'a str,
    /// The id of the trace, 32 hex digits.
    pub trace_id: Option<&'a str>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The method.
    pub method: &'a str,
    /// The requested host.
    pub host: Option<&'a str>,
    /// The path that was matched and forwarded, without the query.
    pub path: &'a str,
    /// The query, if the operator enables it.
    pub query: Option<&'a str>,
    /// The route; none if no route matches.
    pub route: Option<&'a str>,
    /// True if the route of another reading of the path decided, or there were too many readings.
    pub ambiguous_target: bool,
    /// The tenant of the verified caller.
    pub tenant: Option<&'a str>,
    /// The user of the verified caller.
    pub user: Option<&'a str>,
    /// The decision of the gate; none without a gate.
    pub gate: Option<GateEntry<'a>>,
    /// The outcome.
    pub outcome: RequestOutcome,
    /// The status that was sent to the client; 0 if none was.
    pub status: u16,
    /// The origin of the response.
    pub answered_by: Option<AnsweredBy>,
    /// The upstream that the request was sent to.
    pub upstream: Option<&'a str>,
    /// The endpoint of the last attempt.
    pub endpoint: Option<SocketAddr>,
    /// The number of retries.
    pub retries: u32,
    /// Time from the head to the end of the response, in microseconds.
    pub duration_us: u64,
    /// Time from the choice of the endpoint to the head of the response, in microseconds.
    pub upstream_us: Option<u64>,
    /// Bytes of the body received from the client.
    pub request_bytes: u64,
    /// Bytes of the body sent to the client.
    pub response_bytes: u64,
    /// The code of the proxy's own answer, or of the failure.
    pub error: Option<&'a str>,
    /// The cause of an upstream's failure or of a refusal, for operators.
    pub cause: Option<&'a str>,
}

/// The decision of a gate.
#[derive(Debug, Clone, Copy)]
pub struct GateEntry<'a> {
    /// The verdict.
    pub verdict: GateVerdict,
    /// True if the gate only observes: had it been closed, the request would have passed.
    pub shadow: bool,
    /// The decisive flag decision, if there is one.
    pub decision: Option<DecisionEntry<'a>>,
}

/// The verdict of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateVerdict {
    /// The gate was open.
    Open,
    /// The gate was closed.
    Closed,
    /// A flag could not be decided.
    Undecided,
}

/// The decision of one flag.
#[derive(Debug, Clone, Copy)]
pub struct DecisionEntry<'a> {
    /// The flag's key.
    pub flag: &'a str,
    /// The served variant.
    pub variant: &'a str,
    /// The line of the decision table.
    pub cause: Cause,
}

/// The origin of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnsweredBy {
    /// The proxy itself.
    Sluice,
    /// The upstream.
    Upstream,
}

impl GateVerdict {
    /// Returns the name in a line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Undecided => "undecided",
        }
    }
}

impl AnsweredBy {
    /// Returns the name in a line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sluice => "sluice",
            Self::Upstream => "upstream",
        }
    }
}

impl<'a> AccessEntry<'a> {
    /// Creates an entry of the request `request_id`, which was received at `time`. All other fields are empty.
    pub(crate) fn new(time: SystemTime, request_id: &'a str, outcome: RequestOutcome) -> Self {
        Self {
            time,
            request_id,
            trace_id: None,
            client: None,
            method: "",
            host: None,
            path: "",
            query: None,
            route: None,
            ambiguous_target: false,
            tenant: None,
            user: None,
            gate: None,
            outcome,
            status: 0,
            answered_by: None,
            upstream: None,
            endpoint: None,
            retries: 0,
            duration_us: 0,
            upstream_us: None,
            request_bytes: 0,
            response_bytes: 0,
            error: None,
            cause: None,
        }
    }
}

/// Returns a duration in whole microseconds, as entries state it.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
