//! The flags document before it is compiled: names as written, each with its place. Its shape is that of the YAML
//! document (docs/flags.md). An omitted field is `None` or empty; `compile` applies its default.

mod exposure;
mod operator;

use std::borrow::Cow;
use std::sync::Arc;

use crate::{AttributeValue, Channel, Decimal, Kind, Lifecycle, Sited};

pub use exposure::{ExposureDefinition, StageDefinition};
pub use operator::{OperatorDefinition, OperatorWord};

/// A name as written, borrowed from the document where that is possible.
pub type Name<'a> = Sited<Cow<'a, str>>;

/// A name that borrows nothing, for flags and segments, which outlive the text of the document.
pub type OwnedName = Name<'static>;

impl Name<'_> {
    /// Copies a borrowed name.
    #[must_use]
    pub fn into_owned(self) -> OwnedName {
        Sited::new(Cow::Owned(self.value.into_owned()), self.site)
    }
}

/// A value and the spelling of its number: `1.10` is the number 1.1, and is written as `1.10` again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelled<T> {
    /// The value.
    pub value: T,
    /// The JSON number as written; `None` if it is the number's own text.
    pub spelling: Option<Box<str>>,
}

impl<T> From<T> for Spelled<T> {
    fn from(value: T) -> Self {
        Self {
            value,
            spelling: None,
        }
    }
}

impl<T> std::ops::Deref for Spelled<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A whole flags document, or several merged.
#[derive(Debug, Clone, Default)]
pub struct FlagsDefinition<'a> {
    /// The tiers, lowest first.
    pub tiers: Vec<OwnedName>,
    /// The treatment of a tenant without a record. Omitted: no tier, and not refused.
    pub unknown_tenant: Option<UnknownTenantDefinition>,
    /// The policy for alpha and beta flags in this environment.
    pub policy: Policy,
    /// Named conditions, shared like the flags.
    pub segments: Vec<Arc<SegmentDefinition>>,
    /// The flags, shared between the versions of a document that do not change them.
    pub flags: Vec<Arc<FlagDefinition>>,
    /// The records of tenants.
    pub tenants: Vec<TenantDefinition<'a>>,
}

/// Switches for the eligibility at a lifecycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// True if an override that is not off makes an alpha flag visible to a tenant that is not internal.
    pub alpha_overrides: bool,
    /// True if opting in makes a beta flag visible to a tenant.
    pub beta_opt_in: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            alpha_overrides: true,
            beta_opt_in: true,
        }
    }
}

/// The treatment of a tenant without a record.
#[derive(Debug, Clone, PartialEq)]
pub enum UnknownTenantDefinition {
    /// A tenant of this tier, on channel stable, not internal, on no list.
    Tier(OwnedName),
    /// The request is refused.
    Reject,
}

/// A named condition.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentDefinition {
    /// The name that `segment: NAME` refers to.
    pub name: OwnedName,
    /// The condition.
    pub condition: Sited<ConditionDefinition>,
}

/// A condition over a subject.
#[derive(Debug, Clone, PartialEq)]
pub enum ConditionDefinition {
    /// All of the conditions hold.
    All(Vec<Sited<ConditionDefinition>>),
    /// At least one of the conditions holds.
    Any(Vec<Sited<ConditionDefinition>>),
    /// The condition does not hold.
    Not(Box<Sited<ConditionDefinition>>),
    /// The named segment's condition holds.
    Segment(OwnedName),
    /// One operator on one attribute.
    Clause {
        /// The attribute, which may be a reserved name such as `tenant` or `tier`.
        attribute: OwnedName,
        /// True if the case of texts is not regarded. Default: false.
        fold: Option<bool>,
        /// The operator, with the place of its value.
        operator: Sited<OperatorDefinition>,
    },
}

/// The variant that a rule, a rollout or a default serves.
#[derive(Debug, Clone, PartialEq)]
pub enum ServeDefinition {
    /// One variant, by name; `true` and `false` are `on` and `off` of a boolean flag.
    Variant(OwnedName),
    /// Several variants, each for its share of the subjects.
    Split {
        /// Variant and weight in percent, in the order written.
        weights: Vec<(OwnedName, Sited<Spelled<Decimal>>)>,
        /// The identifier of a subject: `tenant` (default), `user` or the name of an attribute.
        by: Option<OwnedName>,
    },
}

/// A flag.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FlagDefinition {
    /// The key.
    pub key: OwnedName,
    /// The description, for people.
    pub description: Option<Box<str>>,
    /// The responsible person or team.
    pub owner: Option<Box<str>>,
    /// The kind. Default: release.
    pub kind: Option<Kind>,
    /// The state of its lifecycle. Default: alpha, for the kinds that have one.
    pub lifecycle: Option<Sited<Lifecycle>>,
    /// False if the flag is killed. Default: true.
    pub enabled: Option<bool>,
    /// The variant served when nothing else decides. Default: the off variant.
    pub default: Option<Sited<ServeDefinition>>,
    /// Variants and their values as JSON text, in the order written. Default: those of a boolean flag.
    pub variants: Option<Vec<(OwnedName, Box<str>)>>,
    /// The variant of a subject without the feature. Default: `off`.
    pub off: Option<OwnedName>,
    /// The default variant of each tier.
    pub tiers: Vec<(OwnedName, OwnedName)>,
    /// Flags that must be on, or serve a variant, for the same subject.
    pub requires: Vec<RequirementDefinition>,
    /// The rules. The first that matches decides.
    pub rules: Vec<RuleDefinition>,
    /// The percentage rollout.
    pub rollout: Option<RolloutDefinition>,
    /// The rollout plan of a new flag, as JSON text; for the control plane.
    pub plan: Option<Box<str>>,
    /// The stages of a rollout plan in force. They replace the percentage rollout.
    pub exposure: Option<ExposureDefinition>,
    /// The period in which the flag may be on.
    pub schedule: Option<Sited<ScheduleDefinition>>,
    /// True if it can be reverted without harm; for the control plane.
    pub revertible: Option<bool>,
    /// The text or link that says how to revert it; for the control plane.
    pub revert: Option<Box<str>>,
    /// The date (`2027-03-01`) after which it is stale; for the list of stale flags.
    pub expires: Option<OwnedName>,
    /// The variant of a tenant that opted in. Default: `on`.
    pub opt_in_serves: Option<OwnedName>,
    /// The variant of a retired flag. Default: `on`.
    pub final_variant: Option<OwnedName>,
    /// The salt of its buckets. Default: the key.
    pub salt: Option<OwnedName>,
    /// The codes of warnings that are expected about it.
    pub allow: Vec<&'static str>,
}

/// A flag that another flag requires.
#[derive(Debug, Clone, PartialEq)]
pub struct RequirementDefinition {
    /// The flag.
    pub flag: OwnedName,
    /// The variant that it must serve. Default: any except its off variant.
    pub is: Option<OwnedName>,
}

/// A rule: a condition and the variant that it serves.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleDefinition {
    /// The name, for explanations. Default: its place in the list.
    pub name: Option<Box<str>>,
    /// The condition.
    pub when: Sited<ConditionDefinition>,
    /// The variant that it serves.
    pub serve: Sited<ServeDefinition>,
}

/// A percentage rollout.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutDefinition {
    /// The percentage, 0 to 100, with at most three decimals.
    pub percentage: Sited<Spelled<Decimal>>,
    /// The identifier of a subject: `tenant` (default), `user` or the name of an attribute.
    pub by: Option<OwnedName>,
    /// The condition of the subjects that take part. Default: all subjects.
    pub audience: Option<Sited<ConditionDefinition>>,
    /// The variant of the subjects in the rollout. Default: `on`.
    pub serve: Option<Sited<ServeDefinition>>,
}

/// The period in which a flag may be on, as RFC 3339 times.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScheduleDefinition {
    /// The start, inclusive. Default: none.
    pub from: Option<OwnedName>,
    /// The end, exclusive. Default: none.
    pub until: Option<OwnedName>,
}

/// The record of a tenant. An omitted field is `None`, so that a record is written as it was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TenantDefinition<'a> {
    /// The id.
    pub id: Name<'a>,
    /// The tier. Default: none.
    pub tier: Option<Name<'a>>,
    /// The release channel. Default: stable.
    pub channel: Option<Channel>,
    /// True for a tenant of the operator's own. Default: false.
    pub internal: Option<bool>,
    /// The beta allowlist: flags that it may see while they are beta.
    pub beta: Option<Vec<Name<'a>>>,
    /// The overrides: flag and served variant.
    pub overrides: Option<Vec<(Name<'a>, Name<'a>)>>,
    /// Flags that it opted in to.
    pub opt_in: Option<Vec<Name<'a>>>,
    /// Flags that it opted out of.
    pub opt_out: Option<Vec<Name<'a>>>,
    /// Further attributes.
    pub attributes: Option<Vec<(Name<'a>, Spelled<AttributeValue>)>>,
}

impl TenantDefinition<'_> {
    /// Copies a borrowed record.
    #[must_use]
    pub fn into_owned(self) -> TenantDefinition<'static> {
        let names = |names: Option<Vec<Name<'_>>>| -> Option<Vec<OwnedName>> {
            names.map(|names| names.into_iter().map(Name::into_owned).collect())
        };
        TenantDefinition {
            id: self.id.into_owned(),
            tier: self.tier.map(Name::into_owned),
            channel: self.channel,
            internal: self.internal,
            beta: names(self.beta),
            overrides: self.overrides.map(|overrides| {
                let owned = |(flag, variant): (Name<'_>, Name<'_>)| (flag.into_owned(), variant.into_owned());
                overrides.into_iter().map(owned).collect()
            }),
            opt_in: names(self.opt_in),
            opt_out: names(self.opt_out),
            attributes: self.attributes.map(|attributes| {
                let owned = |(name, value): (Name<'_>, Spelled<AttributeValue>)| (name.into_owned(), value);
                attributes.into_iter().map(owned).collect()
            }),
        }
    }
}

/// A route's condition over flags.
#[derive(Debug, Clone)]
pub enum GateDefinition<'a> {
    /// The flag is on.
    Flag(Name<'a>),
    /// The flag serves this variant.
    Is {
        /// The flag.
        flag: Name<'a>,
        /// The variant.
        is: Name<'a>,
    },
    /// All of the gates are open.
    All(Vec<Sited<GateDefinition<'a>>>),
    /// At least one of the gates is open.
    Any(Vec<Sited<GateDefinition<'a>>>),
    /// The gate is closed.
    Not(Box<Sited<GateDefinition<'a>>>),
}
