//! Endpoints that show rollout plans, with their state and the reasons for which they wait.

use std::ops::Bound;
use std::sync::Arc;

use changes::{Code, ManagedFlag, ManagedPlan, Refusal, Revision};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::handler::{NoBody, Reply};
use super::problem::ApiProblem;
use super::query::DEFAULT_PAGE;
use super::request::ApiRequest;
use super::rollout_body::{RolloutBody, RolloutSummary};

/// A page of rollout plans, in the order of the keys of their flags.
#[derive(Serialize, ToSchema)]
#[schema(as = Rollouts)]
pub(crate) struct RolloutsPage {
    revision: u64,
    rollouts: Vec<RolloutSummary>,
    /// The value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

pub(crate) fn list(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<RolloutsPage>, ApiProblem> {
    let limit = request.query.number("limit").unwrap_or(DEFAULT_PAGE);
    let after = request.query.text("after").unwrap_or_default();
    let range = (Bound::Excluded(after), Bound::Unbounded);
    let only = request.query.keys("flags");
    let (revision, mut planned) = api.control().read(|state, _| {
        let planned = |key: &str| Some((key.to_owned(), state.flag(key)?.state.plan.clone()?));
        let most = limit.saturating_add(1);
        let planned: Vec<_> = match &only {
            Some(keys) => keys
                .range::<str, _>(range)
                .filter_map(|key| planned(key))
                .take(most)
                .collect(),
            None => {
                let keys = state.document.flags.range::<_, str>(range);
                keys.filter_map(|(key, _)| planned(key)).take(most).collect()
            }
        };
        (state.revision, planned)
    });
    let is_more = planned.len() > limit;
    planned.truncate(limit);
    let next = planned.last().filter(|_| is_more).map(|(key, _)| key.clone());
    let rollouts = planned.iter().map(|(key, managed)| {
        let mut summary = RolloutSummary::new(key, managed, &api.verdicts(key, managed), request.at);
        summary.held_up_by(&api.refusals(key));
        summary
    });
    let body = RolloutsPage {
        revision: revision.0,
        rollouts: rollouts.collect(),
        next,
    };
    Ok(Reply::at(revision, body))
}

pub(crate) fn show(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<RolloutBody>, ApiProblem> {
    let key = request.flag();
    let (revision, managed) = planned(api, key)?;
    let verdicts = api.verdicts(key, &managed);
    let report = api.evidence(key, &managed);
    let mut body = RolloutBody::new((key, revision), &managed, &verdicts, report.as_ref(), request.at);
    body.summary.held_up_by(&api.refusals(key));
    Ok(Reply::at(revision, body))
}

/// Returns the plan of a flag, and the revision at which it was read.
///
/// # Errors
/// There is no such flag, or it has no plan.
pub(super) fn planned(api: &Api, key: &str) -> Result<(Revision, ManagedPlan), ApiProblem> {
    let (revision, _, managed) = planned_flag(api, key)?;
    Ok((revision, ManagedPlan::clone(&managed)))
}

/// Returns a flag with its plan, and the revision at which they were read.
///
/// # Errors
/// There is no such flag, or it has no plan.
pub(super) fn planned_flag(
    api: &Api,
    key: &str,
) -> Result<(Revision, ManagedFlag, Arc<ManagedPlan>), ApiProblem> {
    let (revision, flag) = api.control().read(|state, _| (state.revision, state.flag(key)));
    let flag = flag.ok_or_else(|| ApiProblem::flag_not_found(key))?;
    let managed = flag.state.plan.clone().ok_or_else(|| {
        let refusal = Refusal::new(Code::PlanNotFound, format!("{key} has no rollout plan"));
        ApiProblem::rejected(vec![refusal.help("set a plan first").fact("flag", key)])
    })?;
    Ok((revision, flag, managed))
}
