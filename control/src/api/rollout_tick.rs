//! `POST .../rollout/tick`: looks at the checks of a rollout plan now, and takes the step that is due. It does no more than
//! the controller does at its next look.

use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::backup::no_store;
use super::change::failed_change;
use super::codes;
use super::handler::{NoBody, Reply};
use super::problem::ApiProblem;
use super::request::ApiRequest;
use super::rollout_body::RolloutSummary;
use super::rollouts::planned;
use crate::judge_rollouts::Look;

/// The result of a look at a rollout plan.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutTick)]
pub(crate) struct TickBody {
    revision: u64,
    /// `stepped`, `no_step`, or `rejected`: a step is due, and a condition of it is not met.
    result: &'static str,
    /// The reasons of a rejection.
    refusals: Vec<TickRefusal>,
    /// The plan afterwards.
    rollout: RolloutSummary,
}

/// A reason for which a step was rejected.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutTickRefusal)]
struct TickRefusal {
    code: &'static str,
    detail: String,
}

pub(crate) fn tick(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<TickBody>, ApiProblem> {
    let key = request.flag();
    let judge = api.judge.as_ref().ok_or_else(no_store)?;
    let mut followed = judge.follow_clock(request.at);
    let (_, managed) = planned(api, key)?;
    let (result, rejected) = match judge.look(key, &managed, &request.request_id, &followed) {
        // A step that depends on the time may be due.
        Look::NoStep => match followed.uncorrected.remove(key) {
            Some(error) => return Err(failed_change(api, request, error)),
            None => ("no_step", Vec::new()),
        },
        Look::Stepped(_) => ("stepped", Vec::new()),
        Look::Rejected(refusals) => ("rejected", refusals),
        Look::Failed => {
            let problem = ApiProblem::new(codes::DEFECT, "the step that is due could not be committed");
            return Err(problem.help("the log of the process has the cause; the controller tries again"));
        }
    };
    let (revision, managed) = planned(api, key)?;
    let body = TickBody {
        revision: revision.0,
        result,
        refusals: rejected
            .into_iter()
            .map(|refusal| TickRefusal {
                code: refusal.code.as_str(),
                detail: refusal.detail,
            })
            .collect(),
        rollout: RolloutSummary::new(key, &managed, &api.verdicts(key, &managed), followed.now),
    };
    Ok(Reply::at(revision, body))
}
