//! The decision of a flag for a tenant on one side of a change, and its cause in words.

use rules::{
    Cause, Decision, Flag, FlagId, Flags, Subject, TableLine, Tenant, Timestamp, UnknownTenant, decide,
};

/// The decision of a flag for a tenant.
#[derive(Clone, Copy)]
pub(super) enum TenantDecision<'s> {
    /// The flag does not exist.
    Missing,
    /// Tenants without a record are rejected.
    Rejected,
    /// A variant.
    Variant {
        flags: &'s Flags,
        flag: &'s Flag,
        tenant: Option<&'s Tenant>,
        decision: Decision,
    },
}

/// Decides the flag for the tenant with this id and record.
pub(super) fn tenant_decision<'s>(
    flags: &'s Flags,
    flag: Option<FlagId>,
    id: &str,
    record: Option<&'s Tenant>,
    now: Timestamp,
) -> TenantDecision<'s> {
    let found = flag.and_then(|id| Some((id, flags.flag(id)?)));
    let Some((flag_id, flag)) = found else {
        return TenantDecision::Missing;
    };
    if record.is_none() && flags.unknown_tenant() == UnknownTenant::Reject {
        return TenantDecision::Rejected;
    }
    let subject = Subject {
        tenant: Some(id),
        record,
        ..Subject::default()
    };
    TenantDecision::Variant {
        flags,
        flag,
        tenant: record,
        decision: decide(flags, flag_id, &subject, now),
    }
}

impl<'s> TenantDecision<'s> {
    /// Returns the variant's name.
    pub(super) fn variant(&self) -> Option<&'s str> {
        match self {
            Self::Missing | Self::Rejected => None,
            Self::Variant { flag, decision, .. } => {
                flag.variant(decision.variant).map(|variant| &*variant.name)
            }
        }
    }

    /// Returns the line of the decision table that decided, or a later one.
    pub(super) fn line(&self) -> Option<TableLine> {
        match self {
            Self::Missing | Self::Rejected => None,
            Self::Variant { decision, .. } => Some(decision.line()),
        }
    }

    /// Returns true if a request of the tenant can be decided differently, by its user or attributes.
    pub(super) fn depends_on_requests(&self) -> bool {
        self.cause().is_some_and(|cause| !cause.holds_for_every_request())
    }

    pub(super) fn cause(&self) -> Option<Cause> {
        match self {
            Self::Missing | Self::Rejected => None,
            Self::Variant { decision, .. } => Some(decision.cause),
        }
    }

    /// Returns true if both have the same effect. A missing variant has the effect of the off variant.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self.variant(), other.variant()) {
            (Some(one), Some(other)) => one == other,
            _ => self.is_off() && other.is_off(),
        }
    }

    fn is_off(&self) -> bool {
        match self {
            Self::Missing | Self::Rejected => true,
            Self::Variant { flag, decision, .. } => decision.variant == flag.off(),
        }
    }

    /// Returns the cause in words.
    pub(super) fn cause_text(&self) -> String {
        let (flags, flag, tenant, decision) = match self {
            Self::Missing => return "no such flag".to_owned(),
            Self::Rejected => return "tenants without a record are rejected".to_owned(),
            Self::Variant {
                flags,
                flag,
                tenant,
                decision,
            } => (flags, flag, tenant, decision),
        };
        match decision.cause {
            Cause::UnknownFlag => "no such flag".to_owned(),
            Cause::Retired => "retired".to_owned(),
            Cause::Killed => "killed".to_owned(),
            Cause::Schedule => "outside its schedule".to_owned(),
            Cause::Breaker => "circuit breaker".to_owned(),
            Cause::Prerequisite => {
                let required = flag.required_flag(decision.place).and_then(|id| flags.flag(id));
                required.map_or("a requirement".to_owned(), |required| {
                    format!("requires {}", required.key())
                })
            }
            Cause::Override => "overridden".to_owned(),
            Cause::OptOut => "opted out".to_owned(),
            Cause::Lifecycle => match flag.lifecycle() {
                Some(lifecycle) => format!("not eligible at {lifecycle}"),
                None => "not eligible".to_owned(),
            },
            Cause::Rule => format!("rule {}", flag.rule_name(decision.place).unwrap_or_default()),
            Cause::OptIn => "opted in".to_owned(),
            Cause::Rollout => match flag.stage_name(decision.place) {
                Some(stage) => format!("rollout, stage {stage}"),
                None => "rollout".to_owned(),
            },
            Cause::HeldBack if flag.is_withdrawn() => "outside of the rollout, which is at 0 %".to_owned(),
            Cause::HeldBack => match flag.stage_name(decision.place) {
                Some(stage) => format!("held back at stage {stage}"),
                None => "held back".to_owned(),
            },
            Cause::Tier => format!("tier {}", tier(flags, *tenant).unwrap_or_default()),
            Cause::Default => "default".to_owned(),
        }
    }
}

fn tier<'s>(flags: &'s Flags, tenant: Option<&Tenant>) -> Option<&'s str> {
    let tier = match (tenant, flags.unknown_tenant()) {
        (Some(tenant), _) => tenant.tier(),
        (None, UnknownTenant::Judge(tier)) => tier,
        (None, UnknownTenant::Reject) => None,
    };
    flags.tier_name(tier?)
}
