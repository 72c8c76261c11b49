//! Compiles tenant records: four lists of flags become one, sorted by flag.

use crate::{
    AttributeId, AttributeValue, FlagId, Name, NamedFlag, Noun, ProblemKind, Tenant, TenantDefinition,
    TenantId,
    subject::AttributeRef,
    tenant::{TenantChoice, TenantFlagSettings},
};

use super::FlagsCompiler;

impl FlagsCompiler<'_> {
    pub(super) fn tenants(&mut self, definitions: &[TenantDefinition<'_>]) -> Vec<Tenant> {
        self.problems
            .duplicates(Noun::Tenant, definitions.iter().map(|tenant| &tenant.id));
        definitions
            .iter()
            .filter_map(|tenant| self.tenant(tenant))
            .collect()
    }

    pub(super) fn tenant(&mut self, definition: &TenantDefinition<'_>) -> Option<Tenant> {
        if let Err(reason) = TenantId::check(&definition.id.value) {
            let id = definition.id.value.to_string();
            self.problems
                .report(definition.id.site, ProblemKind::InvalidTenantId { id, reason });
        }
        let tier = definition.tier.as_ref().map(|name| self.tier(name));
        let flag_settings = self.flag_settings(definition);
        let attributes = self.tenant_attributes(definition);
        // With an unknown tier there is no tenant, but everything else wrong with it has been found.
        let tier = match tier {
            Some(tier) => Some(tier?),
            None => None,
        };
        let record = Tenant {
            channel: definition.channel.unwrap_or_default(),
            internal: definition.internal.unwrap_or_default(),
            ..Tenant::new(&definition.id.value, tier)
        };
        Some(record.with_lists(flag_settings, attributes))
    }

    fn flag_settings(&mut self, definition: &TenantDefinition<'_>) -> Vec<(FlagId, TenantFlagSettings)> {
        let mut flag_settings: Vec<(FlagId, TenantFlagSettings)> = Vec::new();
        let names = self.names;
        for key in definition.beta.iter().flatten() {
            if let Some(flag) = self.problems.flag(names, key) {
                entry(&mut flag_settings, flag.id).allowed = true;
            }
        }
        for (key, variant) in definition.overrides.iter().flatten() {
            let Some(flag) = self.problems.flag(names, key) else {
                continue;
            };
            if let Some(variant) = self.problems.variant(flag, variant) {
                entry(&mut flag_settings, flag.id).forced = Some(variant);
            }
        }
        for key in definition.opt_in.iter().flatten() {
            if let Some(flag) = self.problems.flag(names, key) {
                self.check_opt_in(flag, key);
                entry(&mut flag_settings, flag.id).choice = TenantChoice::In;
            }
        }
        for key in definition.opt_out.iter().flatten() {
            let Some(flag) = self.problems.flag(names, key) else {
                continue;
            };
            let settings = entry(&mut flag_settings, flag.id);
            if settings.choice == TenantChoice::In {
                let kind = ProblemKind::OptedBothWays {
                    flag: flag.key.to_string(),
                };
                self.problems.report(key.site, kind);
            }
            settings.choice = TenantChoice::Out;
        }
        flag_settings.sort_unstable_by_key(|(flag, _)| *flag);
        flag_settings
    }

    /// Reports an opt-in to a flag that has no variant `on` and does not define what opting in serves.
    fn check_opt_in(&mut self, flag: &NamedFlag, key: &Name<'_>) {
        if !flag.takes_opt_ins {
            self.variant_needed(flag, key.site, "opt_in_serves", "on");
        }
    }

    fn tenant_attributes(&mut self, definition: &TenantDefinition<'_>) -> Vec<(AttributeId, AttributeValue)> {
        let mut attributes = Vec::new();
        for (name, value) in definition.attributes.iter().flatten() {
            if AttributeRef::reserved(&name.value).is_some() {
                let kind = ProblemKind::ReservedAttribute {
                    name: name.value.to_string(),
                };
                self.problems.report(name.site, kind);
            } else if let Some(id) = self.attributes.id(&name.value) {
                attributes.push((id, value.value.clone()));
            }
        }
        attributes.sort_unstable_by_key(|(id, _)| *id);
        attributes
    }
}

/// Returns the settings for `flag`, which are added if missing. A tenant is on few lists, so a linear search
/// beats a map.
fn entry(flag_settings: &mut Vec<(FlagId, TenantFlagSettings)>, flag: FlagId) -> &mut TenantFlagSettings {
    let index = match flag_settings.iter().position(|(id, _)| *id == flag) {
        Some(index) => index,
        None => {
            flag_settings.push((flag, TenantFlagSettings::default()));
            flag_settings.len().saturating_sub(1)
        }
    };
    #[expect(
        clippy::indexing_slicing,
        reason = "the index was found or made on the line above"
    )]
    &mut flag_settings[index].1
}
