//! From names to ids: checks a flags definition and builds what `decide` reads. Every problem is found in one go;
//! with a single one there is no result.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{
    DefinitionProblem, Eligibility, FlagDefinition, FlagId, Flags, FlagsDefinition, Name, NamedFlag, Names,
    Noun, ProblemKind, Site, Tenants, TierId, UnknownTenant, UnknownTenantDefinition, VariantId,
    flags::FlagSlot,
};

mod condition;
mod cost;
mod flag;
mod part;
mod serve;
mod tenant;

pub use part::{Former, compile_flags, compile_tenants};

/// The most flags in a document.
pub const MAX_FLAGS: usize = 10_000;
/// The most segments in a document.
pub const MAX_SEGMENTS: usize = 10_000;
/// The most tiers in a document.
pub const MAX_TIERS: usize = 100;
/// The most rules in a flag.
pub const MAX_RULES: usize = 1_000;
/// The most variants in a flag.
pub const MAX_VARIANTS: usize = 100;
/// The most flags that a flag requires.
pub const MAX_REQUIRES: usize = 100;
/// The most values in a clause.
pub const MAX_VALUES: usize = 10_000;
/// The deepest that conditions and gates are nested, segments refer to segments, and flags require flags.
pub const MAX_NESTING: usize = 16;
/// The most clauses, or values of clauses, that deciding one flag may have to look at, required flags included.
pub const MAX_DECISION_COST: usize = 100_000;
/// Longest name of a variant, tier or segment, in bytes.
pub const MAX_NAME: usize = 64;

/// Compiles a definition whose names are `names`.
pub fn compile(
    definition: &FlagsDefinition<'_>,
    names: &Names,
    eligibility: Eligibility,
) -> Result<(Flags, Tenants), Vec<DefinitionProblem>> {
    let mut compiler = FlagsCompiler::new(names, Arc::default());
    let flags = compiler.whole(definition, eligibility, &|_| None);
    let tenants = compiler.tenants(&definition.tenants);
    if compiler.problems.is_empty() {
        Ok((flags, Tenants::new(tenants)))
    } else {
        Err(compiler.problems.into_vec())
    }
}

/// The problems found so far, and the look-ups that can add one.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<DefinitionProblem>);

/// The names of attributes that conditions read, in the order in which they were met.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct AttributeNames {
    names: Vec<Box<str>>,
    ids: HashMap<Box<str>, crate::AttributeId>,
}

pub(crate) struct FlagsCompiler<'n> {
    names: &'n Names,
    problems: Problems,
    /// Copied when one is met that is new.
    attributes: Arc<AttributeNames>,
}

impl Problems {
    pub(crate) fn report(&mut self, site: Site, kind: ProblemKind) {
        self.0.push(DefinitionProblem { site, kind });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn into_vec(self) -> Vec<DefinitionProblem> {
        self.0
    }

    /// Reports a list that is longer than `limit`.
    pub(crate) fn limit(&mut self, site: Site, what: &'static str, limit: usize, found: usize) {
        if found > limit {
            self.report(site, ProblemKind::Limit { what, limit, found });
        }
    }

    /// The flag of this name, or a problem.
    pub(crate) fn flag<'n>(&mut self, names: &'n Names, key: &Name<'_>) -> Option<&'n NamedFlag> {
        let flag = names.flag(&key.value);
        if flag.is_none() {
            self.unknown(Noun::Flag, key);
        }
        flag
    }

    /// The variant of `flag` with this name, or a problem.
    pub(crate) fn variant(&mut self, flag: &NamedFlag, name: &Name<'_>) -> Option<VariantId> {
        let variant = flag.variant(&name.value);
        if variant.is_none() {
            let kind = ProblemKind::UnknownVariant {
                flag: flag.key.to_string(),
                variant: name.value.to_string(),
                variants: flag.variants.iter().map(ToString::to_string).collect(),
            };
            self.report(name.site, kind);
        }
        variant
    }

    pub(crate) fn unknown(&mut self, what: Noun, name: &Name<'_>) {
        self.report(
            name.site,
            ProblemKind::Unknown {
                what,
                name: name.value.to_string(),
            },
        );
    }

    /// Reports every name that stands more than once in `names`.
    pub(crate) fn duplicates<'x>(&mut self, what: Noun, names: impl IntoIterator<Item = &'x Name<'x>>) {
        let mut first: HashMap<&str, Site> = HashMap::new();
        for name in names {
            if let Some(&first) = first.get(&*name.value) {
                self.report(
                    name.site,
                    ProblemKind::Duplicate {
                        what,
                        name: name.value.to_string(),
                        first,
                    },
                );
            } else {
                first.insert(&*name.value, name.site);
            }
        }
    }

    /// Reports a name that is not 1 to [`MAX_NAME`] characters of the alphabet of flag keys.
    pub(crate) fn name(&mut self, what: Noun, name: &Name<'_>) {
        let text = &*name.value;
        let starts = text.starts_with(|c: char| c.is_ascii_alphabetic());
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !starts || text.len() > MAX_NAME || !text.chars().all(allowed) {
            let kind = ProblemKind::InvalidName {
                what,
                name: text.to_owned(),
                limit: MAX_NAME,
            };
            self.report(name.site, kind);
        }
    }
}

impl AttributeNames {
    pub(crate) fn id(&self, name: &str) -> Option<crate::AttributeId> {
        self.ids.get(name).copied()
    }

    pub(crate) fn names(&self) -> &[Box<str>] {
        &self.names
    }

    fn intern(&mut self, name: &str) -> Option<crate::AttributeId> {
        if let Some(id) = self.id(name) {
            return Some(id);
        }
        let id = crate::AttributeId::from_index(self.names.len())?;
        self.names.push(name.into());
        self.ids.insert(name.into(), id);
        Some(id)
    }
}

impl<'n> FlagsCompiler<'n> {
    fn new(names: &'n Names, attributes: Arc<AttributeNames>) -> Self {
        Self {
            names,
            problems: Problems::default(),
            attributes,
        }
    }

    /// The flags of a definition; not all of them where there is a problem. What `known` gives is taken as it is.
    fn whole(
        &mut self,
        definition: &FlagsDefinition<'_>,
        eligibility: Eligibility,
        known: &dyn Fn(&FlagDefinition) -> Option<Arc<crate::Flag>>,
    ) -> Flags {
        self.tiers(definition);
        let unknown_tenant = self.unknown_tenant(definition.unknown_tenant.as_ref());
        let segments = self.segments(definition);
        let (slots, order) = self.flags(definition, known);
        if self.problems.is_empty() {
            cost::check(&slots, &segments, &mut self.problems);
        } else {
            cost::check_chains(definition, self.names, &mut self.problems);
        }
        Flags {
            slots: slots.into(),
            order: order.into(),
            segments: segments.into(),
            tiers: definition
                .tiers
                .iter()
                .map(|tier| Box::from(&*tier.value))
                .collect(),
            attributes: Arc::clone(&self.attributes),
            unknown_tenant,
            policy: definition.policy,
            eligibility,
        }
    }

    fn tiers(&mut self, definition: &FlagsDefinition<'_>) {
        if let Some(first) = definition.tiers.first() {
            self.problems
                .limit(first.site, "tiers", MAX_TIERS, definition.tiers.len());
        }
        self.problems.duplicates(Noun::Tier, &definition.tiers);
        for tier in &definition.tiers {
            self.problems.name(Noun::Tier, tier);
        }
    }

    fn tier(&mut self, name: &Name<'_>) -> Option<TierId> {
        let tier = self.names.tier(&name.value);
        if tier.is_none() {
            self.problems.unknown(Noun::Tier, name);
        }
        tier
    }

    fn unknown_tenant(&mut self, definition: Option<&UnknownTenantDefinition>) -> UnknownTenant {
        match definition {
            None => UnknownTenant::Judge(None),
            Some(UnknownTenantDefinition::Tier(tier)) => UnknownTenant::Judge(self.tier(tier)),
            Some(UnknownTenantDefinition::Reject) => UnknownTenant::Reject,
        }
    }

    fn segments(&mut self, definition: &FlagsDefinition<'_>) -> Vec<crate::condition::Segment> {
        if let Some(first) = definition.segments.first() {
            self.problems.limit(
                first.name.site,
                "segments",
                MAX_SEGMENTS,
                definition.segments.len(),
            );
        }
        self.problems.duplicates(
            Noun::Segment,
            definition.segments.iter().map(|segment| &segment.name),
        );
        let mut compiled = Vec::with_capacity(definition.segments.len());
        for segment in &definition.segments {
            self.problems.name(Noun::Segment, &segment.name);
            if let Some(condition) = self.condition(&segment.condition) {
                compiled.push(crate::condition::Segment {
                    name: (*segment.name.value).into(),
                    site: segment.name.site,
                    condition,
                });
            }
        }
        compiled
    }

    /// Flags by id, and their ids in key order.
    fn flags(
        &mut self,
        definition: &FlagsDefinition<'_>,
        known: &dyn Fn(&FlagDefinition) -> Option<Arc<crate::Flag>>,
    ) -> (Vec<FlagSlot>, Vec<FlagId>) {
        if let Some(last) = definition.flags.last() {
            self.problems
                .limit(last.key.site, "flags", MAX_FLAGS, definition.flags.len());
        }
        self.problems
            .duplicates(Noun::Flag, definition.flags.iter().map(|flag| &flag.key));
        let mut in_key_order: Vec<&FlagDefinition> = definition.flags.iter().map(|flag| &**flag).collect();
        in_key_order.sort_by(|a, b| a.key.value.cmp(&b.key.value));
        let mut slots: Vec<FlagSlot> = vec![None; self.names.flag_ids()];
        let mut order = Vec::with_capacity(in_key_order.len());
        for flag in in_key_order {
            let id = self.names.flag(&flag.key.value).map(|named| named.id);
            let compiled = known(flag).or_else(|| self.flag(flag).map(Arc::new));
            if let Some(id) = id
                && let Some(slot) = slots.get_mut(id.index())
            {
                *slot = compiled;
                order.push(id);
            }
        }
        (slots, order)
    }
}
