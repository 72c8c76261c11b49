//! The new flags of an applied document: those that never existed, and those that were removed and are added again.

use std::sync::Arc;

use rules::{FlagDefinition, Kind, Lifecycle, Site, Sited};
use serde_json::{Map, Value};

use super::super::difference::Section;
use super::DocumentMerge;
use crate::change::NewFlags;
use crate::flag::{DefaultOwner, FlagState, FormerState, ManagedFlag};
use crate::refusal::{Code, Refusal};
use crate::report::OpenReports;

impl DocumentMerge<'_, '_> {
    /// Returns the state of a new flag. A flag that existed before keeps its history: the time it was created, its last
    /// kill, restore or revert, and a kill that was not ended. Otherwise a document without the flag and another with
    /// it would end a kill and the waiting time after it. For the same reason a flag that was removed before ga may not
    /// be added again as a kind without a lifecycle.
    pub(super) fn new_flag(
        &mut self,
        key: &str,
        written: &FlagDefinition,
        details: &mut Map<String, Value>,
    ) -> ManagedFlag {
        self.difference.added(Section::Flag, key);
        let at = self.builder.at();
        let former = self.options.facts.removed_state(key);
        let former = former.and_then(FormerState::parse);
        if former.is_some() {
            details.insert("added_again".to_owned(), true.into());
        }
        let kind = written.kind.unwrap_or_default();
        let skipped = former.as_ref().and_then(|former| former.lifecycle);
        self.refusals
            .extend(skipped.and_then(|from| skipped_by_removal(key, from, kind)));
        let mut flag = ManagedFlag {
            definition: Arc::new(written.clone()),
            state: Arc::new(FlagState {
                default: DefaultOwner::Documents,
                since: at,
                created: former.as_ref().map_or(at, |former| former.created),
                sign_offs: Vec::new(),
                unsettled: former.as_ref().and_then(|former| former.unsettled.clone()),
                incidents: former
                    .as_ref()
                    .map_or_else(Vec::new, |former| former.incidents.clone()),
                watch: None,
                plan: None,
                reports: OpenReports::default(),
                changed: at,
                changed_by: self.builder.request.actor.name.clone(),
            }),
        };
        let tiers = flag.tiers_by_name(&written.tiers);
        let lifecycle = flag.lifecycle();
        let lifecycle = match (flag.kind().has_lifecycle(), &self.options.new_flags) {
            (true, NewFlags::Adopted { .. } | NewFlags::AsWritten) => lifecycle.or(Some(Lifecycle::Alpha)),
            (true, NewFlags::Alpha) => {
                let is_further = lifecycle.is_some_and(|written| written != Lifecycle::Alpha);
                let left = is_further.then(|| "lifecycle".to_owned());
                self.difference
                    .kept_by_operators(Section::Flag, key, left.into_iter().collect());
                Some(Lifecycle::Alpha)
            }
            (false, _) => lifecycle,
        };
        let definition = flag.definition_mut();
        definition.lifecycle = lifecycle.map(|lifecycle| Sited::new(lifecycle, Site::default()));
        definition.enabled = definition.enabled.filter(|enabled| !enabled);
        if former.is_some_and(|former| former.is_killed) && definition.enabled.is_none() {
            definition.enabled = Some(false);
            self.difference
                .kept_by_operators(Section::Flag, key, vec!["enabled".to_owned()]);
        }
        definition.tiers = tiers;
        if let Some(plan) = definition.plan.take() {
            self.new_plan(key, &mut flag, &plan);
        }
        flag
    }
}

/// Returns the refusal of a flag that was removed at alpha or beta and is added again as a kind without a lifecycle: it
/// would be on for tenants without a promotion. One that was retired when it was removed was at ga before.
fn skipped_by_removal(key: &str, from: Lifecycle, kind: Kind) -> Option<Refusal> {
    (from < Lifecycle::Ga && !kind.has_lifecycle()).then(|| {
        let detail = format!(
            "{key} was {from} when it was removed; as kind {kind} it would have no lifecycle, and that would skip ga"
        );
        Refusal::new(Code::StateSkipped, detail)
            .help("add it with its former kind and promote it to ga first, or give the new flag another key")
            .fact("flag", key)
            .fact("from", from.as_str())
            .fact("kind", kind.as_str())
    })
}
