//! The numbers of tenants of one flag.

use std::collections::HashMap;

use rules::{
    Cause, DECISION_LINES, Decision, Flag, FlagId, Tenant, TenantChoice, TenantFlagSettings, Tenants,
    VariantId,
};

/// The numbers of tenants of one flag.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tally {
    /// By the place of the line in the decision table and the served variant; few.
    decided: Vec<(usize, VariantId, usize)>,
    pub(crate) standings: Standings,
}

/// The numbers of tenants whose record names a flag, by the field that names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standings {
    pub(crate) opted_in: usize,
    pub(crate) opted_out: usize,
    pub(crate) allowlisted: usize,
    pub(crate) overridden: usize,
}

/// The tenants that one line of the decision table decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LineCount {
    /// The number of the line in docs/flags.md.
    pub(crate) line: &'static str,
    pub(crate) cause: Cause,
    /// In the order of the flag's variants; only those that are served.
    pub(crate) variants: Vec<VariantCount>,
}

/// The tenants that are served one variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VariantCount {
    pub(crate) variant: VariantId,
    pub(crate) tenants: usize,
}

/// Adds a tenant to a count, or takes it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Add,
    Remove,
}

impl Step {
    fn apply(self, count: &mut usize) {
        *count = match self {
            Self::Add => count.saturating_add(1),
            Self::Remove => count.saturating_sub(1),
        };
    }
}

impl Tally {
    /// Counts a decision. `off` is the off variant of the flag.
    pub(super) fn count(&mut self, decision: Decision, off: VariantId, step: Step) {
        let place = decision.line_place(off);
        let mut known = self.decided.iter_mut();
        let known = known.find(|(line, variant, _)| (*line, *variant) == (place, decision.variant));
        match known {
            Some((.., count)) => step.apply(count),
            None if step == Step::Add => self.decided.push((place, decision.variant, 1)),
            None => {}
        }
    }

    /// Returns the number of tenants that are served another variant than `off`.
    pub(crate) fn on(&self, off: VariantId) -> usize {
        let on = self.decided.iter().filter(|(_, variant, _)| *variant != off);
        on.fold(0, |sum, (.., count)| sum.saturating_add(*count))
    }

    /// Returns the lines that decide a tenant, in the order of the decision table.
    pub(crate) fn lines(&self, flag: &Flag) -> Vec<LineCount> {
        let lines = DECISION_LINES.iter().enumerate();
        let lines = lines.map(|(place, (line, cause))| {
            let variants = (0_usize..flag.variants().len()).filter_map(VariantId::from_index);
            let variants = variants.filter_map(|variant| {
                let tenants = self.tenants(place, variant);
                (tenants > 0).then_some(VariantCount { variant, tenants })
            });
            LineCount {
                line,
                cause: *cause,
                variants: variants.collect(),
            }
        });
        lines.filter(|line| !line.variants.is_empty()).collect()
    }

    fn tenants(&self, place: usize, variant: VariantId) -> usize {
        let mut decided = self.decided.iter();
        let found = decided.find(|(line, served, _)| (*line, *served) == (place, variant));
        found.map_or(0, |(.., count)| *count)
    }
}

impl Standings {
    pub(super) fn count(&mut self, settings: &TenantFlagSettings, step: Step) {
        match settings.choice {
            TenantChoice::In => step.apply(&mut self.opted_in),
            TenantChoice::Out => step.apply(&mut self.opted_out),
            TenantChoice::None => {}
        }
        if settings.allowed {
            step.apply(&mut self.allowlisted);
        }
        if settings.forced.is_some() {
            step.apply(&mut self.overridden);
        }
    }

    /// Counts a tenant whose record may name the flag.
    pub(super) fn count_tenant(&mut self, tenant: &Tenant, flag: FlagId, step: Step) {
        if !tenant.flag_settings().is_empty() {
            self.count(&tenant.settings_for(flag), step);
        }
    }
}

/// Counts, for each of these flags, the tenants whose record names it. Reads every record once.
pub(crate) fn standings(tenants: &Tenants, flags: &[FlagId]) -> HashMap<FlagId, Standings> {
    let mut counts: HashMap<FlagId, Standings> = flags.iter().map(|id| (*id, Standings::default())).collect();
    if counts.is_empty() {
        return counts;
    }
    for (flag, settings) in tenants.scan().flat_map(Tenant::flag_settings) {
        if let Some(counts) = counts.get_mut(flag) {
            counts.count(settings, Step::Add);
        }
    }
    counts
}
