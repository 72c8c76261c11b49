//! Applies a change or runs it dry, and answers with its result or with the problem of its failure.

use std::time::Duration;

use changes::{Change, ChangeSource, Code, Refusal, Request, Revision, Role};
use rules::Timestamp;

use crate::change_effect::ChangeEffect;
use crate::engine::{ApplyError, Damage};
use crate::store::StoreError;

use super::body::{LineText, ReasonText};
use super::change_body::{AppliedChange, DryRunBody};
use super::handler::{AnyOf, Reply};
use super::problem::ApiProblem;
use super::request::ApiRequest;
use super::{Api, codes};

/// The time after which a change that gave way to kills may be repeated.
const KILLS_WAIT: Duration = Duration::from_secs(4);

/// The answer to a change: the result, or that of the dry run.
pub(crate) type ChangeReply = Result<Reply<AnyOf<AppliedChange, DryRunBody>>, ApiProblem>;

/// Applies a change; with `dry_run`, only computes its effects.
pub(crate) fn change(api: &Api, request: &ApiRequest, change: Change, reason: Option<String>) -> ChangeReply {
    change_at(api, request, change, (reason, request.expected, request.at))
}

/// Applies a change that has an incident.
pub(crate) fn change_with_incident(
    api: &Api,
    request: &ApiRequest,
    change: Change,
    reason: Option<ReasonText>,
    incident: Option<LineText>,
) -> ChangeReply {
    let incident = incident.map(Into::into);
    reply(
        api,
        request,
        change,
        (reason.map(Into::into), incident),
        (request.expected, request.at),
    )
}

/// Applies a change with this reason, only if the store is still at the expected revision. It is dated at `at`.
pub(crate) fn change_at(
    api: &Api,
    request: &ApiRequest,
    change: Change,
    (reason, expected, at): (Option<String>, Option<Revision>, Timestamp),
) -> ChangeReply {
    reply(api, request, change, (reason, None), (expected, at))
}

fn reply(
    api: &Api,
    request: &ApiRequest,
    change: Change,
    (reason, incident): (Option<String>, Option<String>),
    (expected, at): (Option<Revision>, Timestamp),
) -> ChangeReply {
    let control = api.control();
    let change_request = Request {
        change,
        actor: request.actor.clone(),
        source: ChangeSource::Api,
        reason: reason.or_else(|| request.query.text("reason").map(str::to_owned)),
        incident,
        request_id: request.request_id.clone(),
        expected,
        force: request.query.is("force"),
        at,
    };
    if request.query.is("dry_run") {
        let mut dry_run = control
            .dry_run(&change_request)
            .map_err(|error| failed_change(api, request, error))?;
        if request.actor.role == Role::OrgAdmin {
            dry_run.preview = super::org_flags::visible_preview(api, request.org(), dry_run.preview);
            dry_run.read_only = dry_run.read_only.map(|refusal| changes_impossible(refusal.code));
        }
        let revision = dry_run.revision;
        let mut body = DryRunBody::from(dry_run);
        body.stages_without_control = stages_without_control(&change_request.change);
        return Ok(Reply::at(revision, AnyOf::Second(body)));
    }
    let applied = control
        .apply(&change_request)
        .map_err(|error| failed_change(api, request, error))?;
    let revision = applied.revision;
    Ok(Reply::at(revision, AnyOf::First(AppliedChange::from(applied))))
}

/// Returns the problem of a change that failed.
pub(super) fn failed_change(api: &Api, request: &ApiRequest, error: ApplyError) -> ApiProblem {
    match error {
        ApplyError::Refused(refusals) => match api.control().damage() {
            Some(damage) if refusals.iter().any(|refusal| refusal.code == damage.code) => {
                store_damaged(damage, request.actor.role)
            }
            _ => ApiProblem::rejected(refusals),
        },
        ApplyError::Invalid(report) => ApiProblem::invalid(&report),
        ApplyError::Conflict { expected, current } => {
            let detail = format!(
                "the store is at revision {}, not {}: another change was committed first",
                current.0, expected.0
            );
            let refusal = Refusal::new(Code::RevisionConflict, detail)
                .help("read the current state, then repeat the request with its `ETag`")
                .fact("current", current.0)
                .fact("expected", expected.0);
            ApiProblem::rejected(vec![refusal])
        }
        ApplyError::GaveWay => ApiProblem::new(
            codes::GAVE_WAY,
            "the change gave way to kills until its time was over",
        )
        .retry_after(KILLS_WAIT)
        .help("nothing was changed: repeat the change when no more flags are being killed"),
        ApplyError::Store(error) => store_unavailable(&error),
        ApplyError::Publish(reason) => {
            ApiProblem::new(codes::DEFECT, "the data plane could not prepare the change")
                .cause(reason)
                .help("see the log of the process")
        }
        ApplyError::NotPublished { revision, reason } => ApiProblem::new(
            codes::PUBLISH_FAILED,
            format!("committed at revision {}, but publishing failed", revision.0),
        )
        .cause(reason)
        .effect(ChangeEffect::Applied)
        .help("restart the server to publish the change; the log of the process has the cause"),
    }
}

/// Returns the problem of a damaged store. Staff gets the damage and the command that repairs it, which contain paths.
/// The admin of an org gets neither.
pub(crate) fn store_damaged(damage: &Damage, role: Role) -> ApiProblem {
    ApiProblem::rejected(vec![match role {
        Role::OrgAdmin => changes_impossible(damage.code),
        Role::Viewer | Role::Operator | Role::PlatformAdmin => damage.refusal(),
    }])
}

/// Returns the refusal of every change, without the cause and the help, for the admin of an org.
fn changes_impossible(code: Code) -> Refusal {
    Refusal::new(code, "changes are not possible now")
}

/// Returns the problem of a store that can't be read or written. The text of the error, which may contain paths, goes
/// to the log.
pub(crate) fn store_unavailable(error: &StoreError) -> ApiProblem {
    let help = error.help().unwrap_or("check the disk, then try again");
    let (code, detail) = match error {
        StoreError::Corrupt(_) => (Code::StoreDamaged, "the store is damaged"),
        StoreError::Full(_) => (Code::StoreUnavailable, "the disk is full"),
        StoreError::InUse => (Code::StoreUnavailable, "another process uses the store"),
        StoreError::Conflict { .. } | StoreError::Interrupted => {
            (Code::StoreUnavailable, "another change was committed meanwhile")
        }
        StoreError::Unsupported(detail) => (Code::StoreUnavailable, *detail),
        StoreError::Unreachable { since, .. } => {
            let detail = format!("the store of the fleet can't be reached since {since}");
            let refusal = Refusal::new(Code::StoreUnreachable, detail)
                .help(help)
                .fact("since", since.as_str());
            return ApiProblem::rejected(vec![refusal]).cause(error);
        }
        StoreError::Unknown(_) => {
            let detail = "the store of the fleet did not answer: the change may be applied, or not";
            let refusal = Refusal::new(Code::OutcomeUnknown, detail).help(help);
            return ApiProblem::rejected(vec![refusal])
                .effect(ChangeEffect::Unknown)
                .cause(error);
        }
        StoreError::Denied(_) => (Code::StoreUnavailable, "the store of the fleet denies access"),
        StoreError::Quota(_) => (Code::StoreUnavailable, "the store of the fleet has no space left"),
        StoreError::Rejected(_) => (
            Code::StoreUnavailable,
            "the store of the fleet was emptied or restored, and its state is not accepted",
        ),
        StoreError::Io(_) | StoreError::TooNew { .. } => {
            (Code::StoreUnavailable, "the store can't be read or written")
        }
    };
    ApiProblem::rejected(vec![Refusal::new(code, detail).help(help)]).cause(error)
}

/// Returns the stages without a control arm of a plan that is set.
fn stages_without_control(change: &Change) -> Vec<String> {
    let Change::SetPlan { plan, .. } = change else {
        return Vec::new();
    };
    let plan = config::read_plan(plan);
    let names = plan.iter().flat_map(changes::stages_without_control);
    names.map(str::to_owned).collect()
}
