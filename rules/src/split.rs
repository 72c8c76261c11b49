//! Served variants: one variant, or a split of several by the subject's bucket.

use crate::{VariantId, bucket::Bucketing};

/// The variants that a rule, a rollout or a default serves.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Serve {
    Variant(VariantId),
    Split(Box<Split>),
}

/// Variants by share of the subjects.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    pub(crate) bucketing: Bucketing,
    /// Upper bucket (exclusive) and the variant below it, rising to [`BUCKETS`](crate::BUCKETS).
    pub(crate) bounds: Box<[(u32, VariantId)]>,
}

impl Serve {
    pub(crate) fn is_split(&self) -> bool {
        matches!(self, Self::Split(_))
    }

    /// Returns every variant with a share of the subjects.
    pub(crate) fn variants(&self) -> impl Iterator<Item = VariantId> + '_ {
        let (one, bounds): (_, &[(u32, VariantId)]) = match self {
            Self::Variant(variant) => (Some(*variant), &[]),
            Self::Split(split) => (None, &split.bounds),
        };
        let mut lower = 0;
        let served = bounds.iter().filter_map(move |(upper, variant)| {
            let has_share = *upper > lower;
            lower = *upper;
            has_share.then_some(*variant)
        });
        one.into_iter().chain(served)
    }
}
