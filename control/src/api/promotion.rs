//! Endpoint that shows the next step of a flag's lifecycle: every condition, met or not.

use changes::Condition;
use rules::Lifecycle;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Api;
use super::handler::{NoBody, Reply};
use super::problem::ApiProblem;
use super::request::ApiRequest;

/// The next step of a flag's lifecycle. A promotion checks the same conditions, and the blast radius.
#[derive(Serialize, ToSchema)]
#[schema(as = Promotion)]
pub(crate) struct PromotionBody {
    revision: u64,
    flag: String,
    /// The present state; absent for kinds without a lifecycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    lifecycle: Option<&'static str>,
    /// The next state; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<&'static str>,
    /// True if there is a next state, and all conditions are met.
    is_met: bool,
    /// The conditions that the policy has for the step.
    conditions: Vec<ConditionBody>,
}

/// A condition of a promotion; further members are the facts of an unmet one.
#[derive(Serialize, ToSchema)]
#[schema(as = PromotionCondition)]
pub(crate) struct ConditionBody {
    /// The code with which a promotion is refused while it is not met.
    code: &'static str,
    /// The thing that it requires, as a phrase.
    requirement: String,
    met: bool,
    /// The facts in a sentence, if it is not met.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// A way to meet it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    help: Option<String>,
    /// The time at which it will be met, if it only waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    until: Option<String>,
    /// Its other facts, by name.
    #[serde(flatten)]
    facts: Map<String, Value>,
}

pub(crate) fn show(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<PromotionBody>, ApiProblem> {
    let key = request.flag();
    let found = api.control().next_step(key, request.at);
    let (revision, step) = found.ok_or_else(|| ApiProblem::flag_not_found(key))?;
    let conditions = step.conditions.into_iter().map(ConditionBody::from);
    let conditions: Vec<ConditionBody> = conditions.collect();
    let body = PromotionBody {
        revision: revision.0,
        flag: key.to_owned(),
        lifecycle: step.from.map(Lifecycle::as_str),
        next: step.to.map(Lifecycle::as_str),
        is_met: step.to.is_some() && conditions.iter().all(|condition| condition.met),
        conditions,
    };
    Ok(Reply::at(revision, body))
}

impl From<Condition> for ConditionBody {
    fn from(condition: Condition) -> Self {
        let Condition {
            code,
            requirement,
            unmet,
        } = condition;
        let met = unmet.is_none();
        let (detail, help, mut facts) = match unmet {
            Some(unmet) => (Some(unmet.detail), unmet.help, unmet.facts),
            None => (None, None, Map::new()),
        };
        let until = facts.remove("until");
        let until = until.and_then(|until| until.as_str().map(str::to_owned));
        Self {
            code: code.as_str(),
            requirement,
            met,
            detail,
            help,
            until,
            facts,
        }
    }
}
