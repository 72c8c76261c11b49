//! The explanation of a request, phase by phase, as the admin API and the commands show it. Implementations of
//! [`Explain`], which know routes and issuers, create it.

use changes::timestamp;
use rules::{
    Cause, ClauseTrace, ClauseValue, FlagId, Flags, StepOutcome, Subject, Timestamp, VariantId, explain,
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::break_glass::LocalKill;
use crate::request_question::{InvalidQuestion, RequestQuestion};

/// Explains requests.
pub trait Explain: Send + Sync {
    /// Explains how the data plane would handle a request at the given time. No request is sent, and nothing is counted.
    /// Blocks while the keys of its token are fetched, as long as a request would wait.
    ///
    /// # Errors
    /// The question is invalid, or nothing can be explained yet. A request that the data plane would reject has an
    /// explanation, too.
    fn explain(&self, question: &RequestQuestion, at: Timestamp) -> Result<RequestExplanation, Unexplained>;
}

/// The reason why a request is not explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unexplained {
    /// The data plane does not run yet.
    #[error("the proxy is not running yet")]
    NotRunning,
    /// The question is invalid for the active configuration.
    #[error(transparent)]
    Question(#[from] InvalidQuestion),
}

/// An explanation of how the data plane would handle a request.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = RequestExplanation)]
pub struct RequestExplanation {
    /// The revision of the snapshot that decides.
    pub snapshot: String,
    /// The listener that receives the request; null if there is only one.
    pub listener: Option<String>,
    /// True if the question names none of several listeners: the first one is assumed.
    pub listener_assumed: bool,
    /// The path that is matched and forwarded.
    pub target: String,
    /// The target as it was sent; null if it is the same.
    pub original_target: Option<String>,
    /// The other routes that the path matches in other readings of it.
    pub readings: Vec<String>,
    /// The route that decides.
    pub route: Option<String>,
    /// The file, line and column that define the route.
    pub place: Option<String>,
    /// The other routes whose host and path match, and the reasons why they don't decide; at most 20.
    pub rejected_candidates: Vec<RejectedCandidate>,
    /// The number of routes whose host or path does not match.
    pub other_routes: usize,
    /// The treatment of a CORS preflight; null for other requests.
    pub preflight: Option<String>,
    /// The limits that the request counts against. Their current usage is not included.
    pub limits: Vec<ExplainedLimit>,
    /// The caller.
    pub identity: String,
    /// The source of the identity, or the reason why there is none.
    pub identity_source: String,
    /// The client's address: that of the question, or the one that trusted proxies forward; null if it is not known.
    pub client: Option<String>,
    /// The attributes that have no value because the client's address is not known.
    pub missing_attributes: Vec<String>,
    /// The decision of the gate; null without a gate, or if it was not evaluated.
    pub gate: Option<ExplainedGate>,
    /// The gate, if the request was rejected before it was evaluated.
    pub unevaluated_gate: Option<String>,
    /// The answer to the request.
    pub answer: ExplainedAnswer,
    /// The upstream that the request is forwarded to.
    pub upstream: Option<String>,
    /// The headers that tell the upstream the decision.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub headers: Map<String, Value>,
    /// True if the request reaches the upstream of an open gate.
    pub open: bool,
}

/// The answer to a request.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ExplainedAnswer)]
pub struct ExplainedAnswer {
    /// The HTTP status, which is 200 for a gRPC client; null if the answer is the upstream's.
    pub status: Option<u16>,
    /// The gRPC status in `grpc-status`; null for other clients, and if the answer is the upstream's.
    pub grpc_status: Option<u8>,
    /// The code of an answer of the proxy, as in its problem document; null if the answer is the upstream's.
    pub code: Option<String>,
    /// Details for people; empty if the code is sufficient.
    pub detail: String,
    /// The URL or path that the client is redirected to.
    pub location: Option<String>,
}

/// A route whose host and path match, but that does not decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RejectedCandidate)]
pub struct RejectedCandidate {
    /// Its name.
    pub route: String,
    /// The reason why it does not decide.
    pub reason: String,
}

/// A limit that the request counts against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ExplainedLimit)]
pub struct ExplainedLimit {
    /// The route that has the limit.
    pub route: String,
    /// The number of requests in a time, and the number at once.
    pub limit: String,
    /// The requests that are counted together: those of one `tenant` or one `client`.
    pub by: String,
}

/// The decision of a gate.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ExplainedGate)]
pub struct ExplainedGate {
    /// The condition over flags.
    pub gate: String,
    /// `OPEN`, `CLOSED` or `UNDECIDED`.
    pub verdict: &'static str,
    /// True if the route only observes the gate.
    pub shadow: bool,
    /// The decision of each of its flags.
    pub flags: Vec<ExplainedFlag>,
}

/// The decision of a flag, with its steps.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ExplainedFlag)]
pub struct ExplainedFlag {
    /// Its key.
    pub flag: String,
    /// The served variant.
    pub variant: String,
    /// The reason, as OpenFeature names it.
    pub reason: &'static str,
    /// The line of the decision table that decided.
    pub cause: &'static str,
    /// Every line of the decision table.
    pub steps: Vec<ExplainedStep>,
    /// The break-glass kill of this machine, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub local_kill: Option<ExplainedLocalKill>,
}

/// A kill on this machine alone, by break-glass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = LocalKill)]
pub struct ExplainedLocalKill {
    /// The time it expires.
    #[schema(format = DateTime)]
    pub until: String,
    /// The reason given.
    pub reason: String,
    /// The user of the process that made it.
    pub by: String,
}

/// A line of the decision table.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = DecisionStep)]
pub struct ExplainedStep {
    /// Its name.
    pub cause: &'static str,
    /// The question of the line.
    pub question: String,
    /// The answer to the question.
    pub answer: String,
    /// The reason of the answer, if it is not obvious.
    pub note: String,
    /// `decided`, `passed`, `would pass` or `would serve VARIANT`.
    pub outcome: String,
    /// The clauses of a condition, each with the subject's value and its result.
    pub clauses: Vec<ExplainedClause>,
}

/// A clause of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Clause)]
pub struct ExplainedClause {
    /// The clause as text.
    pub clause: String,
    /// The subject's value; null for a missing attribute, omitted for a segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub found: Option<Option<String>>,
    /// The reason why the clause is false, if it is the type or form of the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub note: Option<&'static str>,
    /// True if the clause holds.
    pub holds: bool,
}

impl ExplainedFlag {
    /// Explains the decision of `flag` for `subject` at `now`; none for an id of another snapshot.
    #[must_use]
    pub fn of(flags: &Flags, id: FlagId, subject: &Subject<'_>, now: Timestamp) -> Option<Self> {
        let flag = flags.flag(id)?;
        let explanation = explain(flags, id, subject, now)?;
        let variant = |id: VariantId| {
            let variant = flag.variant(id);
            variant.map_or_else(String::new, |variant| variant.name.to_string())
        };
        let steps = explanation.steps.into_iter().map(|step| ExplainedStep {
            cause: step.cause.as_str(),
            outcome: match step.outcome {
                StepOutcome::Passed => "passed".to_owned(),
                StepOutcome::Decided => "decided".to_owned(),
                StepOutcome::WouldPass => "would pass".to_owned(),
                StepOutcome::WouldServe(id) => format!("would serve {}", variant(id)),
            },
            clauses: step.clauses.into_iter().map(ExplainedClause::from).collect(),
            question: step.question,
            answer: step.answer,
            note: step.note,
        });
        Some(Self {
            flag: flag.key().to_string(),
            variant: variant(explanation.decision.variant),
            reason: explanation.decision.reason.as_str(),
            cause: explanation.decision.cause.as_str(),
            steps: steps.collect(),
            local_kill: None,
        })
    }
}

impl ExplainedLocalKill {
    /// Adds a note to the step of the kill: it applies to this machine only and is not stored.
    pub(crate) fn annotate(&self, steps: &mut [ExplainedStep]) {
        let killed =
            |step: &&mut ExplainedStep| step.cause == Cause::Killed.as_str() && step.outcome == "decided";
        if let Some(step) = steps.iter_mut().find(killed) {
            step.note = format!("on this machine until {}, by break-glass", self.until);
        }
    }
}

impl From<&LocalKill> for ExplainedLocalKill {
    fn from(kill: &LocalKill) -> Self {
        Self {
            until: timestamp::text(kill.until),
            reason: kill.reason.clone(),
            by: kill.by.clone(),
        }
    }
}

impl From<ClauseTrace> for ExplainedClause {
    fn from(clause: ClauseTrace) -> Self {
        Self {
            clause: clause.clause,
            found: match clause.found {
                ClauseValue::Value(value) => Some(Some(value)),
                ClauseValue::Missing => Some(None),
                ClauseValue::Segment => None,
            },
            note: clause.note,
            holds: clause.holds,
        }
    }
}
