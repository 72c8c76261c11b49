//! Explanations of requests and of decisions, with every step.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::texts::{text, text_named};

/// The explanation of a request.
#[derive(Debug, Deserialize)]
pub(crate) struct RequestExplanation {
    pub(crate) snapshot: String,
    pub(crate) listener: Option<String>,
    pub(crate) listener_assumed: bool,
    pub(crate) target: String,
    pub(crate) original_target: Option<String>,
    pub(crate) readings: Vec<String>,
    pub(crate) route: Option<String>,
    /// The file, line and column that define the route.
    pub(crate) place: Option<String>,
    pub(crate) rejected_candidates: Vec<RejectedCandidate>,
    pub(crate) other_routes: usize,
    pub(crate) preflight: Option<String>,
    pub(crate) limits: Vec<ExplainedLimit>,
    pub(crate) identity: String,
    pub(crate) identity_source: String,
    pub(crate) client: Option<String>,
    pub(crate) missing_attributes: Vec<String>,
    pub(crate) gate: Option<ExplainedGate>,
    pub(crate) unevaluated_gate: Option<String>,
    answer: ExplainedAnswer,
    pub(crate) upstream: Option<String>,
    headers: Map<String, Value>,
    pub(crate) open: bool,
}

/// A route that matches host and path and does not decide.
#[derive(Debug, Deserialize)]
pub(crate) struct RejectedCandidate {
    pub(crate) route: String,
    pub(crate) reason: String,
}

/// A limit that the request counts against.
#[derive(Debug, Deserialize)]
pub(crate) struct ExplainedLimit {
    pub(crate) route: String,
    pub(crate) limit: String,
    pub(crate) by: String,
}

/// The decision of a gate.
#[derive(Debug, Deserialize)]
pub(crate) struct ExplainedGate {
    pub(crate) gate: String,
    verdict: String,
    pub(crate) shadow: bool,
    pub(crate) flags: Vec<ExplainedFlag>,
}

/// The decision of a flag.
#[derive(Debug, Deserialize)]
pub(crate) struct ExplainedFlag {
    pub(crate) flag: String,
    pub(crate) variant: String,
    steps: Vec<Step>,
    pub(crate) local_kill: Option<LocalKill>,
    /// False if the tenant of a question about a flag has no record.
    #[serde(default = "yes")]
    pub(crate) known_tenant: bool,
}

/// A kill on this machine alone.
#[derive(Debug, Deserialize)]
pub(crate) struct LocalKill {
    pub(crate) until: String,
    pub(crate) reason: String,
    pub(crate) by: String,
}

/// A line of the decision table.
#[derive(Debug, Deserialize)]
pub(crate) struct Step {
    pub(crate) question: String,
    #[serde(deserialize_with = "crate::sentence::read")]
    pub(crate) answer: String,
    #[serde(deserialize_with = "crate::sentence::read")]
    pub(crate) note: String,
    outcome: String,
    pub(crate) clauses: Vec<Clause>,
}

/// A clause of a condition.
#[derive(Debug, Deserialize)]
pub(crate) struct Clause {
    pub(crate) clause: String,
    /// The value of the subject: null if it is missing, absent for a segment.
    #[serde(default, deserialize_with = "present")]
    found: Option<Value>,
    note: Option<String>,
    pub(crate) holds: bool,
}

/// The answer to the request.
#[derive(Debug, Deserialize)]
struct ExplainedAnswer {
    status: Option<u16>,
    grpc_status: Option<u8>,
    code: Option<String>,
    detail: String,
    location: Option<String>,
}

fn yes() -> bool {
    true
}

/// Reads a field that may be null, which is not the same as absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl RequestExplanation {
    /// Returns the answer in words.
    pub(crate) fn answer_text(&self) -> String {
        let answer = &self.answer;
        let Some(status) = answer.status else {
            let id = match (self.open, &self.route) {
                (true, Some(_)) => "explain-from-upstream",
                (true, None) => "explain-from-unmatched",
                (false, _) => "explain-from-fallback",
            };
            return text(id).into_owned();
        };
        let mut words = status.to_string();
        if let Some(grpc_status) = answer.grpc_status {
            words.push_str(&format!(" (grpc-status {grpc_status})"));
        }
        if let Some(location) = &answer.location {
            return format!("{words} → {location}");
        }
        if let Some(code) = &answer.code {
            words.push(' ');
            words.push_str(code);
        }
        let id = match self.is_closed() {
            true => "explain-gate-closed",
            false => "explain-by-sluice",
        };
        text_named(id, &words).into_owned()
    }

    /// Returns what the answer in words does not say.
    pub(crate) fn remark(&self) -> Option<&str> {
        let detail = &*self.answer.detail;
        let remark = detail.strip_prefix("by Sluice; ").unwrap_or(detail);
        Some(remark).filter(|remark| !remark.is_empty())
    }

    fn is_closed(&self) -> bool {
        let gate = self.gate.as_ref();
        gate.is_some_and(|gate| gate.verdict == "CLOSED" && !gate.shadow)
    }

    /// Returns the headers that tell the upstream the decision.
    pub(crate) fn header_lines(&self) -> impl Iterator<Item = (&str, String)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (&**name, value)
        })
    }
}

impl ExplainedGate {
    /// Returns true if the gate lets the request through.
    pub(crate) fn is_open(&self) -> bool {
        self.verdict == "OPEN"
    }

    /// Returns the state in words.
    pub(crate) fn verdict_text(&self) -> Cow<'static, str> {
        match &*self.verdict {
            "OPEN" => text("gate-open"),
            "CLOSED" => text("gate-closed"),
            _ => text("gate-undecided"),
        }
    }
}

impl ExplainedFlag {
    /// Returns the lines down to the one that decides.
    pub(crate) fn reached(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.is_reached())
    }

    /// Returns the lines after it.
    pub(crate) fn otherwise(&self) -> Vec<&Step> {
        self.steps.iter().filter(|step| !step.is_reached()).collect()
    }
}

impl Step {
    /// The result of a line that would serve a variant.
    const WOULD_SERVE: &str = "would serve ";

    fn is_reached(&self) -> bool {
        self.is_deciding() || self.outcome == "passed"
    }

    /// Returns true for the line that decides.
    pub(crate) fn is_deciding(&self) -> bool {
        self.outcome == "decided"
    }

    /// Returns the variant that a line after the deciding one would serve.
    pub(crate) fn would_serve(&self) -> Option<&str> {
        self.outcome.strip_prefix(Self::WOULD_SERVE)
    }
}

impl Clause {
    /// Returns the value that was found, and the reason why the clause can't hold for it; empty for a segment.
    pub(crate) fn found_text(&self) -> String {
        let value = match &self.found {
            None => return String::new(),
            Some(Value::Null) => return text("clause-missing").into_owned(),
            Some(Value::String(value)) => value.clone(),
            Some(other) => other.to_string(),
        };
        let found = text_named("clause-found", &value);
        match &self.note {
            Some(note) => format!("{found}: {note}"),
            None => found.into_owned(),
        }
    }
}
