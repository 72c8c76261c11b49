//! What a tenant could do about a gate that is closed for it. For answers that may say so; it allocates.

use crate::{
    Channel, FlagId, Flags, Gate, Subject, Tenant, TierId, Timestamp, Truth,
    tenant::{TenantChoice, TenantFlagSettings},
};

/// What would open a gate that is closed for a tenant. Each alone would be enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remedies {
    /// Opting in to the flag that closed it.
    pub opt_in: bool,
    /// A higher tier.
    pub higher_tier: bool,
}

impl Gate {
    /// What would open this gate for `subject`, for which `flag` closed it at `now`. Nothing, for the anonymous
    /// subject. It is found out by deciding as if, so that it can't differ from what would happen.
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
            .unwrap_or_else(|| unknown(id, subject.tier(flags)));
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

/// The record that a tenant without one is judged as if it had.
fn unknown(id: &str, tier: Option<TierId>) -> Tenant {
    Tenant {
        id: id.into(),
        tier,
        channel: Channel::Stable,
        internal: false,
        flag_settings: Box::default(),
        attributes: Box::default(),
    }
}

impl Tenant {
    fn with_choice_in(&self, flag: FlagId) -> Self {
        let chosen = TenantFlagSettings {
            choice: TenantChoice::In,
            ..self.settings_for(flag)
        };
        let others = self.flag_settings.iter().filter(|(id, _)| *id != flag).copied();
        let mut flag_settings: Vec<_> = others.chain([(flag, chosen)]).collect();
        flag_settings.sort_unstable_by_key(|(id, _)| *id);
        Self {
            flag_settings: flag_settings.into(),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests;
