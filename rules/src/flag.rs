//! A flag, compiled: every name in it is an id, every salt and condition ready to be used.

use crate::{
    FlagId, FlagKey, Kind, Lifecycle, Site, TierId, Timestamp, VariantId, bucket::Bucketing,
    condition::Condition, split::Serve,
};

/// A flag.
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    pub(crate) key: FlagKey,
    pub(crate) site: Site,
    pub(crate) description: Option<Box<str>>,
    pub(crate) owner: Option<Box<str>>,
    pub(crate) kind: Kind,
    /// None for the kinds that have none.
    pub(crate) lifecycle: Option<Lifecycle>,
    pub(crate) enabled: bool,
    pub(crate) variants: Box<[Variant]>,
    pub(crate) off: VariantId,
    pub(crate) default: Serve,
    /// By tier; empty where no tier has a default.
    pub(crate) tiers: Box<[Option<VariantId>]>,
    pub(crate) requires: Box<[Requirement]>,
    pub(crate) rules: Box<[Rule]>,
    pub(crate) rollout: Option<Rollout>,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) opt_in_serves: VariantId,
    pub(crate) final_variant: VariantId,
    pub(crate) salt: Box<str>,
    pub(crate) revertible: bool,
    pub(crate) expires: Option<Box<str>>,
}

/// One of the things a flag can serve.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Its name.
    pub name: Box<str>,
    /// Its value, as JSON text.
    pub value: Box<str>,
    /// How the flags header says that it is served: `dispatch.v2Board`, `checkout.theme;v=blue`.
    pub header_item: Box<str>,
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
    /// In thousandths of a percent: buckets below it are in.
    pub(crate) share: u32,
    pub(crate) bucketing: Bucketing,
    pub(crate) audience: Option<Condition>,
    pub(crate) serve: Serve,
}

/// From when (inclusive) until when (exclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

impl Flag {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> &FlagKey {
        &self.key
    }

    /// Where it was defined.
    #[must_use]
    pub fn site(&self) -> Site {
        self.site
    }

    /// What it is, for people.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Who answers for it.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How far it is; none for the kinds without a lifecycle.
    #[must_use]
    pub fn lifecycle(&self) -> Option<Lifecycle> {
        self.lifecycle
    }

    /// False when it is killed.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Whether it can be turned back without harm.
    #[must_use]
    pub fn is_revertible(&self) -> bool {
        self.revertible
    }

    /// The date after which it should be gone, `2027-03-01`.
    #[must_use]
    pub fn expires(&self) -> Option<&str> {
        self.expires.as_deref()
    }

    /// What its buckets are salted with.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// What it can serve, in the order written.
    #[must_use]
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// The variant with this id.
    #[must_use]
    pub fn variant(&self, id: VariantId) -> Option<&Variant> {
        self.variants.get(id.index())
    }

    /// The id of the variant with this name.
    #[must_use]
    pub fn variant_id(&self, name: &str) -> Option<VariantId> {
        self.variants
            .iter()
            .position(|variant| &*variant.name == name)
            .and_then(VariantId::from_index)
    }

    /// The name of the rule at `place`, as a decision has it.
    #[must_use]
    pub fn rule_name(&self, place: u16) -> Option<&str> {
        self.rules.get(usize::from(place)).map(|rule| &*rule.name)
    }

    /// The flag that the requirement at `place` asks for, as a decision has it.
    #[must_use]
    pub fn required_flag(&self, place: u16) -> Option<FlagId> {
        self.requires
            .get(usize::from(place))
            .map(|requirement| requirement.flag)
    }

    /// The variant that means "not given the feature".
    #[must_use]
    pub fn off(&self) -> VariantId {
        self.off
    }

    /// The tier default for `tier`.
    pub(crate) fn tier_default(&self, tier: TierId) -> Option<VariantId> {
        self.tiers.get(tier.index()).copied().flatten()
    }
}
