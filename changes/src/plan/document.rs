//! Applies a flags document: replaces the fields that documents own, keeps the fields that operators own on known flags
//! and tenants, and creates new flags and tenants.

mod lifecycles;
mod new_flag;
mod plans;
mod signed;

use std::collections::BTreeSet;
use std::sync::Arc;

use config::{FlagsDocument, Head, OwnedTenant, ToJson as _};
use imbl::OrdMap;
use rules::{FlagDefinition, Lifecycle, SegmentDefinition, Site, Sited};
use serde_json::Map;

use super::builder::{EntryFields, PlanBuilder, PlanStep};
use super::difference::{Difference, Section, fields};
use super::facts::Facts;
use super::{flag_lists, rollout, tenant};
use crate::audit::Outcome;
use crate::change::NewFlags;
use crate::event::Event;
use crate::flag::ManagedFlag;
use crate::policy::LifecyclePolicy;
use crate::refusal::{Code, Refusal};
use crate::state::{State, StateEdit};

/// The treatment of flags and segments that the document leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MissingParts {
    /// They stay.
    Kept,
    /// They are removed, and references to them in tenants' records too.
    Removed,
}

/// The treatment of a document that is applied.
pub(super) struct Options<'o> {
    pub(super) missing_parts: MissingParts,
    pub(super) new_flags: NewFlags,
    pub(super) policy: &'o LifecyclePolicy,
    pub(super) facts: &'o dyn Facts,
}

pub(super) fn apply(
    builder: &mut PlanBuilder<'_>,
    document: &FlagsDocument,
    options: &Options<'_>,
) -> PlanStep {
    let mut merge = DocumentMerge {
        builder,
        options,
        adopted: Vec::new(),
        planned: Vec::new(),
        difference: Difference::default(),
        shared_edits: Vec::new(),
        flags_to_sign_again: BTreeSet::new(),
        refusals: Vec::new(),
    };
    // Overrides of new tenants may name variants of these flags.
    merge.builder.written_flags.clone_from(&document.flags);
    merge.head(&document.head);
    merge.segments(&document.segments);
    merge.flags_to_sign_again =
        signed::signed_flags_of_changed_segments(merge.builder.state, &merge.shared_edits);
    for (key, flag) in &document.flags {
        merge.flag(key, flag);
    }
    if options.missing_parts == MissingParts::Kept {
        merge.withdraw_remaining_sign_offs(&document.flags);
    }
    for (id, record) in &document.tenants {
        merge.tenant(id, record);
    }
    if options.missing_parts == MissingParts::Removed {
        merge.remove_flags(&document.flags);
    }
    let after = merge.changed_state();
    if let Some(after) = &after {
        merge.check_lifecycles(after);
        merge.check_plans(after);
    }
    if !merge.refusals.is_empty() {
        return Err(merge.refusals.into());
    }
    if let Some(after) = &after {
        merge.compile_plans(after)?;
    }
    merge.finish();
    Ok(())
}

/// Definitions of flags by key.
type FlagDefinitions = OrdMap<Arc<str>, Arc<FlagDefinition>>;

/// A document that is being merged into the state.
struct DocumentMerge<'m, 'a> {
    builder: &'m mut PlanBuilder<'a>,
    options: &'m Options<'m>,
    /// The new flags beyond alpha.
    adopted: Vec<(Arc<str>, Lifecycle)>,
    /// The new flags with a plan.
    planned: Vec<Arc<str>>,
    difference: Difference,
    /// The edits of the head and of segments.
    shared_edits: Vec<StateEdit>,
    /// The flags with sign-offs that are affected by changed segments.
    flags_to_sign_again: BTreeSet<String>,
    /// The reasons to reject the document.
    refusals: Vec<Refusal>,
}

impl DocumentMerge<'_, '_> {
    fn head(&mut self, written: &Arc<Head>) {
        let before = &self.builder.state.document.head;
        let after = match self.options.missing_parts {
            MissingParts::Kept => Arc::new(before.with(written)),
            MissingParts::Removed => Arc::clone(written),
        };
        let (from, to) = (before.fields().clone().into(), after.fields().clone().into());
        self.difference.changed(Section::Head, "", fields(&from, &to));
        self.shared_edits.push(StateEdit::Head(after));
    }

    fn segments(&mut self, written: &OrdMap<Arc<str>, Arc<SegmentDefinition>>) {
        let before = &self.builder.state.document.segments;
        for (name, segment) in written {
            match before.get(name) {
                None => self.difference.added(Section::Segment, name),
                Some(before) => {
                    let fields = fields(&before.to_json(), &segment.to_json());
                    self.difference.changed(Section::Segment, name, fields);
                }
            }
            self.shared_edits
                .push(StateEdit::Segment(Arc::clone(name), Some(Arc::clone(segment))));
        }
        if self.options.missing_parts == MissingParts::Removed {
            for name in before.keys().filter(|name| !written.contains_key(*name)) {
                self.difference.removed(Section::Segment, name);
                self.shared_edits.push(StateEdit::Segment(Arc::clone(name), None));
            }
        }
    }

    fn flag(&mut self, key: &Arc<str>, written: &FlagDefinition) {
        let known = self.builder.state.flag(key);
        let mut details = Map::new();
        let after = match &known {
            None => self.new_flag(key, written, &mut details),
            Some(before)
                if before.has_same_document_fields(written)
                    && lifecycle_fits_kind(before)
                    && !self.flags_to_sign_again.contains(&**key) =>
            {
                // Most flags of a document are unchanged, and a document may have thousands.
                return self.keep(key, written, before);
            }
            Some(before) => self.changed_flag(key, written, before),
        };
        let lifecycle = after.lifecycle().unwrap_or_default();
        let entry_fields = EntryFields {
            flag: Some(key),
            details,
        };
        let edit = StateEdit::Flag(Arc::clone(key), Some(after));
        self.builder
            .write(Event::DocumentApplied, entry_fields, vec![edit]);
        if known.is_none() && lifecycle > Lifecycle::Alpha {
            self.adopted.push((Arc::clone(key), lifecycle));
        }
    }

    /// Returns the flag with the fields that documents own replaced.
    fn changed_flag(&mut self, key: &str, written: &FlagDefinition, before: &ManagedFlag) -> ManagedFlag {
        let mut after = before.clone();
        let FlagDefinition {
            lifecycle,
            enabled,
            default,
            tiers,
            rollout,
            exposure,
            ..
        } = (*before.definition).clone();
        *after.definition_mut() = FlagDefinition {
            lifecycle,
            enabled,
            default,
            tiers,
            rollout,
            // Operators own the plan; the state has it.
            plan: None,
            exposure,
            ..written.clone()
        };
        // An exported document contains the default that a promotion has set, not the default of the documents.
        let repeats =
            before.promoted_default().is_some() && before.promoted_default() == written.default.as_ref();
        if !repeats {
            after.write_default(written.default.clone());
        }
        self.refusals.extend(unfinished_lifecycle(key, &after));
        self.fit_lifecycle_to_kind(&mut after);
        let mut changed = fields(&before.definition_record(), &after.definition_record());
        if self.flags_to_sign_again.contains(key) || signed::changes_decisions(before, &after) {
            self.withdraw_sign_offs(&mut after, &mut changed);
        }
        self.difference.changed(Section::Flag, key, changed);
        self.keep(key, written, &after);
        after
    }

    /// Adds the fields of a known flag that operators own and that the document writes with another value.
    fn keep(&mut self, key: &str, written: &FlagDefinition, flag: &ManagedFlag) {
        let mut left = fields_kept_by_operators(written, flag);
        if plans::writes_another_plan(written, flag) {
            left.push("plan".to_owned());
            self.builder.summary().notes.push(plans::not_set(key, flag));
        }
        self.difference.kept_by_operators(Section::Flag, key, left);
    }

    /// Starts or ends the lifecycle of a flag whose kind changed.
    fn fit_lifecycle_to_kind(&self, flag: &mut ManagedFlag) {
        if lifecycle_fits_kind(flag) {
            return;
        }
        let lifecycle = flag.kind().has_lifecycle();
        let lifecycle = lifecycle.then(|| Sited::new(Lifecycle::Alpha, Site::default()));
        flag.definition_mut().lifecycle = lifecycle;
        flag.state_mut().since = self.builder.at();
        self.builder.mark_changed(flag);
    }

    /// Removes the sign-offs of a flag and adds that to the difference.
    fn withdraw_sign_offs(&self, flag: &mut ManagedFlag, changed: &mut Vec<String>) {
        if !flag.state.sign_offs.is_empty() {
            flag.state_mut().sign_offs = Vec::new();
            self.builder.mark_changed(flag);
            changed.push("sign_offs".to_owned());
        }
    }

    /// Removes the sign-offs of flags that the document leaves out and whose segments it changes.
    fn withdraw_remaining_sign_offs(&mut self, written: &FlagDefinitions) {
        let flags_to_sign_again = std::mem::take(&mut self.flags_to_sign_again);
        for key in flags_to_sign_again
            .iter()
            .filter(|key| !written.contains_key(key.as_str()))
        {
            let Some(mut after) = self.builder.state.flag(key) else {
                continue;
            };
            let mut changed = Vec::new();
            self.withdraw_sign_offs(&mut after, &mut changed);
            self.difference.changed(Section::Flag, key, changed);
            self.builder
                .write_flag(Event::DocumentApplied, key, after, Map::new());
        }
    }

    fn tenant(&mut self, id: &Arc<str>, record: &Arc<OwnedTenant>) {
        let record = &flag_lists::with_each_flag_once(record);
        if let Some(before) = self.builder.state.tenant(id) {
            if before != record {
                let fields = fields(&before.to_json(), &record.to_json());
                self.difference.kept_by_operators(Section::Tenant, id, fields);
            }
            return;
        }
        self.difference.added(Section::Tenant, id);
        self.builder.write_tenant(id, Some(Arc::clone(record)));
    }

    fn remove_flags(&mut self, written: &FlagDefinitions) {
        let state = self.builder.state;
        let removed = state.document.flags.keys();
        let removed: Vec<_> = removed.filter(|key| !written.contains_key(*key)).collect();
        for key in &removed {
            let plan = state.states.get(*key).and_then(|state| state.plan.as_deref());
            if let Some(managed) = plan.filter(|managed| managed.state().is_active())
                && !self.builder.request.force
            {
                self.refusals.push(rollout::running(key, managed, "removes"));
            }
            self.difference.removed(Section::Flag, key);
            let entry_fields = EntryFields {
                flag: Some(&***key),
                ..EntryFields::default()
            };
            let edit = StateEdit::Flag(Arc::clone(key), None);
            self.builder
                .write(Event::DocumentApplied, entry_fields, vec![edit]);
        }
        if removed.is_empty() {
            return;
        }
        let removed: BTreeSet<&str> = removed.iter().map(|key| &***key).collect();
        let records: Vec<_> = match self
            .options
            .facts
            .tenants_naming(&removed)
            .map(BTreeSet::from_iter)
        {
            Some(ids) => {
                let records = ids
                    .iter()
                    .filter_map(|id| state.document.tenants.get_key_value(id.as_str()));
                records.collect()
            }
            None => state.document.tenants.iter().collect(),
        };
        for (id, before) in records {
            if let Some(after) = tenant::without_flags(before, &removed) {
                self.difference
                    .changed(Section::Tenant, id, fields(&before.to_json(), &after.to_json()));
                self.builder.write_tenant(id, Some(Arc::new(after)));
            }
        }
    }

    /// Returns the state after the document; none if no flag changes.
    fn changed_state(&self) -> Option<State> {
        let edits = &self.builder.plan.edits;
        if !edits.iter().any(|edit| matches!(edit, StateEdit::Flag(..))) {
            return None;
        }
        let before = self.builder.state;
        let mut after = before.clone();
        after.absorb(edits, before.revision);
        after.absorb(&self.shared_edits, before.revision);
        Some(after)
    }

    fn finish(self) {
        let details = self.difference.counts();
        let entry_fields = EntryFields {
            details: details.clone(),
            ..EntryFields::default()
        };
        let before = self.builder.plan.audit.len();
        self.builder
            .write(Event::DocumentApplied, entry_fields, self.shared_edits);
        let has_entry = self.builder.plan.audit.len() > before;
        if !has_entry && !self.builder.plan.edits.is_empty() {
            self.builder
                .audit(Event::DocumentApplied, Outcome::Applied, details);
        }
        self.builder.summary().document = Some(self.difference);
    }
}

/// Returns the fields that operators own and that the document writes with another value, without the plan.
fn fields_kept_by_operators(written: &FlagDefinition, flag: &ManagedFlag) -> Vec<String> {
    let lifecycle = written.lifecycle.map(|lifecycle| lifecycle.value);
    let same_tiers = |tiers: &[(_, _)]| {
        let own = &flag.definition.tiers;
        tiers.len() == own.len() && tiers.iter().all(|tier| own.contains(tier))
    };
    let tiers = flag.tiers_by_name(&written.tiers);
    let differs = [
        ("lifecycle", lifecycle.is_some() && lifecycle != flag.lifecycle()),
        (
            "enabled",
            written
                .enabled
                .is_some_and(|enabled| enabled != flag.is_enabled()),
        ),
        ("tiers", !tiers.is_empty() && !same_tiers(&tiers)),
        (
            "rollout",
            written.rollout.is_some() && written.rollout != flag.definition.rollout,
        ),
    ];
    let fields = differs.into_iter().filter(|(_, differs)| *differs);
    fields.map(|(field, _)| field.to_owned()).collect()
}

/// Returns the refusal of a change to a kind without a lifecycle while the flag is not at ga. From alpha or beta the
/// flag would be on for tenants without a promotion; from retired it could be neither killed nor reverted.
fn unfinished_lifecycle(key: &str, after: &ManagedFlag) -> Option<Refusal> {
    let from = after.lifecycle().filter(|from| *from != Lifecycle::Ga)?;
    let kind = after.kind();
    (!kind.has_lifecycle()).then(|| {
        let (why, help) = if from == Lifecycle::Retired {
            (
                "it could no longer be killed or reverted",
                "revert it to ga first, or remove it",
            )
        } else {
            (
                "that would skip ga",
                "promote it to ga first, urgently if it can't wait",
            )
        };
        let detail = format!("{key} is {from}; as kind {kind} it would have no lifecycle, and {why}");
        Refusal::new(Code::StateSkipped, detail)
            .help(help)
            .fact("flag", key)
            .fact("from", from.as_str())
            .fact("kind", kind.as_str())
    })
}

/// Returns true if the flag is in a lifecycle and its kind has one, or neither.
fn lifecycle_fits_kind(flag: &ManagedFlag) -> bool {
    flag.lifecycle().is_some() == flag.kind().has_lifecycle()
}
