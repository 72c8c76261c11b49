//! The subject's place in a split, as an explanation states it.

use super::clauses::attribute_name;
use super::figures;
use crate::{Flags, Subject, split::Serve};

/// The subject's place in a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SplitTrace {
    /// One variant is served; there is no split.
    NoSplit,
    /// The subject has no id.
    NoId,
    /// The subject's bucket.
    Bucket(u32),
}

impl SplitTrace {
    /// Returns the subject's place in what a rule, a rollout or a default serves.
    pub(super) fn of(serve: &Serve, flags: &Flags, subject: &Subject<'_>) -> Self {
        let Serve::Split(split) = serve else {
            return Self::NoSplit;
        };
        let bucket = split.bucketing.bucket(flags, subject);
        bucket.map_or(Self::NoId, Self::Bucket)
    }

    /// Returns the bucket as the beginning of an answer: `split bucket 61,204, `; empty without one.
    pub(super) fn bucket(self) -> String {
        match self {
            Self::NoSplit | Self::NoId => String::new(),
            Self::Bucket(bucket) => format!("split bucket {}, ", figures::bucket(bucket)),
        }
    }
}

/// Returns the id that a split goes by; empty without a split.
pub(super) fn note(serve: &Serve, flags: &Flags) -> String {
    match serve {
        Serve::Variant(_) => String::new(),
        Serve::Split(split) => format!("split by {}", attribute_name(flags, split.bucketing.by)),
    }
}
