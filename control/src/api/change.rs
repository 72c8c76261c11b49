//! Answers to changes: applies a change or runs it dry, and builds the body of the result or of the failure.

use std::time::Duration;

use changes::{
    Change, ChangeSource, ChangedDecision, Code, IneffectiveOverride, ItemOutcome, ItemResult, Note, Preview,
    Refusal, Request, Revision, Role, Summary,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::change_effect::ChangeEffect;
use crate::engine::{Applied, ApplyError, Damage, DryRun};
use crate::keep_states::LastGood;
use crate::store::StoreError;

use super::body::{LineText, ReasonText};
use super::difference::DifferenceBody;
use super::handler::{AnyOf, Reply};
use super::problem::{ApiProblem, RefusalBody};
use super::request::ApiRequest;
use super::{Api, codes};

/// The time after which a change that gave way to kills may be repeated.
const KILLS_WAIT: Duration = Duration::from_secs(4);

/// The result of an applied change.
#[derive(Serialize, ToSchema)]
#[schema(as = AppliedChange)]
pub(crate) struct AppliedChange {
    /// The revision of the store after the change.
    #[schema(minimum = 0)]
    revision: u64,
    /// False if the request left everything as it was.
    changed: bool,
    /// The result for each item; only for a change of many items.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    items: Vec<ItemBody>,
    /// The flags that are reverted with this one, because they require it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    also_reverted: Vec<String>,
    /// The codes of the conditions that an urgent promotion skips.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    skipped_conditions: Vec<&'static str>,
    /// The tiers for which a promotion to ga leaves the flag off, because the default of the tier is off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    tiers_still_off: Vec<String>,
    /// The overrides that the change sets and that have no effect now, with the reason; at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    overrides_without_effect: Vec<IneffectiveOverrideBody>,
    /// Facts that the change does not alter, and that its author should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    notes: Vec<NoteBody>,
    /// The refusals of the incident that a kill or a reversion names, one for each flag with as many open incidents as it
    /// may have. The change is applied, and the audit log has the incident.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    refused_incidents: Vec<RefusalBody>,
    /// The org of a report, if it has no record as a tenant. Its report counts; check the spelling of its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    org_without_record: Option<String>,
    /// The id of the report that is open; only for a report. The same report again has the same id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0)]
    report: Option<u64>,
    /// The differences between the applied document and the state; only for documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    difference: Option<DifferenceBody>,
    /// `not_written` if the last good document did not contain the change within 50 ms; otherwise absent. The change is
    /// committed and active. If the store is lost before the next attempt, a start without it does not know the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_good: Option<&'static str>,
}

/// The effects that a change would have.
#[derive(Serialize, ToSchema)]
#[schema(as = DryRun)]
pub(crate) struct DryRunBody {
    /// The revision of the store.
    #[schema(minimum = 0)]
    revision: u64,
    /// True if the change is rejected without `force`, because it affects more tenants than `max_blast_radius`.
    needs_force: bool,
    /// The reason why every change is rejected by this server: files manage its flags, or its store is damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    read_only: Option<RefusalBody>,
    preview: PreviewBody,
    /// The result for each item; only for a change of many items.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    items: Vec<ItemBody>,
    /// The flags that are reverted with this one, because they require it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    also_reverted: Vec<String>,
    /// The codes of the conditions that an urgent promotion skips.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    skipped_conditions: Vec<&'static str>,
    /// The tiers for which a promotion to ga leaves the flag off, because the default of the tier is off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    tiers_still_off: Vec<String>,
    /// The overrides that the change sets and that have no effect now, with the reason; at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    overrides_without_effect: Vec<IneffectiveOverrideBody>,
    /// The refusals of the incident that a kill or a reversion names, one for each flag with as many open incidents as it
    /// may have. The change is applied, and the audit log has the incident.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    refused_incidents: Vec<RefusalBody>,
    /// The org of a report, if it has no record as a tenant. Its report counts; check the spelling of its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    org_without_record: Option<String>,
    /// The stages of a rollout plan without a control arm, by their names: comparisons do not apply to them. Only for
    /// a plan that is set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    stages_without_control: Vec<String>,
    /// Facts that the change does not alter, and that its author should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    notes: Vec<NoteBody>,
    /// The differences between the applied document and the state; only for documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    difference: Option<DifferenceBody>,
}

/// A note about a change.
#[derive(Serialize, ToSchema)]
#[schema(as = Note)]
struct NoteBody {
    /// Its stable code. `OPEN_REPORTS`: a check of the resumed plan fails again because reports are open.
    /// `UNKNOWN_ATTRIBUTE`: no tenant record, token or request has the attribute of an audience. `FEW_TENANTS`: an audience
    /// has fewer tenants than the minimum of the plan.
    code: &'static str,
    /// One sentence with the facts.
    detail: String,
    /// An action that removes the reason of the note.
    help: String,
}

/// The result for one item of a change of many.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportedTenant)]
struct ItemBody {
    /// The id of the tenant.
    id: String,
    /// `created`, `changed`, `unchanged` or `refused`.
    outcome: &'static str,
    /// The reason of a rejection.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refusal: Option<RefusalBody>,
}

/// The decisions that a change would change.
#[derive(Serialize, ToSchema)]
#[schema(as = Preview)]
struct PreviewBody {
    /// The number of tenants with a record.
    tenants_total: usize,
    /// The number of tenants for whom at least one flag would serve another variant.
    tenants_changed: usize,
    /// The number of further tenants whose variant may change for some users or requests, depending on data that only a
    /// request has.
    tenants_maybe_changed: usize,
    /// The number of pairs of a tenant and a flag whose variant would change.
    decisions_changed: usize,
    /// The first changed decisions, in the order of tenants and flags; at most 1,000.
    decisions: Vec<ChangedDecisionBody>,
    /// The changed decisions for tenants without a record.
    unknown_tenant: Vec<ChangedDecisionBody>,
    /// The tenants whose variant does not change, grouped by cause.
    unchanged: Vec<UnchangedTenantsBody>,
    /// The number of pairs that were not evaluated, because there are too many.
    not_evaluated: usize,
}

/// A decision that would change.
#[derive(Serialize, ToSchema)]
#[schema(as = ChangedDecision)]
struct ChangedDecisionBody {
    tenant: Option<String>,
    flag: String,
    from: Option<String>,
    to: Option<String>,
    cause: &'static str,
    reason: String,
    /// The share of the tenants without a record, in percent, estimated from a sample of ids. Absent if it is all of
    /// them, and for a tenant with a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    share_percent: Option<f64>,
}

/// An override without effect.
#[derive(Serialize, ToSchema)]
#[schema(as = OverrideWithoutEffect)]
struct IneffectiveOverrideBody {
    org: String,
    flag: String,
    /// The reason in words, such as `not eligible at beta`.
    reason: String,
}

/// Tenants whose variant does not change, for one cause.
#[derive(Serialize, ToSchema)]
#[schema(as = UnchangedTenants)]
struct UnchangedTenantsBody {
    flag: String,
    tier: Option<String>,
    cause: &'static str,
    reason: String,
    tenants: usize,
}

/// The answer to a change: the result, or that of the dry run.
pub(crate) type ChangeReply = Result<Reply<AnyOf<AppliedChange, DryRunBody>>, ApiProblem>;

/// Applies a change; with `dry_run`, only computes its effects.
pub(crate) fn change(api: &Api, request: &ApiRequest, change: Change, reason: Option<String>) -> ChangeReply {
    change_at(api, request, change, (reason, request.expected))
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
        (reason.map(Into::into), incident, request.expected),
    )
}

/// Applies a change with this reason, only if the store is still at the expected revision.
pub(crate) fn change_at(
    api: &Api,
    request: &ApiRequest,
    change: Change,
    (reason, expected): (Option<String>, Option<Revision>),
) -> ChangeReply {
    reply(api, request, change, (reason, None, expected))
}

fn reply(
    api: &Api,
    request: &ApiRequest,
    change: Change,
    (reason, incident, expected): (Option<String>, Option<String>, Option<Revision>),
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
        at: request.at,
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
        let body = DryRunBody {
            stages_without_control: stages_without_control(&change_request.change),
            ..DryRunBody::from(dry_run)
        };
        return Ok(Reply::at(revision, AnyOf::Second(body)));
    }
    let applied = control
        .apply(&change_request)
        .map_err(|error| failed_change(api, request, error))?;
    let revision = applied.revision;
    Ok(Reply::at(revision, AnyOf::First(AppliedChange::from(applied))))
}

/// Returns the problem of a change that failed.
fn failed_change(api: &Api, request: &ApiRequest, error: ApplyError) -> ApiProblem {
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
    let (code, detail) = match error {
        StoreError::Corrupt(_) => (Code::StoreDamaged, "the store is damaged"),
        StoreError::Full(_) => (Code::StoreUnavailable, "the disk is full"),
        StoreError::InUse => (Code::StoreUnavailable, "another process uses the store"),
        StoreError::Conflict { .. } | StoreError::Interrupted => {
            (Code::StoreUnavailable, "another change was committed meanwhile")
        }
        StoreError::Unsupported(detail) => (Code::StoreUnavailable, *detail),
        StoreError::Io(_) | StoreError::TooNew { .. } => {
            (Code::StoreUnavailable, "the store can't be read or written")
        }
    };
    let help = error.help().unwrap_or("check the disk, then try again");
    ApiProblem::rejected(vec![Refusal::new(code, detail).help(help)]).cause(error)
}

impl From<Applied> for AppliedChange {
    fn from(applied: Applied) -> Self {
        let Summary {
            cascade,
            skipped,
            kept_off,
            ineffective_overrides,
            notes,
            refused_incidents,
            report,
            org_without_record,
            document,
        } = applied.summary;
        Self {
            revision: applied.revision.0,
            changed: applied.changed,
            items: applied.items.into_iter().map(ItemBody::from).collect(),
            also_reverted: cascade,
            skipped_conditions: skipped.into_iter().map(Code::as_str).collect(),
            tiers_still_off: kept_off,
            overrides_without_effect: override_bodies(ineffective_overrides),
            notes: notes.into_iter().map(NoteBody::from).collect(),
            refused_incidents: refused_incidents.into_iter().map(RefusalBody::from).collect(),
            org_without_record,
            report,
            difference: document.map(DifferenceBody::from),
            last_good: (applied.last_good == LastGood::NotWritten).then_some("not_written"),
        }
    }
}

impl From<DryRun> for DryRunBody {
    fn from(dry_run: DryRun) -> Self {
        let Summary {
            cascade,
            skipped,
            kept_off,
            ineffective_overrides,
            notes,
            refused_incidents,
            org_without_record,
            document,
            // Known at the commit.
            report: _,
        } = dry_run.summary;
        Self {
            revision: dry_run.revision.0,
            needs_force: dry_run.needs_force,
            read_only: dry_run.read_only.map(RefusalBody::from),
            preview: PreviewBody::from(dry_run.preview),
            items: dry_run.items.into_iter().map(ItemBody::from).collect(),
            also_reverted: cascade,
            skipped_conditions: skipped.into_iter().map(Code::as_str).collect(),
            tiers_still_off: kept_off,
            overrides_without_effect: override_bodies(ineffective_overrides),
            refused_incidents: refused_incidents.into_iter().map(RefusalBody::from).collect(),
            org_without_record,
            stages_without_control: Vec::new(),
            notes: notes.into_iter().map(NoteBody::from).collect(),
            difference: document.map(DifferenceBody::from),
        }
    }
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

fn override_bodies(overrides: Vec<IneffectiveOverride>) -> Vec<IneffectiveOverrideBody> {
    let bodies = overrides.into_iter().map(|found| IneffectiveOverrideBody {
        org: found.org,
        flag: found.flag,
        reason: found.reason,
    });
    bodies.collect()
}

impl From<Preview> for PreviewBody {
    fn from(preview: Preview) -> Self {
        let unchanged = preview.unchanged.into_iter().map(|group| UnchangedTenantsBody {
            flag: group.flag,
            tier: group.tier,
            cause: group.cause.as_str(),
            reason: group.reason,
            tenants: group.tenants,
        });
        Self {
            tenants_total: preview.tenants_total,
            tenants_changed: preview.tenants_changed,
            tenants_maybe_changed: preview.tenants_maybe_changed,
            decisions_changed: preview.decisions_changed,
            decisions: preview
                .decisions
                .into_iter()
                .map(ChangedDecisionBody::from)
                .collect(),
            unknown_tenant: preview
                .unknown_tenant
                .into_iter()
                .map(ChangedDecisionBody::from)
                .collect(),
            unchanged: unchanged.collect(),
            not_evaluated: preview.not_evaluated,
        }
    }
}

impl From<ChangedDecision> for ChangedDecisionBody {
    fn from(decision: ChangedDecision) -> Self {
        Self {
            tenant: decision.tenant,
            flag: decision.flag,
            from: decision.from,
            to: decision.to,
            cause: decision.cause.as_str(),
            reason: decision.reason,
            share_percent: decision.share_permille.map(|permille| f64::from(permille) / 10.0),
        }
    }
}

impl From<Note> for NoteBody {
    fn from(note: Note) -> Self {
        Self {
            code: note.code.as_str(),
            detail: note.detail,
            help: note.help,
        }
    }
}

impl From<ItemResult> for ItemBody {
    fn from(item: ItemResult) -> Self {
        let (outcome, refusal) = match item.outcome {
            ItemOutcome::Created => ("created", None),
            ItemOutcome::Changed => ("changed", None),
            ItemOutcome::Unchanged => ("unchanged", None),
            ItemOutcome::Refused(refusal) => ("refused", Some(RefusalBody::from(refusal))),
        };
        Self {
            id: item.id,
            outcome,
            refusal,
        }
    }
}
