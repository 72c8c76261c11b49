//! The compiler of flags definitions: checks a definition and replaces names by ids. It reports all problems
//! at once; with any problem there is no result.

mod condition;
mod cost;
mod exposure;
mod flag;
mod folded;
mod part;
mod problems;
mod serve;
mod tenant;

use std::sync::Arc;

pub use part::{Former, compile_flags, compile_tenants};
pub(crate) use problems::Problems;

use crate::bounds::{MAX_FLAGS, MAX_SEGMENTS, MAX_TIERS};
use crate::{
    DefinitionProblem, Eligibility, FlagDefinition, FlagId, Flags, FlagsDefinition, Name, Names, Noun,
    Patterns, Site, Tenants, TierId, UnknownTenant, UnknownTenantDefinition, attribute_names::AttributeNames,
    flags::FlagSlot,
};

/// Compiles a definition whose names are `names`.
///
/// # Errors
/// All problems of the definition.
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

pub(crate) struct FlagsCompiler<'n> {
    names: &'n Names,
    problems: Problems,
    patterns: Patterns,
    /// The place of the last expression that was compiled for the first time.
    newest_pattern: Option<Site>,
    /// Copied when one is met that is new.
    attributes: Arc<AttributeNames>,
}

impl<'n> FlagsCompiler<'n> {
    fn new(names: &'n Names, attributes: Arc<AttributeNames>) -> Self {
        Self {
            names,
            problems: Problems::default(),
            patterns: Patterns::default(),
            newest_pattern: None,
            attributes,
        }
    }

    /// Compiles the flags of a definition; incomplete if there are problems. A flag that `known` returns is
    /// not compiled again.
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
            self.check_patterns(&slots, &segments);
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
