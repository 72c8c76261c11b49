//! Compiles parts of what was compiled before: flags of which a few changed, tenants on their own. What is not
//! touched is shared, and ids that were given stay.

use std::sync::Arc;

use crate::{
    Eligibility, Flag, FlagDefinition, Flags, FlagsDefinition, Names, Problem, Tenant, TenantDefinition,
};

use super::{Compiler, cost};

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
) -> Result<Flags, Vec<Problem>> {
    let mut compiler = Compiler::new(names, Arc::clone(&former.flags.attributes));
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
    fn reusable<'r>(&'r self, names: &'r Names) -> impl Fn(&FlagDefinition<'_>) -> Option<Arc<Flag>> + 'r {
        let same_ids = names.same_conditions(self.names);
        move |definition| {
            let key = &*definition.key.value;
            let is_kept = same_ids && definition.requires.is_empty() && (self.is_kept)(key);
            let known = self.flags.id(key).filter(|_| is_kept)?;
            self.flags.flags.get(known.index()).cloned()
        }
    }
}

/// Compiles the records of some tenants of `flags`, whose names are `names`.
pub fn compile_tenants(
    definitions: &[TenantDefinition<'_>],
    names: &Names,
    flags: &Flags,
) -> Result<Vec<Tenant>, Vec<Problem>> {
    let mut compiler = Compiler::new(names, Arc::clone(&flags.attributes));
    let tenants = compiler.tenants(definitions);
    if compiler.problems.is_empty() {
        Ok(tenants)
    } else {
        Err(compiler.problems.into_vec())
    }
}

impl Flags {
    /// The same with other definitions of some flags. `names` are theirs, and have each of the definitions
    /// ([`Names::has`]). What conditions begin to read is added to the attributes.
    pub fn with<'d>(
        &self,
        changed: impl IntoIterator<Item = &'d FlagDefinition<'d>>,
        names: &Names,
    ) -> Result<Self, Vec<Problem>> {
        let mut compiler = Compiler::new(names, Arc::clone(&self.attributes));
        let mut flags: Vec<Arc<Flag>> = self.flags.to_vec();
        let mut costs_as_before = true;
        for definition in changed {
            let compiled = compiler.flag(definition);
            let id = names.flag(&definition.key.value).map(|flag| flag.id);
            let place = id.and_then(|id| flags.get_mut(id.index()));
            if let (Some(place), Some(compiled)) = (place, compiled) {
                costs_as_before &= cost::is_same(place, &compiled);
                *place = Arc::new(compiled);
            }
        }
        if compiler.problems.is_empty() && !costs_as_before {
            cost::check(&flags, &self.segments, &mut compiler.problems);
        }
        if !compiler.problems.is_empty() {
            return Err(compiler.problems.into_vec());
        }
        Ok(Self {
            flags: flags.into(),
            attributes: compiler.attributes,
            ..self.clone()
        })
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
        Arc::ptr_eq(&self.attributes, &other.attributes) || self.attributes.names == other.attributes.names
    }

    /// Whether the ids of flags and variants mean what they mean in `other`.
    #[must_use]
    pub fn same_variants(&self, other: &Self) -> bool {
        let same_names = |a: &Flag, b: &Flag| {
            let names = b.variants.iter().map(|variant| &variant.name);
            a.key == b.key && a.variants.iter().map(|variant| &variant.name).eq(names)
        };
        let same = |(a, b): (&Arc<Flag>, &Arc<Flag>)| Arc::ptr_eq(a, b) || same_names(a, b);
        self.flags.len() == other.flags.len() && self.flags.iter().zip(&*other.flags).all(same)
    }
}
