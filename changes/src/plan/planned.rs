//! The plan of a change, or the reasons why there is none.

use config::JsonEdit;

use super::difference::Difference;
use super::item::ItemResult;
use super::note::Note;
use crate::affected::Affected;
use crate::audit::Entry;
use crate::preview::IneffectiveOverride;
use crate::record::Write;
use crate::refusal::{Code, Refusal};
use crate::state::StateEdit;

/// The edits and audit entries of a permitted change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// The edits of the state. A plan without edits has no audit entries, except for an import whose items were all
    /// rejected.
    pub edits: Vec<StateEdit>,
    /// The edits as records of a store.
    pub writes: Vec<Write>,
    /// The audit entries, in order.
    pub audit: Vec<Entry>,
    /// The flags and tenants that it can affect.
    pub affected: Affected,
    /// True if it can only turn features off. The blast radius of such a change is not limited.
    pub withdraws: bool,
    /// The result of each item of an import.
    pub items: Vec<ItemResult>,
    /// The items of an import that do not have the form of a record, and were left out.
    pub unreadable: Vec<JsonEdit>,
    /// The side effects to report, of an applied document, a cascade or an urgent promotion.
    pub summary: Summary,
}

/// Side effects of a change that are reported with its result.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// The flags that were reverted with the one that was asked for.
    pub cascade: Vec<String>,
    /// The conditions that an urgent promotion skipped.
    pub skipped: Vec<Code>,
    /// The tiers that a promotion to ga leaves off, since their tier default is off.
    pub kept_off: Vec<String>,
    /// The overrides that were set and have no effect. The caller sets it, since it is known after compiling.
    pub ineffective_overrides: Vec<IneffectiveOverride>,
    /// The notes about the change.
    pub notes: Vec<Note>,
    /// The id of the report that is open.
    pub report: Option<u64>,
    /// The difference of an applied document.
    pub document: Option<Difference>,
}

/// The reason why there is no plan for a change.
#[derive(Debug, PartialEq)]
pub enum NoPlan {
    /// The policy is not met, or a name is unknown: all reasons, the one to report first comes first.
    Refused(Vec<Refusal>),
    /// An edit does not have the form of a document; [`config::Catalog::explain`] says why.
    Unreadable(Vec<JsonEdit>),
}

impl From<Vec<Refusal>> for NoPlan {
    fn from(refusals: Vec<Refusal>) -> Self {
        Self::Refused(refusals)
    }
}
