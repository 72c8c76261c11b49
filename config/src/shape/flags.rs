//! The form of the flags document. `rules` checks what its names and numbers must be beyond that.

use rules::{
    FlagDefinition, Kind, Lifecycle, Name, OwnedName, Policy, RequirementDefinition, RolloutDefinition,
    RuleDefinition, ScheduleDefinition, ServeDefinition, Sited, UnknownTenantDefinition,
};

use super::condition::Condition;
use super::tenant::Tenant;
use super::text::{FlagKey, TenantId};
use super::{Needs, UNBOUNDED};
use crate::form::{
    Boolean, Boxed, Json, List, Map, Owned, Percentage, Prose, Variant, Version, fields, object, single,
    texts, union, word_of, words,
};

texts! {
    SegmentName: any "the name of a segment";
    TierName: any "the name of a tier";
    VariantName: any "the name of a variant";
    Identifier: filled "`tenant`, `user` or the name of an attribute";
    Time: any "an RFC 3339 time such as `2026-12-01T00:00:00Z`";
    Date: any "a date such as `2027-03-01`";
    Salt: filled "a text";
}

fields! {
    /// Flags, segments and tenants of Sluice.
    FlagsDocument("a flags document") => FlagsFields {
        /// The version of this format: 1.
        _version("version"): must Version,
        /// The tiers there are, lowest first.
        tiers: field List<Sited<TierName>, 0, UNBOUNDED>,
        /// How a tenant without a record is judged; left out: with no tier.
        unknown_tenant: field UnknownTenant,
        /// What alpha and beta allow.
        policy: field EligibilityPolicy,
        /// Named conditions, for use in rules and audiences.
        segments: field Map<Sited<SegmentName>, Sited<Condition>, 0, UNBOUNDED>,
        /// The flags, by key.
        flags: field Map<Sited<FlagKey>, Option<Flag>, 0, UNBOUNDED>,
        /// What is known of tenants, by id.
        tenants: field Map<Sited<TenantId>, Option<Tenant>, 0, UNBOUNDED>,
    }
}

impl FlagsDocument {
    pub(crate) const TIERS: &str = word_of!(FlagsFields.tiers);
    pub(crate) const SEGMENTS: &str = word_of!(FlagsFields.segments);
    pub(crate) const FLAGS: &str = word_of!(FlagsFields.flags);
    pub(crate) const TENANTS: &str = word_of!(FlagsFields.tenants);
}

union! {
    UnknownTenant("`reject` or `{ tier: NAME }`"): UnknownTenantDefinition {
        scalar Reject => |Reject::Reject| UnknownTenantDefinition::Reject,
        mapping UnknownTenantTier => UnknownTenantDefinition::Tier,
    }
}

/// The word for unknown tenants that are refused.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reject {
    Reject,
}
words! { Reject { "reject" => Reject } }

single! {
    /// Judged as a tenant of this tier, on channel stable, not internal, on no list.
    UnknownTenantTier("a tier for unknown tenants") tier: Sited<Owned<TierName>>, "The tier.";
}

object! {
    /// Switches of the lifecycle's eligibility.
    EligibilityPolicy("a policy"): Policy {
        /// Whether an override that is not off makes an alpha flag visible to a customer; left out: true.
        alpha_overrides: optional Boolean,
        /// Whether opting in makes a beta flag visible to a tenant; left out: true.
        beta_opt_in: optional Boolean,
    } => {
        let left_out = Policy::default();
        Policy {
            alpha_overrides: alpha_overrides.unwrap_or(left_out.alpha_overrides),
            beta_opt_in: beta_opt_in.unwrap_or(left_out.beta_opt_in),
        }
    }
}

object! {
    /// A feature flag. What is left out has the default that the documentation says.
    Flag("a flag"): FlagDefinition {
        /// What it is, for people.
        description: optional Boxed<Prose>,
        /// Who answers for it.
        owner: optional Boxed<Prose>,
        /// What it is for; left out: release.
        kind: optional Kind,
        /// How far it is; left out: alpha. `dev` reads as alpha. Permission and ops flags have none.
        lifecycle: optional Sited<Lifecycle>,
        /// The kill switch: false = off for everyone, at once.
        enabled: optional Boolean,
        /// What is served when nothing else decides; left out: off.
        default: optional Sited<Serve>,
        /// Names and values; left out: a boolean flag, on or off.
        variants: optional Map<Sited<VariantName>, Json, 2, UNBOUNDED>,
        /// The variant that means `not given the feature`; left out: off.
        off: optional Sited<Owned<Variant>>,
        /// What each tier is served.
        tiers: default Map<Sited<TierName>, Sited<Owned<Variant>>, 0, UNBOUNDED>,
        /// Flags that must be on for the same subject.
        requires: default List<Requirement, 0, UNBOUNDED>,
        /// Conditions and what they serve; the first that holds decides.
        rules: default List<Rule, 0, UNBOUNDED>,
        /// A percentage of the subjects.
        rollout: optional Rollout,
        /// From when, until when it may be on.
        schedule: optional Sited<Schedule>,
        /// Whether it can be turned back without harm.
        revertible: optional Boolean,
        /// When it should be gone.
        expires: optional Sited<Owned<Date>>,
        /// What a tenant that opted in is served; left out: on.
        opt_in_serves: optional Sited<Owned<Variant>>,
        /// What it serves once retired; left out: on.
        final_variant("final"): optional Sited<Owned<Variant>>,
        /// What buckets are salted with; left out: the key.
        salt: optional Sited<Owned<Salt>>,
        /// The algorithm of buckets: xxh3, the only one so far.
        hash: optional Hash,
    } => {
        // A second algorithm does not compile here.
        let (None | Some(Hash::Xxh3)) = hash;
        let json = |(name, value): (Name<'_>, serde_json::Value)| (name.into_owned(), value.to_string().into_boxed_str());
        let tiers = tiers.into_iter().map(|(tier, variant): (Name<'_>, _)| (tier.into_owned(), variant));
        FlagDefinition {
            key: OwnedName::default(),
            variants: variants.map(|variants| variants.into_iter().map(json).collect()),
            description, owner, kind, lifecycle, enabled, default, off, tiers: tiers.collect(), requires, rules, rollout, schedule,
            revertible, expires, opt_in_serves, final_variant, salt,
        }
    }
}

words! { Kind::ALL }
words! { Lifecycle::ALL, "dev" => Alpha }

/// An algorithm of buckets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hash {
    Xxh3,
}
words! { Hash { "xxh3" => Xxh3 } }

union! {
    Requirement("a flag key or `{ flag: KEY, is: VARIANT }`"): RequirementDefinition {
        scalar Sited<Owned<FlagKey>> => |flag| RequirementDefinition { flag, is: None },
        mapping RequirementObject => |requirement| requirement,
    }
}

object! {
    /// A flag and the variant that it must serve.
    RequirementObject("a requirement"): RequirementDefinition {
        /// The flag.
        flag: required Sited<Owned<FlagKey>>,
        /// The variant; left out: any but its off variant.
        is: optional Sited<Owned<Variant>>,
    } => RequirementDefinition { flag, is }
}

object! {
    /// A condition and what it serves.
    Rule("a rule"): RuleDefinition {
        /// For explanations.
        name: optional Boxed<Prose>,
        /// When it applies.
        when: required Sited<Condition>,
        /// What it serves.
        serve: required Sited<Serve>,
    } => RuleDefinition { name, when, serve }
}

union! {
    Serve("a variant or `{ split: { VARIANT: PERCENT } }`"): ServeDefinition {
        scalar Sited<Owned<Variant>> => ServeDefinition::Variant,
        mapping Split => |split| split,
    }
}

object! {
    /// Several variants, each for its share of the subjects.
    Split("a split"): ServeDefinition {
        /// Variants and their percentages, which add up to 100.
        split: required Map<Sited<VariantName>, Option<Sited<Percentage>>, 1, UNBOUNDED>,
        /// What identifies a subject: tenant (left out), user, or an attribute.
        by: optional Sited<Owned<Identifier>>,
    } => {
        // Without all percentages their sum would be reported as well.
        let weight = |(variant, percentage): (Name<'_>, Option<_>)| Some((variant.into_owned(), percentage?));
        ServeDefinition::Split { weights: split.into_iter().map(weight).collect::<Option<_>>()?, by }
    }
}

object! {
    /// A percentage of the subjects, chosen by a stable hash.
    Rollout("a rollout"): RolloutDefinition {
        /// 0 to 100, in steps of 0.001.
        percentage: required Sited<Percentage>,
        /// What identifies a subject: tenant (left out), user, or an attribute.
        by: optional Sited<Owned<Identifier>>,
        /// Who takes part; left out: everyone.
        audience: optional Sited<Condition>,
        /// What the subjects in it are served; left out: on.
        serve: optional Sited<Serve>,
    } => RolloutDefinition { percentage, by, audience, serve }
}

object! {
    /// The time outside of which a flag is off.
    Schedule("a schedule", Needs::AtLeastOne): ScheduleDefinition {
        /// The first moment of it.
        from: optional Sited<Owned<Time>>,
        /// The first moment after it.
        until: optional Sited<Owned<Time>>,
    } => ScheduleDefinition { from, until }
}
