//! What a flags document names, before anything else is known of it: so that a reference to a flag that has
//! problems of its own is not a second problem.

use std::collections::{BTreeMap, HashMap};

use crate::{FlagDefinition, FlagId, FlagsDefinition, Kind, SegmentId, TierId, VariantId};

/// The names of one definition and the ids they get.
#[derive(Debug)]
pub struct Names<'d> {
    flags: HashMap<&'d str, NamedFlag<'d>>,
    segments: HashMap<&'d str, SegmentId>,
    tiers: HashMap<&'d str, TierId>,
}

/// What a name of a flag stands for.
#[derive(Debug)]
pub struct NamedFlag<'d> {
    /// Its id.
    pub id: FlagId,
    /// Its key as written.
    pub key: &'d str,
    /// What it is for.
    pub kind: Kind,
    /// The names of its variants, by id.
    pub variants: Vec<&'d str>,
    /// Whether it has the variants `on` and `off` for want of others.
    pub is_boolean: bool,
}

impl<'d> Names<'d> {
    /// Collects the names. Flags get their ids in key order.
    #[must_use]
    pub fn new(definition: &'d FlagsDefinition<'_>) -> Self {
        let mut by_key: BTreeMap<&'d str, &'d FlagDefinition<'_>> = BTreeMap::new();
        for flag in &definition.flags {
            by_key.entry(&*flag.key.value).or_insert(flag);
        }
        let flags = by_key
            .into_iter()
            .enumerate()
            .filter_map(|(index, (key, flag))| {
                let variants = match &flag.variants {
                    Some(variants) => variants.iter().map(|(name, _)| &*name.value).collect(),
                    None => vec!["on", "off"],
                };
                let id = FlagId::from_index(index)?;
                let kind = flag.kind.unwrap_or_default();
                Some((
                    key,
                    NamedFlag {
                        id,
                        key,
                        kind,
                        variants,
                        is_boolean: flag.variants.is_none(),
                    },
                ))
            })
            .collect();
        let segments = definition
            .segments
            .iter()
            .enumerate()
            .filter_map(|(index, segment)| Some((&*segment.name.value, SegmentId::from_index(index)?)));
        let tiers = definition
            .tiers
            .iter()
            .enumerate()
            .filter_map(|(index, tier)| Some((&*tier.value, TierId::from_index(index)?)));
        Self {
            flags,
            segments: segments.collect(),
            tiers: tiers.collect(),
        }
    }

    /// The flag with this key.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<&NamedFlag<'d>> {
        self.flags.get(key)
    }

    /// The keys of all flags, in no particular order.
    pub fn flag_keys(&self) -> impl Iterator<Item = &'d str> {
        self.flags.keys().copied()
    }

    /// The names of all segments, in no particular order.
    pub fn segment_names(&self) -> impl Iterator<Item = &'d str> {
        self.segments.keys().copied()
    }

    /// The names of all tiers, in no particular order.
    pub fn tier_names(&self) -> impl Iterator<Item = &'d str> {
        self.tiers.keys().copied()
    }

    pub(crate) fn segment(&self, name: &str) -> Option<SegmentId> {
        self.segments.get(name).copied()
    }

    pub(crate) fn tier(&self, name: &str) -> Option<TierId> {
        self.tiers.get(name).copied()
    }
}

impl NamedFlag<'_> {
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
            .position(|variant| *variant == name)
            .and_then(VariantId::from_index)
    }
}
