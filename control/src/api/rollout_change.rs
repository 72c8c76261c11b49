//! Endpoints that set, prepare and operate rollout plans.

use changes::Change;
use config::Rollback;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use utoipa::ToSchema;

use super::Api;
use super::body::{OptionalReason, ReasonText};
use super::change::{ChangeReply, change, change_at, failed_change};
use super::handler::{JsonBody, NoBody, RequestBody};
use super::problem::ApiProblem;
use super::request::{ApiRequest, BodyFormat, MAX_PLAN_BYTES};
use super::rollouts::planned;
use super::schema::RequestSchema;
use crate::judge_rollouts::FollowedTime;

/// A rollout plan as it was sent.
pub(crate) struct PlanBody(Value);

impl RequestBody for PlanBody {
    const SCHEMA: RequestSchema =
        RequestSchema::Document("A rollout plan (docs/rollouts.md)", MAX_PLAN_BYTES);

    fn read(request: &ApiRequest) -> Result<Self, ApiProblem> {
        if request.format == BodyFormat::Json {
            // The parser of files reads YAML, and would accept a body that is not JSON.
            let _: IgnoredAny = request.json()?;
        }
        let document = config::plan_document("plan", &request.body);
        let document = document.map_err(|report| ApiProblem::invalid(&report))?;
        Ok(Self(document.value))
    }
}

/// An approval of a rollout plan, on behalf of a role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlanApproval)]
pub(crate) struct ApprovalChange {
    /// The role, as the plan names it.
    role: String,
    reason: Option<ReasonText>,
}

/// An item of the checklist of a rollout plan that is done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CheckedItem)]
pub(crate) struct ItemChange {
    /// The item, as in the plan.
    item: String,
    /// False to open it again; default: true.
    #[schema(nullable = false)]
    done: Option<bool>,
    reason: Option<ReasonText>,
}

/// A rollback of a rollout plan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RolloutRollback)]
pub(crate) struct RollbackChange {
    /// The effect, if it is another one than that of the plan.
    to: Option<RollbackName>,
    reason: Option<ReasonText>,
}

/// The effect of a rollback: the flag is killed, the percentages are 0, or the stage before is in force again.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RollbackEffect)]
enum RollbackName {
    Kill,
    Exposure,
    Previous,
}

impl JsonBody for ApprovalChange {}
impl JsonBody for ItemChange {}
impl JsonBody for RollbackChange {
    const IS_OPTIONAL: bool = true;
}

pub(crate) fn set_plan(api: &Api, request: &ApiRequest, body: PlanBody) -> ChangeReply {
    let (flag, PlanBody(plan)) = (request.flag().to_owned(), body);
    change(api, request, Change::SetPlan { flag, plan }, None)
}

pub(crate) fn remove_plan(api: &Api, request: &ApiRequest, _: NoBody) -> ChangeReply {
    let flag = request.flag().to_owned();
    change(api, request, Change::RemovePlan { flag }, None)
}

pub(crate) fn approve(api: &Api, request: &ApiRequest, body: ApprovalChange) -> ChangeReply {
    let approve = Change::ApprovePlan {
        flag: request.flag().to_owned(),
        as_role: body.role,
    };
    change(api, request, approve, body.reason.map(Into::into))
}

pub(crate) fn check(api: &Api, request: &ApiRequest, body: ItemChange) -> ChangeReply {
    let check = Change::CheckPlanItem {
        flag: request.flag().to_owned(),
        item: body.item,
        is_done: body.done.unwrap_or(true),
    };
    change(api, request, check, body.reason.map(Into::into))
}

pub(crate) fn start(api: &Api, request: &ApiRequest, body: OptionalReason) -> ChangeReply {
    let flag = request.flag().to_owned();
    operate(api, request, body.reason, Change::StartRollout { flag })
}

pub(crate) fn pause(api: &Api, request: &ApiRequest, body: OptionalReason) -> ChangeReply {
    let flag = request.flag().to_owned();
    operate(api, request, body.reason, Change::PauseRollout { flag })
}

pub(crate) fn resume(api: &Api, request: &ApiRequest, body: OptionalReason) -> ChangeReply {
    let flag = request.flag().to_owned();
    operate(api, request, body.reason, Change::ResumeRollout { flag })
}

pub(crate) fn cancel(api: &Api, request: &ApiRequest, body: OptionalReason) -> ChangeReply {
    let flag = request.flag().to_owned();
    operate(api, request, body.reason, Change::CancelRollout { flag })
}

/// Advances a plan by the present verdicts, at the revision at which they were read: if the controller enters a stage
/// meanwhile, a forced request would otherwise skip one.
pub(crate) fn advance(api: &Api, request: &ApiRequest, body: OptionalReason) -> ChangeReply {
    let flag = request.flag();
    let mut followed = follow_clock(api, request);
    if let Some(error) = followed.uncorrected.remove(flag)
        && !request.query.is("force")
    {
        return Err(failed_change(api, request, error));
    }
    let (revision, managed) = planned(api, flag)?;
    let advance = Change::AdvanceRollout {
        flag: flag.to_owned(),
        evidence: api.verdicts(flag, &managed),
    };
    let expected = request.expected.unwrap_or(revision);
    change_at(
        api,
        request,
        advance,
        (body.reason.map(Into::into), Some(expected), followed.now),
    )
}

pub(crate) fn roll_back(api: &Api, request: &ApiRequest, body: RollbackChange) -> ChangeReply {
    let roll_back = Change::RollBackRollout {
        flag: request.flag().to_owned(),
        to: body.to.map(|to| match to {
            RollbackName::Kill => Rollback::Kill,
            RollbackName::Exposure => Rollback::Exposure,
            RollbackName::Previous => Rollback::Previous,
        }),
    };
    operate(api, request, body.reason, roll_back)
}

/// Applies a change that starts or stops the clock of a stage. It does not depend on the time that the stage has lasted.
fn operate(api: &Api, request: &ApiRequest, reason: Option<ReasonText>, operation: Change) -> ChangeReply {
    let FollowedTime { now, .. } = follow_clock(api, request);
    let reason = reason.map(Into::into);
    change_at(api, request, operation, (reason, request.expected, now))
}

/// Returns the time of a change of a plan, after the corrections: the request may have waited.
fn follow_clock(api: &Api, request: &ApiRequest) -> FollowedTime {
    match &api.judge {
        Some(judge) => judge.follow_clock(request.at),
        None => FollowedTime::at(request.at),
    }
}
