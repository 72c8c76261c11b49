//! Compiles parts of what was compiled before: flags of which a few changed, tenants on their own. What is not
//! touched is shared, and ids that were given stay.

use std::collections::HashSet;
use std::sync::Arc;

use crate::{
    DefinitionProblem, Eligibility, Flag, FlagDefinition, FlagId, Flags, FlagsDefinition, Names, Site,
    Tenant, TenantDefinition, flags::FlagSlot,
};

use super::{FlagsCompiler, MAX_FLAGS, cost};

/// The result of an earlier compilation that is largely reused.
#[derive(Clone, Copy)]
pub struct Former<'f> {
    /// The flags.
    pub flags: &'f Flags,
    /// Their names.
    pub names: &'f Names,
    /// Returns true if the definition of the flag with this key is unchanged.
    pub is_kept: &'f dyn Fn(&str) -> bool,
}

/// Compiles the flags of a definition whose names are `names`. Attributes keep their ids. Unchanged flags
/// whose ids all have the same meaning are shared.
///
/// # Errors
/// All problems of the definition.
pub fn compile_flags(
    definition: &FlagsDefinition<'_>,
    names: &Names,
    eligibility: Eligibility,
    former: Former<'_>,
) -> Result<Flags, Vec<DefinitionProblem>> {
    let mut compiler = FlagsCompiler::new(names, Arc::clone(&former.flags.attributes));
    let (slots, segments) = (&former.flags.slots, &former.flags.segments);
    compiler.reuse_patterns(slots.iter().flatten().flat_map(|flag| flag.conditions()));
    compiler.reuse_patterns(segments.iter().map(|segment| &segment.condition));
    let flags = compiler.whole(definition, eligibility, &former.reusable(names));
    if compiler.problems.is_empty() {
        Ok(flags)
    } else {
        Err(compiler.problems.into_vec())
    }
}

impl Former<'_> {
    /// Returns a function that finds the reusable compiled flag of a definition. Compiled flags refer to
    /// tiers, segments and required flags by ids, so the meaning of these must be unchanged.
    fn reusable<'r>(&'r self, names: &'r Names) -> impl Fn(&FlagDefinition) -> Option<Arc<Flag>> + 'r {
        // The ids of segments and tiers are indices: if one is added or removed, compiled conditions are
        // invalid.
        let same_conditions = names.has_same_conditions(self.names);
        let stays = |key: &str| {
            names
                .flag(key)
                .is_some_and(|now| self.names.flag(key) == Some(now))
        };
        move |definition| {
            let key = &*definition.key.value;
            let mut required = definition.requires.iter().map(|required| &*required.flag.value);
            let is_kept = same_conditions && (self.is_kept)(key) && required.all(stays);
            let known = self.names.flag(key).filter(|_| is_kept)?;
            self.flags.slots.get(known.id.index())?.clone()
        }
    }
}

/// Compiles the records of some tenants of `flags`, whose ids are all different and whose names are `names`.
///
/// # Errors
/// All problems of the records.
pub fn compile_tenants<'d>(
    definitions: impl IntoIterator<Item = &'d TenantDefinition<'d>>,
    names: &Names,
    flags: &Flags,
) -> Result<Vec<Tenant>, Vec<DefinitionProblem>> {
    let mut compiler = FlagsCompiler::new(names, Arc::clone(&flags.attributes));
    let definitions = definitions.into_iter();
    let tenants = definitions.filter_map(|tenant| compiler.tenant(tenant)).collect();
    if compiler.problems.is_empty() {
        Ok(tenants)
    } else {
        Err(compiler.problems.into_vec())
    }
}

impl Flags {
    /// Returns a copy with some flags added or replaced, and without the flags of some keys. A key in both lists is
    /// replaced. `names` are those of the resulting flags ([`Names::with`]). Attributes that conditions read for the
    /// first time are added.
    ///
    /// # Errors
    /// All problems of the changed flags.
    pub fn with<'d>(
        &self,
        changed: impl IntoIterator<Item = &'d FlagDefinition>,
        removed: impl IntoIterator<Item = &'d str>,
        names: &Names,
    ) -> Result<Self, Vec<DefinitionProblem>> {
        let mut compiler = FlagsCompiler::new(names, Arc::clone(&self.attributes));
        // A change such as a kill compiles a flag again, but its expressions stay the same.
        let changed: Vec<&FlagDefinition> = changed.into_iter().collect();
        let former = changed
            .iter()
            .filter_map(|flag| self.flag(self.id(&flag.key.value)?));
        former.for_each(|flag| compiler.reuse_patterns(flag.conditions()));
        let mut slots = self.slots.to_vec();
        slots.resize(names.flag_ids(), None);
        let (mut removed_ids, mut added_ids) = (HashSet::new(), Vec::new());
        // Removed first: their slots stay empty, because an id is never given to another flag.
        for id in removed.into_iter().filter_map(|key| self.id(key)) {
            if let Some(slot) = slots.get_mut(id.index()) {
                *slot = None;
                removed_ids.insert(id);
            }
        }
        let mut repriced = Vec::new();
        for definition in changed {
            let compiled = compiler.flag(definition);
            let id = names.flag(&definition.key.value).map(|flag| flag.id);
            let (Some(id), Some(compiled)) = (id, compiled) else {
                continue;
            };
            if let Some(slot) = slots.get_mut(id.index()) {
                let before = slot.replace(Arc::new(compiled));
                let now = slot.as_deref();
                let is_same = |(before, now): (Arc<Flag>, &Flag)| cost::is_same(&before, now);
                // Checking costs is the expensive part, so unchanged requirements and conditions skip it.
                if !before.zip(now).is_some_and(is_same) {
                    repriced.push(id);
                }
            }
            // A key that is removed and defined again keeps its id, and so its place in the order.
            removed_ids.remove(&id);
            if self.flag(id).is_none() {
                added_ids.push(id);
            }
        }
        let order = self.reordered(&slots, &removed_ids, added_ids);
        let problems = &mut compiler.problems;
        problems.limit(Site::default(), "flags", MAX_FLAGS, order.len());
        compiler.check_patterns(&slots, &self.segments);
        let problems = &mut compiler.problems;
        if problems.is_empty() && !repriced.is_empty() {
            cost::check_some(&slots, &self.segments, &repriced, problems);
        }
        if !problems.is_empty() {
            return Err(compiler.problems.into_vec());
        }
        Ok(Self {
            slots: slots.into(),
            order,
            attributes: compiler.attributes,
            ..self.clone()
        })
    }

    /// Returns the ids in key order, without those in `removed_ids` and with those in `added_ids`.
    fn reordered(
        &self,
        slots: &[FlagSlot],
        removed_ids: &HashSet<FlagId>,
        added_ids: Vec<FlagId>,
    ) -> Arc<[FlagId]> {
        if removed_ids.is_empty() && added_ids.is_empty() {
            return Arc::clone(&self.order);
        }
        let key_of = |id: FlagId| slots.get(id.index())?.as_deref().map(|flag| flag.key.as_str());
        let mut added_ids: Vec<(&str, FlagId)> = added_ids
            .into_iter()
            .filter_map(|id| Some((key_of(id)?, id)))
            .collect();
        added_ids.sort_unstable();
        let stay = |ids: &[FlagId]| {
            ids.iter()
                .copied()
                .filter(|id| !removed_ids.contains(id))
                .collect::<Vec<_>>()
        };
        // Merges two sorted lists: the former order and the new keys.
        let mut order = Vec::with_capacity(self.order.len().saturating_add(added_ids.len()));
        let mut rest = &*self.order;
        for (key, id) in added_ids {
            let place = self.place(key).unwrap_or_else(|place| place);
            let passed = self.order.len().saturating_sub(rest.len());
            let (before, after) = rest
                .split_at_checked(place.saturating_sub(passed))
                .unwrap_or_default();
            order.extend(stay(before));
            order.push(id);
            rest = after;
        }
        order.extend(stay(rest));
        order.into()
    }

    /// Returns the keys of the flags that directly require one of `flags`, which are sorted.
    pub fn requiring<'f>(&'f self, flags: &'f [FlagId]) -> impl Iterator<Item = &'f str> {
        let concerned = |flag: &Flag| {
            let mut required = flag.requires.iter();
            required.any(|required| flags.binary_search(&required.flag).is_ok())
        };
        let requiring = self.slots.iter().flatten().filter(move |flag| concerned(flag));
        requiring.map(|flag| flag.key.as_str())
    }

    /// Returns a copy for an environment with this enforcement of lifecycles.
    #[must_use]
    pub fn in_environment(&self, eligibility: Eligibility) -> Self {
        Self {
            eligibility,
            ..self.clone()
        }
    }

    /// Returns true if conditions read the same attributes as in `other`, by the same ids.
    #[must_use]
    pub fn same_attributes(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.attributes, &other.attributes)
            || self.attributes.names() == other.attributes.names()
    }

    /// Returns true if the ids of flags and variants have the same meaning in `other`.
    #[must_use]
    pub fn has_same_variants(&self, other: &Self) -> bool {
        let same_names = |a: &Flag, b: &Flag| {
            let names = b.variants.iter().map(|variant| &variant.name);
            a.key == b.key && a.variants.iter().map(|variant| &variant.name).eq(names)
        };
        let same = |(a, b): (&FlagSlot, &FlagSlot)| match (a, b) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || same_names(a, b),
            (None, None) => true,
            _ => false,
        };
        self.slots.len() == other.slots.len() && self.slots.iter().zip(&*other.slots).all(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sited;

    fn flag(key: &'static str, enabled: bool) -> FlagDefinition {
        FlagDefinition {
            key: Sited::new(key.into(), Site::default()),
            enabled: Some(enabled),
            ..FlagDefinition::default()
        }
    }

    #[test]
    fn a_flag_removed_and_defined_again_is_found_by_its_key() {
        let (names, flags) = (Names::default(), Flags::none(Eligibility::Enforced));
        let written = ["a", "b", "c"].map(|key| flag(key, true));
        let names = names.with(&written, []).unwrap();
        let flags = flags.with(&written, [], &names).unwrap();
        let again = [flag("b", false)];
        let names = names.with(&again, ["b", "c"]).unwrap();
        let flags = flags.with(&again, ["b", "c"], &names).unwrap();
        let keys: Vec<&str> = flags.iter().map(|(_, flag)| flag.key().as_str()).collect();
        assert_eq!(keys, ["a", "b"]);
        let id = flags.id("b").unwrap();
        assert_eq!(names.flag("b").map(|named| named.id), Some(id));
        assert!(!flags.flag(id).unwrap().enabled);
    }
}
