//! Remedies for a closed gate that a tenant can apply, for answers that reveal them. Allocates.

use crate::{
    FlagId, Flags, Gate, Subject, Tenant, TierId, Timestamp, Truth,
    tenant::{TenantChoice, TenantFlagSettings},
};

/// The changes that would open a closed gate for a tenant. Each is enough by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remedies {
    /// Opting in to the flag that closed it.
    pub opt_in: bool,
    /// A higher tier.
    pub higher_tier: bool,
}

impl Gate {
    /// Returns the changes that would open this gate for `subject`, for which `flag` closed it at `now`; none
    /// for the anonymous subject. They are found by deciding the gate with each change applied, so that they
    /// can't differ from its effect.
    #[must_use]
    pub fn remedies(&self, flags: &Flags, subject: &Subject<'_>, flag: FlagId, now: Timestamp) -> Remedies {
        let Some(id) = subject.tenant else {
            return Remedies {
                opt_in: false,
                higher_tier: false,
            };
        };
        let record = subject
            .record
            .cloned()
            .unwrap_or_else(|| Tenant::new(id, subject.tier(flags)));
        let opens = |record: &Tenant| {
            let subject = Subject {
                record: Some(record),
                ..*subject
            };
            self.decide(flags, &subject, now).truth == Truth::Open
        };
        let higher = record.tier.map_or(0, |tier| tier.index() + 1)..flags.tiers().len();
        Remedies {
            opt_in: opens(&record.with_choice_in(flag)),
            higher_tier: higher.filter_map(TierId::from_index).any(|tier| {
                opens(&Tenant {
                    tier: Some(tier),
                    ..record.clone()
                })
            }),
        }
    }
}

impl Tenant {
    fn with_choice_in(&self, flag: FlagId) -> Self {
        let chosen = TenantFlagSettings {
            choice: TenantChoice::In,
            ..self.settings_for(flag)
        };
        let others = self.flag_settings().iter().filter(|(id, _)| *id != flag).copied();
        let mut flag_settings: Vec<_> = others.chain([(flag, chosen)]).collect();
        flag_settings.sort_unstable_by_key(|(id, _)| *id);
        self.clone().with_lists(flag_settings, self.attributes().to_vec())
    }
}

#[cfg(test)]
mod tests;
