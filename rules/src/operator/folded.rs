//! Operators on texts that do not regard case: `fold: true`. `matches` is an automaton, like `matches` without `fold`.

use crate::folded::{FoldedParts, FoldedSet, FoldedText};

/// A compiled operator of a clause with `fold`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FoldedOperator {
    In(FoldedSet),
    NotIn(FoldedSet),
    Prefix(Box<[FoldedText]>),
    Suffix(Box<[FoldedText]>),
    Contains(FoldedParts),
    AnyOf(FoldedSet),
    AllOf(FoldedSet),
    NoneOf(FoldedSet),
}

impl FoldedOperator {
    pub(super) fn holds_for_text(&self, text: &str) -> bool {
        match self {
            Self::In(set) => set.has(text),
            Self::NotIn(set) => !set.has(text),
            Self::Prefix(texts) => texts.iter().any(|start| start.starts(text)),
            Self::Suffix(texts) => texts.iter().any(|end| end.ends(text)),
            Self::Contains(parts) => parts.are_in(text),
            Self::AnyOf(_) | Self::AllOf(_) | Self::NoneOf(_) => false,
        }
    }

    pub(super) fn holds_for_list(&self, items: &[Box<str>]) -> bool {
        match self {
            Self::AnyOf(set) => set.has_any(items),
            Self::AllOf(set) => set.is_within(items),
            Self::NoneOf(set) => !set.has_any(items),
            Self::In(_) | Self::NotIn(_) | Self::Prefix(_) | Self::Suffix(_) | Self::Contains(_) => false,
        }
    }

    /// Returns true if it compares lists, not texts.
    pub(crate) fn is_of_lists(&self) -> bool {
        matches!(self, Self::AnyOf(_) | Self::AllOf(_) | Self::NoneOf(_))
    }

    /// Returns the number of values that are compared one by one.
    pub(super) fn comparisons(&self) -> usize {
        match self {
            Self::Prefix(texts) | Self::Suffix(texts) => texts.len(),
            Self::Contains(parts) => parts.len(),
            Self::AllOf(set) => set.len(),
            Self::In(_) | Self::NotIn(_) | Self::AnyOf(_) | Self::NoneOf(_) => 1,
        }
    }
}
