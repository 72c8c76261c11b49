//! What a flags document names, before anything else is known of it: so that a reference to a flag that has
//! problems of its own is not a second problem.

use std::collections::{BTreeMap, HashMap};

use crate::{FlagDefinition, FlagId, FlagsDefinition, Kind, SegmentId, TierId, VariantId};

/// The names of one definition and the ids they get.
#[derive(Debug, Default)]
pub struct Names {
    flags: HashMap<Box<str>, NamedFlag>,
    segments: HashMap<Box<str>, SegmentId>,
    tiers: HashMap<Box<str>, TierId>,
}

/// What a name of a flag stands for: all that gates, tenants and other flags depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFlag {
    /// Its id.
    pub id: FlagId,
    /// Its key as written.
    pub key: Box<str>,
    /// What it is for.
    pub kind: Kind,
    /// The names of its variants, by id.
    pub variants: Box<[Box<str>]>,
    /// The one that means "not given the feature", where it has that.
    pub off: Option<VariantId>,
    /// Whether it has the variants `on` and `off` for want of others.
    pub is_boolean: bool,
    /// Whether it says what opting in to it serves, or has a variant `on`.
    pub(crate) takes_opt_ins: bool,
}

impl Names {
    /// Collects the names. Flags get their ids in key order.
    #[must_use]
    pub fn new(definition: &FlagsDefinition<'_>) -> Self {
        let mut by_key: BTreeMap<&str, &FlagDefinition<'_>> = BTreeMap::new();
        for flag in &definition.flags {
            by_key.entry(&*flag.key.value).or_insert(flag);
        }
        let flags = by_key
            .into_iter()
            .enumerate()
            .filter_map(|(index, (key, flag))| {
                let id = FlagId::from_index(index)?;
                Some((key.into(), NamedFlag::new(id, flag)))
            })
            .collect();
        let segments = definition
            .segments
            .iter()
            .enumerate()
            .filter_map(|(index, segment)| {
                Some(((*segment.name.value).into(), SegmentId::from_index(index)?))
            });
        let tiers = definition
            .tiers
            .iter()
            .enumerate()
            .filter_map(|(index, tier)| Some(((*tier.value).into(), TierId::from_index(index)?)));
        Self {
            flags,
            segments: segments.collect(),
            tiers: tiers.collect(),
        }
    }

    /// The flag with this key.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<&NamedFlag> {
        self.flags.get(key)
    }

    /// The keys of all flags, in no particular order.
    pub fn flag_keys(&self) -> impl Iterator<Item = &str> {
        self.flags.keys().map(|key| &**key)
    }

    /// The names of all segments, in no particular order.
    pub fn segment_names(&self) -> impl Iterator<Item = &str> {
        self.segments.keys().map(|name| &**name)
    }

    /// The names of all tiers, in no particular order.
    pub fn tier_names(&self) -> impl Iterator<Item = &str> {
        self.tiers.keys().map(|name| &**name)
    }

    /// Whether `definition` is of a flag that is among these names and stands for what it stood for.
    #[must_use]
    pub fn has(&self, definition: &FlagDefinition<'_>) -> bool {
        self.flag(&definition.key.value)
            .is_some_and(|known| *known == NamedFlag::new(known.id, definition))
    }

    /// Whether the ids of flags, variants and tiers mean what they mean in `other`.
    #[must_use]
    pub fn same_ids(&self, other: &Self) -> bool {
        self.flags == other.flags && self.tiers == other.tiers
    }

    /// Whether the ids that conditions and tier defaults name mean what they mean in `other`.
    pub(crate) fn same_conditions(&self, other: &Self) -> bool {
        self.segments == other.segments && self.tiers == other.tiers
    }

    pub(crate) fn segment(&self, name: &str) -> Option<SegmentId> {
        self.segments.get(name).copied()
    }

    pub(crate) fn tier(&self, name: &str) -> Option<TierId> {
        self.tiers.get(name).copied()
    }
}

impl NamedFlag {
    fn new(id: FlagId, definition: &FlagDefinition<'_>) -> Self {
        let variants: Box<[Box<str>]> = match &definition.variants {
            Some(variants) => variants.iter().map(|(name, _)| (*name.value).into()).collect(),
            None => ["on".into(), "off".into()].into(),
        };
        let mut named = Self {
            id,
            key: (*definition.key.value).into(),
            kind: definition.kind.unwrap_or_default(),
            takes_opt_ins: definition.opt_in_serves.is_some() || variants.iter().any(|name| &**name == "on"),
            is_boolean: definition.variants.is_none(),
            variants,
            off: None,
        };
        let off = definition.off.as_ref().map_or("off", |name| &*name.value);
        named.off = named.variant(off);
        named
    }

    /// The variant of this name; `true` and `false` are `on` and `off` of a boolean flag.
    #[must_use]
    pub fn variant(&self, name: &str) -> Option<VariantId> {
        let name = match name {
            "true" if self.is_boolean => "on",
            "false" if self.is_boolean => "off",
            name => name,
        };
        self.variants
            .iter()
            .position(|variant| **variant == *name)
            .and_then(VariantId::from_index)
    }
}
