//! Effects of a change, as a dry run answers them.

use std::borrow::Cow;

use serde::Deserialize;

use crate::answers::Rollout;
use crate::problem::Reason;
use crate::texts::text;

/// The answer to a dry run.
#[derive(Debug, Deserialize)]
pub(crate) struct Effects {
    pub(crate) revision: u64,
    /// False if the state is as requested.
    pub(crate) changed: bool,
    /// True if the change needs a confirmation that it may affect many tenants.
    pub(crate) needs_force: bool,
    /// The reason why this server rejects every change.
    pub(crate) read_only: Option<Reason>,
    pub(crate) preview: Preview,
    /// The results for each item of a change of many.
    #[serde(default)]
    pub(crate) items: Vec<Item>,
    #[serde(default)]
    pub(crate) also_reverted: Vec<String>,
    #[serde(default)]
    pub(crate) skipped_conditions: Vec<String>,
    #[serde(default)]
    pub(crate) tiers_still_off: Vec<String>,
    #[serde(default)]
    pub(crate) overrides_without_effect: Vec<OverrideWithoutEffect>,
    #[serde(default)]
    pub(crate) notes: Vec<Note>,
}

/// The decisions that change.
#[derive(Debug, Deserialize)]
pub(crate) struct Preview {
    pub(crate) tenants_total: usize,
    pub(crate) tenants_changed: usize,
    pub(crate) tenants_maybe_changed: usize,
    pub(crate) decisions_changed: usize,
    pub(crate) decisions: Vec<ChangedDecision>,
    pub(crate) unknown_tenant: Vec<ChangedDecision>,
    pub(crate) unchanged: Vec<Unchanged>,
    pub(crate) not_evaluated: usize,
}

/// A decision that changes.
#[derive(Debug, Deserialize)]
pub(crate) struct ChangedDecision {
    pub(crate) tenant: Option<String>,
    pub(crate) flag: String,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) reason: String,
    /// The share of the tenants without a record, in percent.
    pub(crate) share_percent: Option<f64>,
}

/// Tenants whose variant does not change, for one cause.
#[derive(Debug, Deserialize)]
pub(crate) struct Unchanged {
    pub(crate) flag: String,
    pub(crate) tier: Option<String>,
    pub(crate) reason: String,
    pub(crate) tenants: usize,
}

/// The result for one item of a change of many.
#[derive(Debug, Deserialize)]
pub(crate) struct Item {
    pub(crate) id: String,
    outcome: String,
    pub(crate) refusal: Option<Reason>,
}

/// An override without effect.
#[derive(Debug, Deserialize)]
pub(crate) struct OverrideWithoutEffect {
    pub(crate) org: String,
    pub(crate) flag: String,
    pub(crate) reason: String,
}

/// A note about a change.
#[derive(Debug, Deserialize)]
pub(crate) struct Note {
    #[serde(deserialize_with = "crate::sentence::read")]
    pub(crate) detail: String,
    pub(crate) help: String,
}

/// The answer to an applied change, or to a look at a rollout plan.
#[derive(Debug, Deserialize)]
pub(crate) struct Applied {
    pub(crate) revision: u64,
    /// Absent for a look at a plan.
    changed: Option<bool>,
    #[serde(default)]
    notes: Vec<Note>,
    /// The result of a look at a plan: `stepped`, `no_step` or `rejected`.
    result: Option<String>,
    /// The reasons why a step of a plan was rejected.
    #[serde(default)]
    refusals: Vec<Reason>,
    /// The plan after a look at it.
    rollout: Option<Rollout>,
}

impl Applied {
    /// Returns true if the state is another one than before.
    pub(crate) fn is_changed(&self) -> bool {
        self.changed.unwrap_or(self.result.as_deref() == Some("stepped"))
    }

    /// Returns what the actor should know: the notes of a change; the reasons why a plan did not take a step.
    pub(crate) fn notes(&self) -> Vec<String> {
        let notes = self
            .notes
            .iter()
            .map(|note| format!("{}: {}", note.detail, note.help));
        let refusals = self.refusals.iter().map(|refusal| refusal.detail.clone());
        let waits = self.rollout.iter().flat_map(|rollout| &rollout.waits);
        let waits = waits.filter(|_| self.result.as_deref() == Some("no_step"));
        notes
            .chain(refusals)
            .chain(waits.map(|wait| wait.detail.clone()))
            .collect()
    }
}

impl Effects {
    /// Returns the number of records that the change alters; a change of one record has no items.
    pub(crate) fn joined(&self) -> usize {
        let changed = self.items.iter().filter(|item| item.outcome == "changed");
        changed.count().max(1)
    }
}

impl Preview {
    /// The number of changed decisions that a page lists.
    pub(crate) const LISTED: usize = 50;

    /// Returns the changed decisions that the page lists.
    pub(crate) fn listed(&self) -> &[ChangedDecision] {
        self.decisions.get(..Self::LISTED).unwrap_or(&self.decisions)
    }

    /// Returns the number of changed decisions that the page does not list.
    pub(crate) fn unlisted(&self) -> usize {
        self.decisions_changed.saturating_sub(self.listed().len())
    }
}

impl ChangedDecision {
    /// Returns the variant before the change.
    pub(crate) fn former(&self) -> Cow<'_, str> {
        variant_text(self.from.as_deref())
    }

    /// Returns the variant after the change.
    pub(crate) fn served(&self) -> Cow<'_, str> {
        variant_text(self.to.as_deref())
    }
}

fn variant_text(variant: Option<&str>) -> Cow<'_, str> {
    variant.map_or_else(|| text("no-variant"), Cow::Borrowed)
}
