//! The observations of the proxy, as the control plane reads them.

use std::sync::{Arc, OnceLock};

use control::{
    ArmName, BreakerEvent, CountedRequest, FlagObservation, LocalKill, Observe, ObservedOverlap,
    ObservedSlot, ObservedUnit, ServedTenant,
};
use proxy::CountedArm;
use tracing::warn;

use crate::active_config::ActiveConfig;
use crate::clock;

/// The observations of the proxy, once it runs, and the kills of this machine.
pub(crate) struct ProxyObserver {
    observed: OnceLock<proxy::Observations>,
    active_config: Arc<ActiveConfig>,
}

impl ProxyObserver {
    pub(crate) fn new(active_config: &Arc<ActiveConfig>) -> Self {
        Self {
            observed: OnceLock::new(),
            active_config: Arc::clone(active_config),
        }
    }

    /// Sets the observations of the proxy, which starts after the control plane.
    pub(crate) fn attach(&self, observed: proxy::Observations) {
        let _ = self.observed.set(observed);
    }
}

impl Observe for ProxyObserver {
    fn flags(&self) -> Vec<FlagObservation> {
        let seen = self
            .observed
            .get()
            .map(proxy::Observations::flags)
            .unwrap_or_default();
        let observed = seen.into_iter().map(|seen| FlagObservation {
            flag: seen.key.into(),
            decisions: seen.decisions,
            errors: seen.errors,
            served: seen.served,
        });
        observed.collect()
    }

    fn take_served_tenants(&self) -> Vec<ServedTenant> {
        let Some(observed) = self.observed.get() else {
            return Vec::new();
        };
        let served = observed.take_served_tenants().into_iter();
        served
            .map(|(flag, tenant)| ServedTenant {
                flag: flag.into(),
                tenant: tenant.into(),
            })
            .collect()
    }

    fn gated(&self) -> Vec<String> {
        let gated = self
            .observed
            .get()
            .map(proxy::Observations::gated)
            .unwrap_or_default();
        gated.into_iter().map(Into::into).collect()
    }

    fn local_kills(&self) -> Vec<LocalKill> {
        self.active_config.local_kills()
    }

    fn take_slots(&self) -> Vec<ObservedSlot> {
        let Some(observed) = self.observed.get() else {
            return Vec::new();
        };
        let slots = observed.take_slots().into_iter();
        slots
            .map(|(flag, slot)| observed_slot(flag.into(), slot))
            .collect()
    }

    fn take_tenant_names(&self) -> Vec<(u64, String)> {
        let names = self.observed.get().map(proxy::Observations::take_tenant_names);
        let names = names.into_iter().flatten();
        names.map(|(hash, id)| (hash, id.into())).collect()
    }

    fn take_breaker_events(&self) -> Vec<BreakerEvent> {
        let Some(observed) = self.observed.get() else {
            return Vec::new();
        };
        let (events, dropped) = observed.take_breaker_events();
        if dropped > 0 {
            warn!(
                dropped,
                "too many events of circuit breakers; the last ones are lost"
            );
        }
        events.into_iter().map(breaker_event).collect()
    }

    fn answers_held_back(&self, flag: &str) -> bool {
        let observed = self.observed.get();
        observed.is_some_and(|observed| observed.answers_off(flag))
    }
}

/// Returns an event, as the control plane reads it.
fn breaker_event(event: proxy::BreakerEvent) -> BreakerEvent {
    BreakerEvent {
        kind: event.kind,
        flag: event.flag.to_string(),
        tenant: event.tenant.to_string(),
        at: clock::timestamp(event.at),
        requests: event.requests,
        errors: event.errors,
    }
}

/// Returns the counts of a slot, as the control plane reads them.
fn observed_slot(flag: String, slot: proxy::TakenSlot) -> ObservedSlot {
    let units = slot.units.into_iter().map(|unit| ObservedUnit {
        unit: unit.unit,
        tenant: unit.tenant,
        arm: match unit.arm {
            CountedArm::Treatment => ArmName::Treatment,
            CountedArm::Control => ArmName::Control,
            CountedArm::OptedIn => ArmName::OptedIn,
            CountedArm::Excluded => ArmName::Excluded,
        },
        requests: unit.requests,
        errors: unit.errors,
        counted: unit
            .counted
            .into_iter()
            .map(|(bucket, is_error)| CountedRequest { bucket, is_error })
            .collect(),
    });
    ObservedSlot {
        flag,
        units: units.collect(),
        uncounted: slot.uncounted,
        overlaps: slot
            .overlaps
            .into_iter()
            .map(|overlap| ObservedOverlap {
                flag: overlap.flag.into(),
                requests: overlap.requests,
                treated_by_both: overlap.treated_by_both,
            })
            .collect(),
    }
}
