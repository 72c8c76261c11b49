//! Compiles parts of what was compiled before: flags of which a few changed, tenants on their own. What is not
//! touched is shared, and ids that were given stay.

use std::collections::HashSet;
use std::sync::Arc;

use crate::{
    DefinitionProblem, Eligibility, Flag, FlagDefinition, FlagId, Flags, FlagsDefinition, Names, Site,
    Tenant, TenantDefinition, flags::FlagSlot,
};

use super::{FlagsCompiler, MAX_FLAGS, cost};

/// What was compiled before, where much of it was the same.
#[derive(Clone, Copy)]
pub struct Former<'f> {
    /// The flags.
    pub flags: &'f Flags,
    /// Their names.
    pub names: &'f Names,
    /// Whether the definition of the flag with this key is what it was.
    pub is_kept: &'f dyn Fn(&str) -> bool,
}

/// Compiles the flags of a definition whose names are `names`. Attributes keep the ids that they had, and flags
/// that are kept and refer to no id that may be another now are shared.
pub fn compile_flags(
    definition: &FlagsDefinition<'_>,
    names: &Names,
    eligibility: Eligibility,
    former: Former<'_>,
) -> Result<Flags, Vec<DefinitionProblem>> {
    let mut compiler = FlagsCompiler::new(names, Arc::clone(&former.flags.attributes));
    let flags = compiler.whole(definition, eligibility, &former.reusable(names));
    if compiler.problems.is_empty() {
        Ok(flags)
    } else {
        Err(compiler.problems.into_vec())
    }
}

impl Former<'_> {
    /// What is known of a flag, by its definition: compiled flags name tiers, segments and the flags that they
    /// require by ids.
    fn reusable<'r>(&'r self, names: &'r Names) -> impl Fn(&FlagDefinition) -> Option<Arc<Flag>> + 'r {
        let same_conditions = names.same_conditions(self.names);
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
    /// The same with other definitions of some flags, new flags among them, and without the flags of some keys.
    /// `names` are those of all flags then ([`Names::with`]). What conditions begin to read is added to the
    /// attributes.
    pub fn with<'d>(
        &self,
        changed: impl IntoIterator<Item = &'d FlagDefinition>,
        removed: impl IntoIterator<Item = &'d str>,
        names: &Names,
    ) -> Result<Self, Vec<DefinitionProblem>> {
        let mut compiler = FlagsCompiler::new(names, Arc::clone(&self.attributes));
        let mut slots = self.slots.to_vec();
        slots.resize(names.flag_ids(), None);
        let (mut gone, mut come) = (HashSet::new(), Vec::new());
        for id in removed.into_iter().filter_map(|key| self.id(key)) {
            if let Some(slot) = slots.get_mut(id.index()) {
                *slot = None;
                gone.insert(id);
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
                if !before.zip(now).is_some_and(is_same) {
                    repriced.push(id);
                }
            }
            if self.flag(id).is_none() {
                come.push(id);
            }
        }
        let order = self.reordered(&slots, &gone, come);
        let problems = &mut compiler.problems;
        problems.limit(Site::default(), "flags", MAX_FLAGS, order.len());
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

    /// The ids in key order, without those of flags that are gone and with those of flags that have come.
    fn reordered(&self, slots: &[FlagSlot], gone: &HashSet<FlagId>, come: Vec<FlagId>) -> Arc<[FlagId]> {
        if gone.is_empty() && come.is_empty() {
            return Arc::clone(&self.order);
        }
        let key_of = |id: FlagId| slots.get(id.index())?.as_deref().map(|flag| flag.key.as_str());
        let mut come: Vec<(&str, FlagId)> = come
            .into_iter()
            .filter_map(|id| Some((key_of(id)?, id)))
            .collect();
        come.sort_unstable();
        let stay = |ids: &[FlagId]| {
            ids.iter()
                .copied()
                .filter(|id| !gone.contains(id))
                .collect::<Vec<_>>()
        };
        let mut order = Vec::with_capacity(self.order.len().saturating_add(come.len()));
        let mut rest = &*self.order;
        for (key, id) in come {
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

    /// The keys of the flags that require one of these directly, which are sorted.
    pub fn requiring<'f>(&'f self, flags: &'f [FlagId]) -> impl Iterator<Item = &'f str> {
        let concerned = |flag: &Flag| {
            let mut required = flag.requires.iter();
            required.any(|required| flags.binary_search(&required.flag).is_ok())
        };
        let requiring = self.slots.iter().flatten().filter(move |flag| concerned(flag));
        requiring.map(|flag| flag.key.as_str())
    }

    /// The same in an environment that does, or does not, enforce the lifecycle.
    #[must_use]
    pub fn in_environment(&self, eligibility: Eligibility) -> Self {
        Self {
            eligibility,
            ..self.clone()
        }
    }

    /// Whether conditions read the attributes that they read in `other`, by the same ids.
    #[must_use]
    pub fn same_attributes(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.attributes, &other.attributes)
            || self.attributes.names() == other.attributes.names()
    }

    /// Whether the ids of flags and variants mean what they mean in `other`.
    #[must_use]
    pub fn same_variants(&self, other: &Self) -> bool {
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
