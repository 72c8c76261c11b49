//! The flags document before it is compiled: names as written, each with its place.
//! Its shape is that of the YAML document (docs/flags.md); every field an operator may leave out is an
//! `Option` or empty here, and `compile` says what that means.

mod operator;

use std::borrow::Cow;
use std::sync::Arc;

use crate::{AttributeValue, Channel, Decimal, Kind, Lifecycle, Sited};

pub use operator::{OperatorDefinition, OperatorWord};

/// A name as written, borrowed from the document where that is possible.
pub type Name<'a> = Sited<Cow<'a, str>>;

/// A name that borrows nothing: flags and segments are kept longer than the text they were read from.
pub type OwnedName = Name<'static>;

impl Name<'_> {
    /// Copies a borrowed name.
    #[must_use]
    pub fn into_owned(self) -> OwnedName {
        Sited::new(Cow::Owned(self.value.into_owned()), self.site)
    }
}

/// A value, and its spelling where a number is not written plainly: `1.10` is the number 1.1, and stays `1.10`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelled<T> {
    /// The value.
    pub value: T,
    /// The JSON number that was written, where it is not the number's own text.
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
    /// The tiers there are, lowest first.
    pub tiers: Vec<OwnedName>,
    /// How a tenant without a record is judged. Left out: with no tier, and not refused.
    pub unknown_tenant: Option<UnknownTenantDefinition>,
    /// What the environment lets alpha and beta flags do.
    pub policy: Policy,
    /// Named conditions, shared like the flags.
    pub segments: Vec<Arc<SegmentDefinition>>,
    /// The flags, shared: a document of which a part changes keeps the others.
    pub flags: Vec<Arc<FlagDefinition>>,
    /// The tenants there are records of.
    pub tenants: Vec<TenantDefinition<'a>>,
}

/// Switches of the lifecycle's eligibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Whether an override that is not off makes an alpha flag visible to a tenant that is not internal.
    pub alpha_overrides: bool,
    /// Whether opting in makes a beta flag visible to a tenant.
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

/// How a tenant without a record is judged.
#[derive(Debug, Clone, PartialEq)]
pub enum UnknownTenantDefinition {
    /// As a tenant of this tier, on channel stable, not internal, on no list.
    Tier(OwnedName),
    /// Not at all: the request is refused.
    Reject,
}

/// A named condition.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentDefinition {
    /// The name that `segment: NAME` refers to.
    pub name: OwnedName,
    /// What it stands for.
    pub condition: Sited<ConditionDefinition>,
}

/// A condition over a subject.
#[derive(Debug, Clone, PartialEq)]
pub enum ConditionDefinition {
    /// Every one holds.
    All(Vec<Sited<ConditionDefinition>>),
    /// At least one holds.
    Any(Vec<Sited<ConditionDefinition>>),
    /// It does not hold.
    Not(Box<Sited<ConditionDefinition>>),
    /// The named segment's condition holds.
    Segment(OwnedName),
    /// One operator on one attribute.
    Clause {
        /// The attribute, reserved names (`tenant`, `tier`, ...) included.
        attribute: OwnedName,
        /// What is asked of it; the site is the operator's value.
        operator: Sited<OperatorDefinition>,
    },
}

/// What a rule, a rollout or a default serves.
#[derive(Debug, Clone, PartialEq)]
pub enum ServeDefinition {
    /// One variant, by name; `true` and `false` stand for `on` and `off` of a boolean flag.
    Variant(OwnedName),
    /// Several, each by its share of the subjects.
    Split {
        /// Variant and weight in percent, in the order written.
        weights: Vec<(OwnedName, Sited<Spelled<Decimal>>)>,
        /// What identifies a subject: `tenant` (left out), `user` or an attribute's name.
        by: Option<OwnedName>,
    },
}

/// A flag.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FlagDefinition {
    /// Its key.
    pub key: OwnedName,
    /// What it is, for people.
    pub description: Option<Box<str>>,
    /// Who answers for it.
    pub owner: Option<Box<str>>,
    /// What it is for; left out: release.
    pub kind: Option<Kind>,
    /// How far it is; left out: alpha, for the kinds that have a lifecycle.
    pub lifecycle: Option<Sited<Lifecycle>>,
    /// The kill switch, when false; left out: true.
    pub enabled: Option<bool>,
    /// What is served when nothing else decides; left out: the off variant.
    pub default: Option<Sited<ServeDefinition>>,
    /// Variants and their values as JSON text, in the order written; left out: a boolean flag.
    pub variants: Option<Vec<(OwnedName, Box<str>)>>,
    /// The variant that means "not given the feature"; left out: `off`.
    pub off: Option<OwnedName>,
    /// Tier and the variant that it serves.
    pub tiers: Vec<(OwnedName, OwnedName)>,
    /// Flags that must be on (or serve a variant) for the same subject.
    pub requires: Vec<RequirementDefinition>,
    /// Rules, the first that matches decides.
    pub rules: Vec<RuleDefinition>,
    /// The percentage rollout.
    pub rollout: Option<RolloutDefinition>,
    /// From when, until when.
    pub schedule: Option<Sited<ScheduleDefinition>>,
    /// Whether it can be turned back without harm; for the control plane.
    pub revertible: Option<bool>,
    /// The date (`2027-03-01`) after which it should be gone; for the list of stale flags.
    pub expires: Option<OwnedName>,
    /// What a tenant that opted in is served; left out: `on`.
    pub opt_in_serves: Option<OwnedName>,
    /// What a retired flag serves; left out: `on`.
    pub final_variant: Option<OwnedName>,
    /// What the buckets are salted with; left out: the key.
    pub salt: Option<OwnedName>,
}

/// A flag that another depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct RequirementDefinition {
    /// The flag.
    pub flag: OwnedName,
    /// The variant it must serve; left out: any but its off variant.
    pub is: Option<OwnedName>,
}

/// A rule: a condition and what it serves.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleDefinition {
    /// Its name, for explanations; left out: its place in the list.
    pub name: Option<Box<str>>,
    /// When it applies.
    pub when: Sited<ConditionDefinition>,
    /// What it serves.
    pub serve: Sited<ServeDefinition>,
}

/// A percentage rollout.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutDefinition {
    /// 0 to 100, at most three decimals.
    pub percentage: Sited<Spelled<Decimal>>,
    /// What identifies a subject: `tenant` (left out), `user` or an attribute's name.
    pub by: Option<OwnedName>,
    /// Who takes part; left out: everyone.
    pub audience: Option<Sited<ConditionDefinition>>,
    /// What the subjects in it are served; left out: `on`.
    pub serve: Option<Sited<ServeDefinition>>,
}

/// From when (inclusive) until when (exclusive) a flag may be on; RFC 3339.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScheduleDefinition {
    /// Left out: always has been.
    pub from: Option<OwnedName>,
    /// Left out: for ever.
    pub until: Option<OwnedName>,
}

/// What is known of a tenant. A field that is left out is none, so that a record is kept as it was given.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TenantDefinition<'a> {
    /// Its id.
    pub id: Name<'a>,
    /// Its tier; left out: none.
    pub tier: Option<Name<'a>>,
    /// Its release channel; left out: stable.
    pub channel: Option<Channel>,
    /// True for a tenant of the operator; left out: false.
    pub internal: Option<bool>,
    /// The beta allowlist: flags it may see while they are beta.
    pub beta: Option<Vec<Name<'a>>>,
    /// Flag and the variant it is made to serve.
    pub overrides: Option<Vec<(Name<'a>, Name<'a>)>>,
    /// Flags it opted in to.
    pub opt_in: Option<Vec<Name<'a>>>,
    /// Flags it opted out of.
    pub opt_out: Option<Vec<Name<'a>>>,
    /// What else is known of it.
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
    /// Every one is open.
    All(Vec<Sited<GateDefinition<'a>>>),
    /// At least one is open.
    Any(Vec<Sited<GateDefinition<'a>>>),
    /// It is closed.
    Not(Box<Sited<GateDefinition<'a>>>),
}
