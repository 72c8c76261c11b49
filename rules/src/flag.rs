//! A flag, compiled: every name in it is an id, every salt and condition ready to be used.

use crate::{
    Breaker, FlagId, FlagKey, Kind, Lifecycle, Site, TierId, Timestamp, VariantId, bucket::Bucketing,
    condition::Condition, exposure::Exposure, split::Serve,
};

/// The separator of the items in the flags header (RFC 9651 section 4.1.1).
pub(crate) const SEPARATOR: &str = ", ";

/// A flag.
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    pub(crate) key: FlagKey,
    pub(crate) site: Site,
    pub(crate) description: Option<Box<str>>,
    pub(crate) owner: Option<Box<str>>,
    pub(crate) kind: Kind,
    /// `None` for kinds without a lifecycle.
    pub(crate) lifecycle: Option<Lifecycle>,
    pub(crate) enabled: bool,
    pub(crate) variants: Box<[Variant]>,
    pub(crate) off: VariantId,
    pub(crate) default: Serve,
    /// By tier; empty where no tier has a default.
    pub(crate) tiers: Box<[Option<VariantId>]>,
    pub(crate) requires: Box<[Requirement]>,
    pub(crate) rules: Box<[Rule]>,
    /// `None` while there is an exposure, which replaces it.
    pub(crate) rollout: Option<Rollout>,
    /// On the heap, because few flags have one.
    pub(crate) exposure: Option<Box<Exposure>>,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) opt_in_serves: VariantId,
    pub(crate) final_variant: VariantId,
    pub(crate) salt: Box<str>,
    pub(crate) revertible: bool,
    /// The first line of the decision table that can apply to a tenant that is on no list of the flag.
    pub(crate) start: TableStart,
    pub(crate) expires: Option<Box<str>>,
}

/// The line of the decision table (docs/flags.md) with which a decision starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableStart {
    First,
    /// Line 10.
    Rules,
    /// Line 12.
    Rollout,
}

/// One of the things a flag can serve.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Its name.
    pub name: Box<str>,
    /// Its value, as JSON text.
    pub value: Box<str>,
    /// The item in the flags header while it is served, behind the separator of the list: `, dispatch.v2Board`,
    /// `, checkout.theme;v=blue`. With it, an item is added by one copy.
    pub list_item: Box<str>,
}

/// A flag that another depends on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Requirement {
    pub(crate) flag: FlagId,
    /// The variant it must serve; none: any but its off variant.
    pub(crate) is: Option<VariantId>,
}

/// A condition and what it serves.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    pub(crate) name: Box<str>,
    pub(crate) when: Condition,
    pub(crate) serve: Serve,
}

/// A percentage rollout.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rollout {
    /// The share in thousandths of a percent: buckets below it are in the rollout.
    pub(crate) share: u32,
    pub(crate) bucketing: Bucketing,
    pub(crate) audience: Option<Condition>,
    pub(crate) serve: Serve,
}

/// A schedule, from `from` (inclusive) to `until` (exclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

impl Flag {
    /// Returns its key.
    #[must_use]
    pub fn key(&self) -> &FlagKey {
        &self.key
    }

    /// Returns the place of its definition.
    #[must_use]
    pub fn site(&self) -> Site {
        self.site
    }

    /// Returns its description for people.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Returns the person or team responsible for it.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// Returns its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns its lifecycle; `None` for kinds without one.
    #[must_use]
    pub fn lifecycle(&self) -> Option<Lifecycle> {
        self.lifecycle
    }

    /// Returns false if it is killed.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Returns true if turning it off again does no harm.
    #[must_use]
    pub fn is_revertible(&self) -> bool {
        self.revertible
    }

    /// Returns the date by which it should be removed, `2027-03-01`.
    #[must_use]
    pub fn expires(&self) -> Option<&str> {
        self.expires.as_deref()
    }

    /// Returns the salt of its buckets.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// Returns its variants, in the order written.
    #[must_use]
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// Returns the variant with this id.
    #[must_use]
    pub fn variant(&self, id: VariantId) -> Option<&Variant> {
        self.variants.get(id.index())
    }

    /// Returns the name of the rule at `place`, as in a decision.
    #[must_use]
    pub fn rule_name(&self, place: u16) -> Option<&str> {
        self.rules.get(usize::from(place)).map(|rule| &*rule.name)
    }

    /// Returns true if it has a rollout plan, started or not.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        self.exposure.is_some()
    }

    /// Returns the statuses that are errors of it besides 5xx, by its rollout plan.
    #[must_use]
    pub fn error_statuses(&self) -> &[u16] {
        self.exposure.as_deref().map_or(&[], |exposure| &exposure.errors)
    }

    /// Returns the circuit breaker of its rollout plan.
    #[must_use]
    pub fn breaker(&self) -> Option<&Breaker> {
        self.exposure.as_deref()?.breaker.as_ref()
    }

    /// Returns the name of the stage at `place`, as in a decision by `rollout` or `held_back`.
    #[must_use]
    pub fn stage_name(&self, place: u16) -> Option<&str> {
        let stages = &self.exposure.as_deref()?.stages;
        stages.get(usize::from(place)).map(|stage| &*stage.name)
    }

    /// Returns true if each stage is at 0 %, as after a rollback.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        let exposure = self.exposure.as_deref();
        exposure.is_some_and(|exposure| !exposure.may_admit())
    }

    /// Returns the flag of the requirement at `place`, as in a decision.
    #[must_use]
    pub fn required_flag(&self, place: u16) -> Option<FlagId> {
        self.requires
            .get(usize::from(place))
            .map(|requirement| requirement.flag)
    }

    /// Returns the variant that means "not given the feature".
    #[must_use]
    pub fn off(&self) -> VariantId {
        self.off
    }

    /// Returns the flag with [`Flag::start`] as its other fields require it.
    #[must_use]
    pub(crate) fn with_start(mut self) -> Self {
        let is_open = self.enabled
            && matches!(self.lifecycle, Some(Lifecycle::Ga) | None)
            && self.schedule.is_none()
            && self.requires.is_empty()
            && self
                .exposure
                .as_ref()
                .is_none_or(|exposure| exposure.stages.is_empty());
        self.start = match (is_open, self.rules.is_empty()) {
            (false, _) => TableStart::First,
            (true, false) => TableStart::Rules,
            (true, true) => TableStart::Rollout,
        };
        self
    }

    /// Returns every condition of the flag itself, without those of segments.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let rules = self.rules.iter().map(|rule| &rule.when);
        let rollout = self
            .rollout
            .iter()
            .filter_map(|rollout| rollout.audience.as_ref());
        let stages = self.exposure.iter().flat_map(|exposure| &exposure.stages);
        let stages = stages.filter_map(|stage| stage.audience.as_ref());
        rules.chain(rollout).chain(stages)
    }

    /// Returns the default for `tier`.
    pub(crate) fn tier_default(&self, tier: TierId) -> Option<VariantId> {
        self.tiers.get(tier.index()).copied().flatten()
    }
}
