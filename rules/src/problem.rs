//! The problems of a flags document beyond its shape. `compile` finds all at once; the author of the
//! definition maps the site to a place and adds a help text.

use crate::{Decimal, InvalidFlagKey, InvalidPattern, InvalidTenantId, Kind, Site};

/// A problem and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinitionProblem {
    /// The place.
    pub site: Site,
    /// The problem.
    pub kind: ProblemKind,
}

/// The kinds of problems. Names are as written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProblemKind {
    /// Not a flag key.
    #[error("{reason}")]
    InvalidFlagKey {
        /// The text that is none.
        key: String,
        /// The reason.
        reason: InvalidFlagKey,
    },
    /// Not a tenant id.
    #[error("{reason}")]
    InvalidTenantId {
        /// The text that is none.
        id: String,
        /// The reason.
        reason: InvalidTenantId,
    },
    /// Not a name of a variant, tier, segment or attribute.
    #[error(
        "a {what} name has 1 to {limit} characters of `A-Z a-z 0-9 . _ -` and starts with a letter; `{name}` does not"
    )]
    InvalidName {
        /// Variant, tier, segment or attribute.
        what: Noun,
        /// The text that is none.
        name: String,
        /// The most characters it may have.
        limit: usize,
    },
    /// A name defined twice.
    #[error("the {what} `{name}` is defined twice")]
    Duplicate {
        /// The kind of name.
        what: Noun,
        /// Its name.
        name: String,
        /// The place of the first definition.
        first: Site,
    },
    /// A reference to an undefined name.
    #[error("no {what} has the {} `{name}`", if *what == Noun::Flag { "key" } else { "name" })]
    Unknown {
        /// The expected kind of name.
        what: Noun,
        /// The name.
        name: String,
    },
    /// A variant that the flag does not have.
    #[error("flag `{flag}` has no variant `{variant}`")]
    UnknownVariant {
        /// The flag's key.
        flag: String,
        /// The variant as written.
        variant: String,
        /// The variants it has.
        variants: Vec<String>,
    },
    /// A field that is missing, although the flag lacks the variant that is its default.
    #[error("flag `{flag}` has no variant `{variant}`, so it must name one in `{field}`")]
    VariantNeeded {
        /// The flag's key.
        flag: String,
        /// The field that must be written.
        field: &'static str,
        /// The default variant of the field.
        variant: &'static str,
        /// The variants it has.
        variants: Vec<String>,
    },
    /// A flag with variants has too few to choose from.
    #[error("flag `{flag}` has one variant; a flag with `variants` has at least two")]
    TooFewVariants {
        /// The flag's key.
        flag: String,
    },
    /// Flags that require each other.
    #[error("flags require each other in a cycle: {}", cycle.join(" -> "))]
    FlagCycle {
        /// The keys, the first again at the end.
        cycle: Vec<String>,
    },
    /// Segments that refer to each other.
    #[error("segments refer to each other in a cycle: {}", cycle.join(" -> "))]
    SegmentCycle {
        /// The names, the first again at the end.
        cycle: Vec<String>,
    },
    /// Weights of a split that don't add up.
    #[error("the weights of a split must add up to 100, not {sum}")]
    WeightSum {
        /// Their sum in percent.
        sum: f64,
    },
    /// A percentage or weight out of range.
    #[error("a percentage must be from 0 to 100, not {found}")]
    PercentageRange {
        /// The value as written.
        found: Decimal,
    },
    /// A percentage or weight with more than three decimals.
    #[error("a percentage has at most three decimals (0.001), {found} has more")]
    PercentageTooFine {
        /// The value as written.
        found: Decimal,
    },
    /// Not a usable regular expression.
    #[error("{0}")]
    InvalidPattern(InvalidPattern),
    /// `fold` on an operator that compares no text.
    #[error("`fold` ignores the case of texts, and `{operator}` compares none here")]
    FoldWithoutText {
        /// The word of the operator.
        operator: &'static str,
    },
    /// Not a version requirement.
    #[error("`{text}` is not a version requirement: {reason}")]
    InvalidVersionRequirement {
        /// The text.
        text: String,
        /// The reason.
        reason: String,
    },
    /// Not a time.
    #[error("`{text}` is not an RFC 3339 time")]
    InvalidTime {
        /// The text.
        text: String,
    },
    /// Not a date.
    #[error("`{text}` is not a date")]
    InvalidDate {
        /// The text.
        text: String,
    },
    /// Not a network.
    #[error("`{text}` is not an IP address or network")]
    InvalidNetwork {
        /// The text.
        text: String,
    },
    /// A schedule that no time is in.
    #[error("the schedule ends before it begins")]
    EmptySchedule,
    /// A lifecycle on a kind that has none.
    #[error("a flag of kind {kind} can't have a lifecycle other than `retired`")]
    LifecycleOfKind {
        /// The flag's kind.
        kind: Kind,
    },
    /// A tenant record supplies a reserved attribute.
    #[error("`{name}` is a reserved name and can't be an attribute")]
    ReservedAttribute {
        /// The name.
        name: String,
    },
    /// A list that must not be empty.
    #[error("`{field}` is empty")]
    Empty {
        /// The field.
        field: &'static str,
    },
    /// A tenant both in and out.
    #[error("the tenant has opted in to `{flag}` and out of it")]
    OptedBothWays {
        /// The flag's key.
        flag: String,
    },
    /// More than a limit allows.
    #[error("there are {found} {what}; the maximum is {limit}")]
    Limit {
        /// The counted items.
        what: &'static str,
        /// The most there may be.
        limit: usize,
        /// Their number.
        found: usize,
    },
    /// Conditions or gates nested too deep.
    #[error("nested deeper than {limit}")]
    Nesting {
        /// The deepest allowed.
        limit: usize,
    },
}

/// The kinds of named items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Noun {
    /// A flag.
    #[error("flag")]
    Flag,
    /// A variant of a flag.
    #[error("variant")]
    Variant,
    /// A segment.
    #[error("segment")]
    Segment,
    /// A tier.
    #[error("tier")]
    Tier,
    /// An attribute.
    #[error("attribute")]
    Attribute,
    /// A tenant.
    #[error("tenant")]
    Tenant,
}

impl ProblemKind {
    /// Returns a stable name for the kind, in kebab case, as `sluice check` prints it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidFlagKey { .. } => "invalid-flag-key",
            Self::InvalidTenantId { .. } => "invalid-tenant-id",
            Self::InvalidName { .. } => "invalid-name",
            Self::Duplicate { .. } => "duplicate",
            Self::Unknown { what: Noun::Flag, .. } => "unknown-flag",
            Self::Unknown {
                what: Noun::Segment, ..
            } => "unknown-segment",
            Self::Unknown { what: Noun::Tier, .. } => "unknown-tier",
            Self::Unknown {
                what: Noun::Tenant, ..
            } => "unknown-tenant",
            Self::Unknown {
                what: Noun::Attribute,
                ..
            } => "unknown-attribute",
            Self::Unknown {
                what: Noun::Variant, ..
            }
            | Self::UnknownVariant { .. } => "unknown-variant",
            Self::VariantNeeded { .. } => "variant-needed",
            Self::TooFewVariants { .. } => "too-few-variants",
            Self::FlagCycle { .. } => "flag-cycle",
            Self::SegmentCycle { .. } => "segment-cycle",
            Self::WeightSum { .. } => "weight-sum",
            Self::PercentageRange { .. } | Self::PercentageTooFine { .. } => "invalid-percentage",
            Self::InvalidPattern(_) => "invalid-pattern",
            Self::FoldWithoutText { .. } => "fold-without-text",
            Self::InvalidVersionRequirement { .. } => "invalid-version",
            Self::InvalidTime { .. } => "invalid-time",
            Self::InvalidDate { .. } => "invalid-date",
            Self::InvalidNetwork { .. } => "invalid-network",
            Self::EmptySchedule => "empty-schedule",
            Self::LifecycleOfKind { .. } => "lifecycle-of-kind",
            Self::ReservedAttribute { .. } => "reserved-attribute",
            Self::Empty { .. } => "empty",
            Self::OptedBothWays { .. } => "opted-both-ways",
            Self::Limit { .. } => "limit",
            Self::Nesting { .. } => "nesting",
        }
    }
}
