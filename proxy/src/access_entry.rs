//! What the access log says of one request, and the two forms of its line. It has no field for a token, and
//! the query is there only where an operator asked for it.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use rules::Cause;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;

use crate::outcome::RequestOutcome;

/// What is said of one request. All texts are borrowed from what the request holds already.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct AccessEntry<'a> {
    /// When its head was read.
    #[serde(serialize_with = "rfc3339")]
    pub time: SystemTime,
    /// The id that the upstream is sent too.
    pub request_id: &'a str,
    /// The id of the trace it belongs to, 32 hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<&'a str>,
    /// Who connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// The method.
    pub method: &'a str,
    /// The host asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<&'a str>,
    /// The path that was matched and forwarded, without the query.
    pub path: &'a str,
    /// The query, where it is to be logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<&'a str>,
    /// The route, if one matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<&'a str>,
    /// Whether that is the route of another reading of the path, or there were too many readings.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ambiguous_target: bool,
    /// The tenant, of a token that was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<&'a str>,
    /// The user, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// How the gate was decided, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateEntry<'a>>,
    /// How it ended.
    #[serde(serialize_with = "outcome")]
    pub outcome: RequestOutcome,
    /// The status that the client was sent; 0 if nothing was.
    pub status: u16,
    /// Whose answer that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<AnsweredBy>,
    /// The upstream that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<&'a str>,
    /// The last of its endpoints that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<SocketAddr>,
    /// How often the request was turned to an endpoint again.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u32,
    /// From the head to the end of the answer, in microseconds.
    pub duration_us: u64,
    /// From the choice of the upstream to the head of its answer, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_us: Option<u64>,
    /// Bytes of the body received from the client.
    pub request_bytes: u64,
    /// Bytes of the body sent to the client.
    pub response_bytes: u64,
    /// The code of our own answer, or of what went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    /// What went wrong with the upstream, for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'a str>,
}

/// How a gate was decided.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct GateEntry<'a> {
    /// Whether it was open.
    pub verdict: GateVerdict,
    /// Whether it only watches, and a closed one would have let the request through.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
    /// The decision that was decisive, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionEntry<'a>>,
}

/// Whether a gate was open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateVerdict {
    /// It was.
    Open,
    /// It was not.
    Closed,
    /// A flag could not be decided.
    Undecided,
}

/// One flag's decision.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct DecisionEntry<'a> {
    /// The flag's key.
    pub flag: &'a str,
    /// The variant served.
    pub variant: &'a str,
    /// The line of the decision table.
    #[serde(serialize_with = "cause")]
    pub cause: Cause,
}

/// Whose answer the client got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// Ours.
    Sluice,
    /// The upstream's.
    Upstream,
}

impl AccessEntry<'_> {
    /// A JSON object and a newline.
    pub(crate) fn json(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(512);
        // Only a map with keys that are no strings could fail, or a writer; there is neither.
        if serde_json::to_writer(&mut line, self).is_err() {
            line.clear();
        }
        line.push(b'\n');
        line
    }

    /// Time, tenant, route, decision and its cause, status and microseconds, and a newline.
    pub(crate) fn human(&self) -> Vec<u8> {
        let at = OffsetDateTime::from(self.time);
        let mut line = String::with_capacity(128);
        let tenant = self.tenant.unwrap_or("-");
        // Without a route the path is shown; it may be anything that a client sent.
        let place = self
            .route
            .map_or_else(|| self.path.escape_debug().to_string(), str::to_owned);
        let (hour, minute, second, milli) = at.to_hms_milli();
        // Writing to a string doesn't fail.
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
