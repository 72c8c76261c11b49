//! What becomes of a request, told phase by phase. Whoever knows routes and issuers tells it, through [`Explain`].

use rules::{
    Cause, ClauseTrace, ClauseValue, FlagId, Flags, StepOutcome, Subject, Timestamp, VariantId, explain,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::break_glass::LocalKill;
use crate::request_question::RequestQuestion;
use crate::timestamp;

/// Who can tell what becomes of a request.
pub trait Explain: Send + Sync {
    /// Tells what the data plane would do with a request at a time. No request is made, and nothing is counted. May
    /// block for as long as a request waits for keys to verify its token by.
    ///
    /// # Errors
    /// A defect of the one who tells; what the data plane would refuse is a story, too.
    fn explain(&self, question: &RequestQuestion, at: Timestamp) -> Result<Story, Unexplained>;
}

/// A defect of the one who tells.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request can't be explained: {0}")]
pub struct Unexplained(pub String);

/// What becomes of a request.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Story)]
pub struct Story {
    /// The revision of the snapshot that was asked.
    pub snapshot: String,
    /// The path that is matched and forwarded.
    pub target: String,
    /// The path as it was sent, where that is another.
    pub as_sent: Option<String>,
    /// The other routes that the path falls on when an upstream reads it in other ways.
    pub readings: Vec<String>,
    /// The route that decides.
    pub route: Option<String>,
    /// Where it was written: file, line and column.
    pub place: Option<String>,
    /// The routes that host and path fit as well, and why they don't decide; at most 20.
    pub passed_over: Vec<PassedOver>,
    /// How many routes ask for another host or path.
    pub elsewhere: usize,
    /// Of a CORS preflight: what it meets.
    pub preflight: Option<String>,
    /// The limits that the request is counted on. What was used of them is not looked at here.
    pub limits: Vec<LimitStory>,
    /// Who is asking.
    pub identity: String,
    /// From where that is known, or why nobody is.
    pub identity_source: String,
    /// What the gate said.
    pub gate: Option<GateStory>,
    /// The gate, where nobody was let as far as that.
    pub unasked_gate: Option<String>,
    /// The answer to the request.
    pub answer: AnswerStory,
    /// The upstream that the request is forwarded to.
    pub upstream: Option<String>,
    /// The headers that tell the upstream what was decided.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub headers: Map<String, Value>,
    /// Whether the request gets to where an open gate leads.
    pub passes: bool,
}

/// The answer to a request.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StoryAnswer)]
pub struct AnswerStory {
    /// The status; null where the answer is the upstream's.
    pub status: Option<u16>,
    /// The code of an answer of the proxy's own, as in its problem document; null where the answer is the upstream's.
    pub code: Option<String>,
    /// What there is to say about it; empty where the code says it all.
    pub detail: String,
    /// Where the client is redirected to.
    pub location: Option<String>,
}

/// A route that host and path fit, and that doesn't decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PassedOver)]
pub struct PassedOver {
    /// Its name.
    pub route: String,
    /// Why not.
    pub why: String,
}

/// A limit that the request is counted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = LimitStory)]
pub struct LimitStory {
    /// The route that it is of.
    pub route: String,
    /// How many requests in which time, and how many at once.
    pub limit: String,
    /// Whose requests are counted together: `tenant` or `client`.
    pub by: String,
}

/// What a gate said.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = GateStory)]
pub struct GateStory {
    /// The condition over flags.
    pub gate: String,
    /// `OPEN`, `CLOSED` or `UNDECIDED`.
    pub verdict: &'static str,
    /// Whether it is only watched.
    pub shadow: bool,
    /// What each of its flags said.
    pub flags: Vec<FlagStory>,
}

/// What a flag said, and why.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = FlagStory)]
pub struct FlagStory {
    /// Its key.
    pub flag: String,
    /// What it serves.
    pub variant: String,
    /// The reason, in the words of OpenFeature.
    pub reason: &'static str,
    /// The line of the decision table.
    pub cause: &'static str,
    /// Every line of it.
    pub steps: Vec<StepStory>,
    /// Where it is killed on this machine alone, by break-glass: until when and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub local_kill: Option<LocalKillStory>,
}

/// A kill on this machine alone, by break-glass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = LocalKill)]
pub struct LocalKillStory {
    /// When it ends.
    #[schema(format = DateTime)]
    pub until: String,
    /// Why it was made.
    pub reason: String,
    /// The user of the process that made it.
    pub by: String,
}

/// A line of the decision table.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Step)]
pub struct StepStory {
    /// Its name.
    pub cause: &'static str,
    /// What was asked.
    pub question: String,
    /// The answer.
    pub answer: String,
    /// Why, where that is not plain.
    pub note: String,
    /// `decided`, `passed`, `would pass` or `would serve VARIANT`.
    pub outcome: String,
    /// For conditions: each clause, what the subject has there, and whether it holds.
    #[schema(value_type = Vec<crate::api::AnyObject>)]
    pub clauses: Vec<Value>,
}

impl FlagStory {
    /// What `flag` says of `subject` at `now`; none for an id of another snapshot.
    #[must_use]
    pub fn of(flags: &Flags, id: FlagId, subject: &Subject<'_>, now: Timestamp) -> Option<Self> {
        let flag = flags.flag(id)?;
        let explanation = explain(flags, id, subject, now)?;
        let variant = |id: VariantId| {
            let variant = flag.variant(id);
            variant.map_or_else(String::new, |variant| variant.name.to_string())
        };
        let steps = explanation.steps.into_iter().map(|step| StepStory {
            cause: step.cause.as_str(),
            outcome: match step.outcome {
                StepOutcome::Passed => "passed".to_owned(),
                StepOutcome::Decided => "decided".to_owned(),
                StepOutcome::WouldPass => "would pass".to_owned(),
                StepOutcome::WouldServe(id) => format!("would serve {}", variant(id)),
            },
            clauses: step.clauses.iter().map(clause).collect(),
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

impl LocalKillStory {
    /// Says in the step that a kill decided where it was made: not in what is kept.
    pub(crate) fn told_in(&self, steps: &mut [StepStory]) {
        let killed =
            |step: &&mut StepStory| step.cause == Cause::Killed.as_str() && step.outcome == "decided";
        if let Some(step) = steps.iter_mut().find(killed) {
            step.note = format!("on this machine until {}, by break-glass", self.until);
        }
    }
}

impl From<&LocalKill> for LocalKillStory {
    fn from(kill: &LocalKill) -> Self {
        Self {
            until: timestamp::text(kill.until),
            reason: kill.reason.clone(),
            by: kill.by.clone(),
        }
    }
}

/// Without `found` for a segment, with null for what is missing.
fn clause(clause: &ClauseTrace) -> Value {
    match &clause.found {
        ClauseValue::Value(value) => {
            json!({ "clause": clause.clause, "found": value, "holds": clause.holds })
        }
        ClauseValue::Missing => json!({ "clause": clause.clause, "found": null, "holds": clause.holds }),
        ClauseValue::Segment => json!({ "clause": clause.clause, "holds": clause.holds }),
    }
}
