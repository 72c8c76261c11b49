//! The names of a flags document. They are collected first, so that a reference to a flag with problems is
//! not a second problem.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::shards::{Keyed, Shards};
use crate::{FlagDefinition, FlagId, FlagsDefinition, Kind, MAX_FLAGS, SegmentId, TierId, VariantId};

/// The maximum number of assigned flag ids. The id of a removed flag is not reused; at the maximum, all flags get new
/// ids.
pub const MAX_FLAG_IDS: usize = 2 * MAX_FLAGS;

/// The names of one definition and the ids they get. Their parts are shared with the names before and after them.
#[derive(Debug, Clone, Default)]
pub struct Names {
    flags: Shards<Arc<NamedFlag>>,
    /// The number of assigned flag ids, including those of removed flags.
    flag_ids: usize,
    segments: Arc<HashMap<Box<str>, SegmentId>>,
    tiers: Arc<HashMap<Box<str>, TierId>>,
}

/// The meaning of a flag's name: all that gates, tenants and other flags depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFlag {
    /// Its id.
    pub id: FlagId,
    /// Its key as written.
    pub key: Box<str>,
    /// Its kind.
    pub kind: Kind,
    /// The names of its variants, by id.
    pub variants: Box<[Box<str>]>,
    /// The one that means "not given the feature", where it has that.
    pub off: Option<VariantId>,
    /// True if it has the default variants `on` and `off`.
    pub is_boolean: bool,
    /// True if it defines what opting in serves, or has a variant `on`.
    pub(crate) takes_opt_ins: bool,
}

impl Names {
    /// Collects the names. Flags get their ids in key order.
    #[must_use]
    pub fn new(definition: &FlagsDefinition<'_>) -> Self {
        Self::following(definition, &Self::default())
    }

    /// Collects the names. Flags keep their ids of `former`. New flags get unused ids, in key order. If these
    /// would exceed [`MAX_FLAG_IDS`], all flags get new ids.
    #[must_use]
    pub fn following(definition: &FlagsDefinition<'_>, former: &Self) -> Self {
        let mut by_key: BTreeMap<&str, &FlagDefinition> = BTreeMap::new();
        for flag in &definition.flags {
            by_key.entry(&*flag.key.value).or_insert(flag);
        }
        // Ids of removed flags are not reused, since compiled tenants and gates may still hold them. When the
        // ids run out, all flags are numbered again, and everything is compiled again.
        let new = by_key.keys().filter(|key| former.flag(key).is_none()).count();
        let is_full = former.flag_ids.saturating_add(new) > MAX_FLAG_IDS;
        let mut names = Self {
            flags: Shards::default(),
            flag_ids: if is_full { 0 } else { former.flag_ids },
            segments: ids(
                definition.segments.iter().map(|segment| &*segment.name.value),
                SegmentId::from_index,
            ),
            tiers: ids(
                definition.tiers.iter().map(|tier| &*tier.value),
                TierId::from_index,
            ),
        };
        let flags = by_key.into_values();
        let named = flags.filter_map(|flag| {
            let known = former.flags.find(&flag.key.value).filter(|_| !is_full);
            names.named(known, flag)
        });
        names.flags = named.collect();
        names
    }

    /// Returns the names with other definitions of some flags and without the flags of some keys. Ids are
    /// assigned as in [`Names::following`]; `None` if there would be too many.
    #[must_use]
    pub fn with<'d>(
        &self,
        changed: impl IntoIterator<Item = &'d FlagDefinition>,
        removed: impl IntoIterator<Item = &'d str>,
    ) -> Option<Self> {
        let mut names = self.clone();
        for key in removed {
            names.flags.remove(key);
        }
        for flag in changed {
            let named = names.named(self.flags.find(&flag.key.value), flag)?;
            names.flags.put(named);
        }
        names.flags.settle();
        (names.flag_ids <= MAX_FLAG_IDS).then_some(names)
    }

    /// Returns the named flag with its known id, or with a new one.
    fn named(
        &mut self,
        known: Option<&Arc<NamedFlag>>,
        definition: &FlagDefinition,
    ) -> Option<Arc<NamedFlag>> {
        let id = match known {
            Some(known) => known.id,
            None => FlagId::from_index(self.flag_ids)?,
        };
        self.flag_ids = self.flag_ids.max(id.index().saturating_add(1));
        let named = NamedFlag::new(id, definition);
        Some(match known.filter(|known| ***known == named) {
            Some(known) => Arc::clone(known),
            None => Arc::new(named),
        })
    }

    /// Returns the flag with this key.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<&NamedFlag> {
        self.flags.find(key).map(|flag| &**flag)
    }

    /// Returns the keys of all flags, in no particular order.
    pub fn flag_keys(&self) -> impl Iterator<Item = &str> {
        self.flags.iter().map(|flag| &*flag.key)
    }

    /// Returns the names of all segments, in no particular order.
    pub fn segment_names(&self) -> impl Iterator<Item = &str> {
        self.segments.keys().map(|name| &**name)
    }

    /// Returns the names of all tiers, in no particular order.
    pub fn tier_names(&self) -> impl Iterator<Item = &str> {
        self.tiers.keys().map(|name| &**name)
    }

    /// Returns true if the flag of `definition` is among these names with an unchanged meaning.
    #[must_use]
    pub fn has(&self, definition: &FlagDefinition) -> bool {
        self.flag(&definition.key.value)
            .is_some_and(|known| *known == NamedFlag::new(known.id, definition))
    }

    /// Returns the ids of `former` whose meaning has changed, sorted: the flag is gone, or has other
    /// variants.
    #[must_use]
    pub fn moved(&self, former: &Self) -> Vec<FlagId> {
        let moved = former.flags.iter().filter(|flag| !self.keeps(flag));
        let mut moved: Vec<FlagId> = moved.map(|flag| flag.id).collect();
        moved.sort_unstable();
        moved
    }

    /// Returns the same as [`Names::moved`], if only the flags of these keys have changed.
    #[must_use]
    pub fn moved_among<'k>(&self, former: &Self, keys: impl IntoIterator<Item = &'k str>) -> Vec<FlagId> {
        let known = keys.into_iter().filter_map(|key| former.flags.find(key));
        let mut moved: Vec<FlagId> = known
            .filter(|flag| !self.keeps(flag))
            .map(|flag| flag.id)
            .collect();
        moved.sort_unstable();
        moved
    }

    /// Returns true if the flag is among these names unchanged.
    fn keeps(&self, flag: &Arc<NamedFlag>) -> bool {
        let now = self.flags.find(&flag.key);
        now.is_some_and(|now| Arc::ptr_eq(now, flag) || now == flag)
    }

    /// Returns true if tier ids have the same meaning in `other`.
    #[must_use]
    pub fn same_tiers(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tiers, &other.tiers) || self.tiers == other.tiers
    }

    /// Returns true if the ids in conditions and tier defaults have the same meaning in `other`.
    pub(crate) fn has_same_conditions(&self, other: &Self) -> bool {
        let same_segments = Arc::ptr_eq(&self.segments, &other.segments) || self.segments == other.segments;
        same_segments && self.same_tiers(other)
    }

    /// Returns the number of assigned flag ids.
    pub(crate) fn flag_ids(&self) -> usize {
        self.flag_ids
    }

    pub(crate) fn segment(&self, name: &str) -> Option<SegmentId> {
        self.segments.get(name).copied()
    }

    pub(crate) fn tier(&self, name: &str) -> Option<TierId> {
        self.tiers.get(name).copied()
    }
}

/// Returns names with their indices as ids.
fn ids<'n, I>(
    names: impl Iterator<Item = &'n str>,
    id: impl Fn(usize) -> Option<I>,
) -> Arc<HashMap<Box<str>, I>> {
    let named = names
        .enumerate()
        .filter_map(|(index, name)| Some((name.into(), id(index)?)));
    Arc::new(named.collect())
}

impl Keyed for NamedFlag {
    fn key(&self) -> &str {
        &self.key
    }
}

impl NamedFlag {
    fn new(id: FlagId, definition: &FlagDefinition) -> Self {
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

    /// Returns the variant of this name. `true` and `false` are `on` and `off` of a boolean flag.
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
