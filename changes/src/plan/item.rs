//! The result of one tenant of an import.

use crate::refusal::Refusal;

/// The result of one tenant of an import.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemResult {
    /// The tenant.
    pub id: String,
    /// The outcome.
    pub outcome: ItemOutcome,
}

/// The outcome of one tenant of an import.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemOutcome {
    /// The record is new.
    Created,
    /// The record was changed.
    Changed,
    /// The record is equal to the current one.
    Unchanged,
    /// The item is rejected; the other items are applied.
    Refused(Refusal),
}
