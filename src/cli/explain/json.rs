//! The story for machines: one JSON document.

use rules::{ClauseTrace, Found};
use serde_json::{Value as Json, json};

use super::story::{FlagStory, GateStory, Story};

impl Story {
    /// The story for machines.
    pub(super) fn to_json(&self) -> Json {
        let headers: serde_json::Map<String, Json> = self
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        json!({
            "target": self.target,
            "as_sent": self.as_sent,
            "readings": self.readings,
            "route": self.route.as_ref().map(|(name, _)| name),
            "place": self.route.as_ref().map(|(_, place)| place),
            "identity": self.identity,
            "identity_source": self.identity_source,
            "gate": self.gate.as_ref().map(GateStory::to_json),
            "answer": self.answer,
            "upstream": self.upstream,
            "headers": headers,
            "passes": self.passes,
        })
    }
}

impl GateStory {
    fn to_json(&self) -> Json {
        let flags: Vec<Json> = self.flags.iter().map(FlagStory::to_json).collect();
        json!({ "gate": self.gate, "verdict": self.verdict(), "shadow": self.shadow, "flags": flags })
    }
}

impl FlagStory {
    fn to_json(&self) -> Json {
        let decision = self.explanation.decision;
        let steps: Vec<Json> = self
            .explanation
            .steps
            .iter()
            .map(|step| {
                let clauses: Vec<Json> = step.clauses.iter().map(clause_json).collect();
                json!({
                    "cause": step.cause.as_str(),
                    "question": step.question,
                    "answer": step.answer,
                    "note": step.note,
                    "outcome": self.outcome(step.outcome),
                    "clauses": clauses,
                })
            })
            .collect();
        json!({
            "flag": self.key,
            "variant": self.served,
            "reason": decision.reason.as_str(),
            "cause": decision.cause.as_str(),
            "steps": steps,
        })
    }

    fn outcome(&self, outcome: rules::Outcome) -> String {
        match outcome {
            rules::Outcome::Passed => "passed".to_owned(),
            rules::Outcome::Decided => "decided".to_owned(),
            rules::Outcome::WouldPass => "would pass".to_owned(),
            rules::Outcome::WouldServe(variant) => {
                format!(
                    "would serve {}",
                    self.variants.get(variant.index()).map_or("", |name| name)
                )
            }
        }
    }
}

/// Without `found` for a segment, with null for what is missing.
fn clause_json(clause: &ClauseTrace) -> Json {
    match &clause.found {
        Found::Value(value) => json!({ "clause": clause.clause, "found": value, "holds": clause.holds }),
        Found::Missing => json!({ "clause": clause.clause, "found": null, "holds": clause.holds }),
        Found::Segment => json!({ "clause": clause.clause, "holds": clause.holds }),
    }
}
