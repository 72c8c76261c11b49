//! The form of the flags document. `rules` checks names and numbers further.

use rules::{
    ExposureDefinition, FlagDefinition, Kind, Lifecycle, Name, OwnedName, Policy, RequirementDefinition,
    RolloutDefinition, RuleDefinition, ScheduleDefinition, Sited, StageDefinition, UnknownTenantDefinition,
};

use super::allow::Allow;
use super::condition::Condition;
use super::plan::{BreakerForm, ErrorStatuses, PlanText};
use super::serve::{Identifier, Serve};
use super::tenant::Tenant;
use super::text::{FlagKey, SegmentName, TenantId, TierName, Time, VariantName};
use super::{Needs, UNBOUNDED};
use crate::form::{
    AnyJson, Boolean, Boxed, List, Map, Owned, Percentage, Prose, VariantWord, Version, fields, object,
    single, texts, union, word_of, words,
};

texts! {
    Date: any "a date such as `2027-03-01`";
    Salt: filled "a text";
}

fields! {
    /// Flags, segments and tenants.
    FlagsDocument("a flags document") => FlagsFields {
        /// Version of this format: 1.
        _version("version"): must Version,
        /// Names of the tiers, lowest first.
        tiers: field List<Sited<TierName>, 0, UNBOUNDED>,
        /// Treatment of tenants without a record. Default: as tenants without a tier.
        unknown_tenant: field UnknownTenant,
        /// Eligibility at alpha and beta.
        policy: field EligibilityPolicy,
        /// Named conditions, for rules and audiences.
        segments: field Map<Sited<SegmentName>, Sited<Condition>, 0, UNBOUNDED>,
        /// Flags, by key.
        flags: field Map<Sited<FlagKey>, Option<Flag>, 0, UNBOUNDED>,
        /// Records of tenants, by id.
        tenants: field Map<Sited<TenantId>, Option<Tenant>, 0, UNBOUNDED>,
        /// Warnings about this document that are expected. Default: none. Not kept in a store.
        _allow("allow"): field Allow,
    }
}

impl FlagsDocument {
    pub(crate) const TIERS: &str = word_of!(FlagsFields.tiers);
    pub(crate) const UNKNOWN_TENANT: &str = word_of!(FlagsFields.unknown_tenant);
    pub(crate) const POLICY: &str = word_of!(FlagsFields.policy);
    pub(crate) const SEGMENTS: &str = word_of!(FlagsFields.segments);
    pub(crate) const FLAGS: &str = word_of!(FlagsFields.flags);
    pub(crate) const TENANTS: &str = word_of!(FlagsFields.tenants);
}

union! {
    UnknownTenant("`reject` or `{ tier: NAME }`"): UnknownTenantDefinition {
        scalar RejectWord => |RejectWord::Reject| UnknownTenantDefinition::Reject,
        mapping UnknownTenantTier => UnknownTenantDefinition::Tier,
    }
}

/// The word for unknown tenants that are rejected.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RejectWord {
    Reject,
}
words! { RejectWord { "reject" => Reject } }

single! {
    /// Tier of unknown tenants. They are on channel stable, not internal, and on no list.
    UnknownTenantTier("a tier for unknown tenants") tier: Sited<Owned<TierName>>, "Name of the tier.";
}

object! {
    /// Switches of the eligibility at alpha and beta.
    EligibilityPolicy("a policy"): Policy {
        /// Makes a tenant with an override that is not off eligible for alpha flags. Default: true.
        alpha_overrides: optional Boolean,
        /// Makes a tenant that opted in eligible for beta flags. Default: true.
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
    /// Feature flag: a decision per tenant or user.
    Flag("a flag"): FlagDefinition {
        /// Description for people.
        description: optional Boxed<Prose>,
        /// Person or team that is responsible for the flag.
        owner: optional Boxed<Prose>,
        /// Purpose of the flag. Default: release.
        kind: optional Kind,
        /// Stage of the lifecycle. Default: alpha. `dev` means alpha. Permission and ops flags have none except
        /// `retired`.
        lifecycle: optional Sited<Lifecycle>,
        /// Kill switch: `false` turns the flag off for everyone, at once. Default: true.
        enabled: optional Boolean,
        /// Variant or split that is served if nothing else decides. Default: the off variant.
        default: optional Sited<Serve>,
        /// Values of the variants, by name. Default: `on` and `off`, with the values true and false.
        variants: optional Map<Sited<VariantName>, AnyJson, 2, UNBOUNDED>,
        /// Off variant: the one without the feature. Default: the variant `off`.
        off: optional Sited<Owned<VariantWord>>,
        /// Variants that tiers are served, by tier.
        tiers: default TierVariants,
        /// Flags that must be on for the same subject.
        requires: default List<Requirement, 0, UNBOUNDED>,
        /// Rules with conditions; the first rule that matches decides.
        rules: default List<Rule, 0, UNBOUNDED>,
        /// Rollout to a percentage of the subjects.
        rollout: optional Rollout,
        /// Rollout plan of a new flag. Operators own it afterwards. Default: none.
        plan: optional PlanText,
        /// Stages of a rollout plan in force.
        exposure: stored Exposure,
        /// Period outside of which the flag is off. Default: none.
        schedule: optional Sited<Schedule>,
        /// Declares that the flag can be turned off again without harm. Default: false.
        revertible: optional Boolean,
        /// Revert path: text or link that says how to revert the flag. Default: none.
        revert: optional Boxed<Prose>,
        /// Date by which the flag should be removed.
        expires: optional Sited<Owned<Date>>,
        /// Variant that tenants that opted in are served. Default: the variant `on`.
        opt_in_serves: optional Sited<Owned<VariantWord>>,
        /// Variant that a retired flag serves. Default: the variant `on`.
        final_variant("final"): optional Sited<Owned<VariantWord>>,
        /// Salt of the buckets. Default: the key.
        salt: optional Sited<Owned<Salt>>,
        /// Hash algorithm of the buckets; `xxh3` is the only one. Default: xxh3.
        hash: optional BucketHash,
        /// Warnings about the flag that are expected. Default: none.
        allow: default Allow,
    } => {
        // A second algorithm does not compile here.
        let (None | Some(BucketHash::Xxh3)) = hash;
        let json = |(name, value): (Name<'_>, serde_json::Value)| (name.into_owned(), value.to_string().into_boxed_str());
        let tiers = tiers.into_iter().map(|(tier, variant): (Name<'_>, _)| (tier.into_owned(), variant));
        FlagDefinition {
            key: OwnedName::default(),
            variants: variants.map(|variants| variants.into_iter().map(json).collect()),
            description, owner, kind, lifecycle, enabled, default, off, tiers: tiers.collect(), requires, rules, rollout, plan,
            exposure, schedule,
            revertible, revert, expires, opt_in_serves, final_variant, salt, allow,
        }
    }
}

/// Variants by tier.
pub(crate) type TierVariants = Map<Sited<TierName>, Sited<Owned<VariantWord>>, 0, UNBOUNDED>;

words! { Kind::ALL }
words! { Lifecycle::ALL, "dev" => Alpha }

/// A hash algorithm of buckets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum BucketHash {
    Xxh3,
}
words! { BucketHash { "xxh3" => Xxh3 } }

union! {
    Requirement("a flag key or `{ flag: KEY, is: VARIANT }`"): RequirementDefinition {
        scalar Sited<Owned<FlagKey>> => |flag| RequirementDefinition { flag, is: None },
        mapping RequirementObject => |requirement| requirement,
    }
}

object! {
    /// Flag that must be on, or the variant that it must serve.
    RequirementObject("a requirement"): RequirementDefinition {
        /// Key of the flag.
        flag: required Sited<Owned<FlagKey>>,
        /// Variant that the flag must serve. Default: any except its off variant.
        is: optional Sited<Owned<VariantWord>>,
    } => RequirementDefinition { flag, is }
}

object! {
    /// Condition, and the variant or split that it serves.
    Rule("a rule"): RuleDefinition {
        /// Name, for explanations.
        name: optional Boxed<Prose>,
        /// Condition under which the rule matches.
        when: required Sited<Condition>,
        /// Variant or split that the rule serves.
        serve: required Sited<Serve>,
    } => RuleDefinition { name, when, serve }
}

object! {
    /// Percentage of the subjects, chosen by a stable hash.
    Rollout("a rollout"): RolloutDefinition {
        /// Percentage from 0 to 100, in steps of 0.001.
        percentage: required Sited<Percentage>,
        /// Attribute that selects the bucket: `tenant`, `user` or the name of another. Default: tenant.
        by: optional Sited<Owned<Identifier>>,
        /// Condition that subjects must meet to take part. Default: all take part.
        audience: optional Sited<Condition>,
        /// Variant or split that subjects in the rollout are served. Default: the variant `on`.
        serve: optional Sited<Serve>,
    } => RolloutDefinition { percentage, by, audience, serve }
}

object! {
    /// Stages of a rollout plan in force.
    Exposure("an exposure"): ExposureDefinition {
        /// Attribute that selects the bucket: `tenant`, `user` or the name of another. Default: tenant.
        by: optional Sited<Owned<Identifier>>,
        /// Variant or split that admitted subjects are served. Default: the variant `on`.
        serve: optional Sited<Serve>,
        /// Stages, from the first one to the current one; none before the plan starts.
        stages: required Sited<List<Stage, 0, UNBOUNDED>>,
        /// Statuses that are errors, besides those from 500. Default: none.
        errors: default ErrorStatuses,
        /// Circuit breaker: turns the flag off for one tenant whose requests fail. Default: none.
        breaker: optional BreakerForm,
    } => ExposureDefinition { by, serve, stages, errors, breaker }
}

object! {
    /// Stage of a rollout plan.
    Stage("a stage in force"): StageDefinition {
        /// Name, for explanations.
        name: required Boxed<Prose>,
        /// Condition that subjects must meet to take part. Default: all take part.
        audience: optional Sited<Condition>,
        /// Percentage from 0 to 100, in steps of 0.001.
        percentage: required Sited<Percentage>,
    } => StageDefinition { name, audience, percentage }
}

object! {
    /// Period outside of which a flag is off.
    Schedule("a schedule", Needs::AtLeastOne): ScheduleDefinition {
        /// First moment of the period. Default: no beginning.
        from: optional Sited<Owned<Time>>,
        /// First moment after the period. Default: no end.
        until: optional Sited<Owned<Time>>,
    } => ScheduleDefinition { from, until }
}
