//! An entry of the access log, and its two formats. It has no field for a token. It has the query only if the
//! operator enables that.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use rules::Cause;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;

use crate::outcome::RequestOutcome;

/// An access log entry. All texts are borrowed from the state of the request.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct AccessEntry<'a> {
    /// Time when the head was read.
    #[serde(serialize_with = "rfc3339")]
    pub time: SystemTime,
    /// The request's id, which the upstream also receives.
    pub request_id: &'a str,
    /// The id of the trace, 32 hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<&'a str>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// The method.
    pub method: &'a str,
    /// The requested host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<&'a str>,
    /// The path that was matched and forwarded, without the query.
    pub path: &'a str,
    /// The query, if the operator enables it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<&'a str>,
    /// The route; none if no route matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<&'a str>,
    /// True if the route of another reading of the path decided, or there were too many readings.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ambiguous_target: bool,
    /// The tenant of the verified caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<&'a str>,
    /// The user of the verified caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// The decision of the gate; none without a gate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateEntry<'a>>,
    /// The outcome.
    #[serde(serialize_with = "outcome")]
    pub outcome: RequestOutcome,
    /// The status that was sent to the client; 0 if none was.
    pub status: u16,
    /// The origin of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<AnsweredBy>,
    /// The upstream that the request was sent to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<&'a str>,
    /// The endpoint of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<SocketAddr>,
    /// The number of retries.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u32,
    /// Time from the head to the end of the response, in microseconds.
    pub duration_us: u64,
    /// Time from the choice of the endpoint to the head of the response, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_us: Option<u64>,
    /// Bytes of the body received from the client.
    pub request_bytes: u64,
    /// Bytes of the body sent to the client.
    pub response_bytes: u64,
    /// The code of the proxy's own answer, or of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    /// The cause of an upstream's failure, for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'a str>,
}

/// The decision of a gate.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct GateEntry<'a> {
    /// The verdict.
    pub verdict: GateVerdict,
    /// True if the gate only observes: had it been closed, the request would have passed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
    /// The decisive flag decision, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionEntry<'a>>,
}

/// The verdict of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateVerdict {
    /// The gate was open.
    Open,
    /// The gate was closed.
    Closed,
    /// A flag could not be decided.
    Undecided,
}

/// The decision of one flag.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct DecisionEntry<'a> {
    /// The flag's key.
    pub flag: &'a str,
    /// The served variant.
    pub variant: &'a str,
    /// The line of the decision table.
    #[serde(serialize_with = "cause")]
    pub cause: Cause,
}

/// The origin of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// The proxy itself.
    Sluice,
    /// The upstream.
    Upstream,
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

impl AccessEntry<'_> {
    /// Returns the entry as a JSON object and a newline.
    pub(crate) fn json(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(512);
        // Serialising fails only for map keys that are no strings and for writers that fail. Neither occurs here.
        if serde_json::to_writer(&mut line, self).is_err() {
            line.clear();
        }
        line.push(b'\n');
        line
    }

    /// Returns the entry as text: time, tenant, route, decision and cause, status, microseconds, and a newline.
    pub(crate) fn human(&self) -> Vec<u8> {
        let at = OffsetDateTime::from(self.time);
        let mut line = String::with_capacity(128);
        let tenant = self.tenant.unwrap_or("-");
        // The path is text from the client, so it is escaped.
        let place = self
            .route
            .map_or_else(|| self.path.escape_debug().to_string(), str::to_owned);
        let (hour, minute, second, milli) = at.to_hms_milli();
        // Writing to a String can't fail.
        let _ = write!(
            line,
            "{hour:02}:{minute:02}:{second:02}.{milli:03}  {tenant:<12} {place:<24} "
        );
        let _ = writeln!(
            line,
            "{:<44} {:>3} {:>8} us",
            self.decided(),
            self.status,
            self.duration_us
        );
        line.into_bytes()
    }

    fn decided(&self) -> String {
        let Some(gate) = self.gate else {
            return self.outcome.as_str().into();
        };
        let mut text = match gate.decision {
            Some(DecisionEntry { flag, variant, cause }) => format!("{flag} {variant} ({cause})"),
            None => String::from("gate"),
        };
        text.push_str(match gate.verdict {
            GateVerdict::Open => " open",
            GateVerdict::Closed => " closed",
            GateVerdict::Undecided => " undecided",
        });
        if gate.shadow {
            text.push_str(", shadow");
        }
        text
    }
}

/// Returns a duration in whole microseconds, as entries state it.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let at = OffsetDateTime::from(*time);
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second, milli) = at.to_hms_milli();
    let month = u8::from(month);
    serializer.collect_str(&format_args!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
    ))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn outcome<S: Serializer>(outcome: &RequestOutcome, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(outcome.as_str())
}

fn cause<S: Serializer>(cause: &Cause, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(cause.as_str())
}

#[cfg(test)]
mod tests;
