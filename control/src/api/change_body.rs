//! Bodies of the results of changes: applied ones and dry runs, with their notes and the results of items.

use changes::{Code, IneffectiveOverride, ItemOutcome, ItemResult, Note, Summary};
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::{Applied, DryRun};
use crate::keep_states::LastGood;

use super::difference::DifferenceBody;
use super::preview_body::PreviewBody;
use super::problem::RefusalBody;

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
    /// False if the request would leave everything as it is.
    changed: bool,
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
    /// The stages of a rollout plan without a control arm, by their names: comparisons do not apply to them. Only for
    /// a plan that is set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(super) stages_without_control: Vec<String>,
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
    /// has fewer tenants than the minimum of the plan. `NO_ERROR_CHECK`: no check of a stage measures errors. `UNKNOWN_ORG`: the org of a report has no record as a tenant.
    /// `TOO_MANY_INCIDENTS`: the incident of a kill or a revert is not opened, because the flag has as many as it may
    /// have; one note for each flag. `PLAN_NOT_SET`: the plan of a known flag in a document differs, and is not set.
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

/// An override without effect.
#[derive(Serialize, ToSchema)]
#[schema(as = OverrideWithoutEffect)]
struct IneffectiveOverrideBody {
    org: String,
    flag: String,
    /// The reason in words, such as `not eligible at beta`.
    reason: String,
}

impl From<Applied> for AppliedChange {
    fn from(applied: Applied) -> Self {
        let Summary {
            cascade,
            skipped,
            kept_off,
            ineffective_overrides,
            notes,
            report,
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
            document,
            // Known at the commit.
            report: _,
        } = dry_run.summary;
        Self {
            revision: dry_run.revision.0,
            changed: dry_run.changed,
            needs_force: dry_run.needs_force,
            read_only: dry_run.read_only.map(RefusalBody::from),
            preview: PreviewBody::from(dry_run.preview),
            items: dry_run.items.into_iter().map(ItemBody::from).collect(),
            also_reverted: cascade,
            skipped_conditions: skipped.into_iter().map(Code::as_str).collect(),
            tiers_still_off: kept_off,
            overrides_without_effect: override_bodies(ineffective_overrides),
            stages_without_control: Vec::new(),
            notes: notes.into_iter().map(NoteBody::from).collect(),
            difference: document.map(DifferenceBody::from),
        }
    }
}

fn override_bodies(overrides: Vec<IneffectiveOverride>) -> Vec<IneffectiveOverrideBody> {
    let bodies = overrides.into_iter().map(|found| IneffectiveOverrideBody {
        org: found.org,
        flag: found.flag,
        reason: found.reason,
    });
    bodies.collect()
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
