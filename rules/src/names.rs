//! What a flags document names, before anything else is known of it: so that a reference to a flag that has
//! problems of its own is not a second problem.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::shards::{Keyed, Shards};
use crate::{FlagDefinition, FlagId, FlagsDefinition, Kind, MAX_FLAGS, SegmentId, TierId, VariantId};

/// The most ids of flags that are given before all flags get new ones: as flags come and go, those of the gone are
/// given to no other.
pub const MAX_FLAG_IDS: usize = 2 * MAX_FLAGS;

/// The names of one definition and the ids they get. Their parts are shared with the names before and after them.
#[derive(Debug, Clone, Default)]
pub struct Names {
    flags: Shards<NamedFlag>,
    /// How many ids of flags were given, those of flags included that are gone.
    flag_ids: usize,
    segments: Arc<HashMap<Box<str>, SegmentId>>,
    tiers: Arc<HashMap<Box<str>, TierId>>,
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
        Self::following(definition, &Self::default())
    }

    /// Collects the names. Flags keep the ids that they have among `former`, and new ones get, in key order, ids that
    /// no flag has had; where these would be more than [`MAX_FLAG_IDS`] all flags get theirs anew.
    #[must_use]
    pub fn following(definition: &FlagsDefinition<'_>, former: &Self) -> Self {
        let mut by_key: BTreeMap<&str, &FlagDefinition> = BTreeMap::new();
        for flag in &definition.flags {
            by_key.entry(&*flag.key.value).or_insert(flag);
        }
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

    /// The same with other definitions of some flags and without the flags of some keys, their ids given as in
    /// [`Names::following`]; none where there would be too many.
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
        names.flags.spread();
        (names.flag_ids <= MAX_FLAG_IDS).then_some(names)
    }

    /// The flag by the id that it is known by, or by a new one.
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

    /// The flag with this key.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<&NamedFlag> {
        self.flags.find(key).map(|flag| &**flag)
    }

    /// The keys of all flags, in no particular order.
    pub fn flag_keys(&self) -> impl Iterator<Item = &str> {
        self.flags.shared().map(|flag| &*flag.key)
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
    pub fn has(&self, definition: &FlagDefinition) -> bool {
        self.flag(&definition.key.value)
            .is_some_and(|known| *known == NamedFlag::new(known.id, definition))
    }

    /// The ids that flags have among `former` and that no longer mean what they meant: the flag is gone, or has other
    /// variants, say. Sorted.
    #[must_use]
    pub fn moved(&self, former: &Self) -> Vec<FlagId> {
        let moved = former.flags.shared().filter(|flag| !self.keeps(flag));
        let mut moved: Vec<FlagId> = moved.map(|flag| flag.id).collect();
        moved.sort_unstable();
        moved
    }

    /// The same, where no flags have changed but those of these keys.
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

    /// Whether there is this very flag.
    fn keeps(&self, flag: &Arc<NamedFlag>) -> bool {
        let now = self.flags.find(&flag.key);
        now.is_some_and(|now| Arc::ptr_eq(now, flag) || now == flag)
    }

    /// Whether the ids of tiers mean what they mean in `other`.
    #[must_use]
    pub fn same_tiers(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tiers, &other.tiers) || self.tiers == other.tiers
    }

    /// Whether the ids that conditions and tier defaults name mean what they mean in `other`.
    pub(crate) fn same_conditions(&self, other: &Self) -> bool {
        let same_segments = Arc::ptr_eq(&self.segments, &other.segments) || self.segments == other.segments;
        same_segments && self.same_tiers(other)
    }

    /// How many ids of flags were given.
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

/// Names with the ids of their places.
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
