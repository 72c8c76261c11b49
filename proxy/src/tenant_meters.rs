//! Requests by tenant, for the tenants that have a series: those that the configuration names, and the first ones that
//! are seen. A request counts without a lock; the first request of a tenant allocates its name.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{MetricFamily, MetricType};
use xxhash_rust::xxh3::xxh3_64;

use crate::meter::OutcomeCounts;
use crate::metric_family::{counter_metric, description, family};
use crate::outcome::RequestOutcome;

/// The label of all other tenants.
const OTHER: &str = "__other__";
/// Places for each tenant that can have a series, so that searches are short.
const PLACES_FOR_EACH: usize = 4;
const NAME: &str = "sluice_tenant_requests_total";
const HELP: &str = "Finished requests of the tenants that `metrics.tenants` selects, by outcome and status class; the others are `__other__`.";

/// The counts of the selected tenants. A series stays until the process ends.
#[derive(Debug)]
pub(crate) struct TenantMeters {
    /// Their number is a power of two, and more than the tenants with a series.
    places: Box<[Place]>,
    /// The number of tenants that can still get a series.
    free: AtomicUsize,
    other: OutcomeCounts,
}

/// The place of a tenant.
#[derive(Debug)]
struct Place {
    /// The hash of the tenant's id; 0 if the place is free.
    hash: AtomicU64,
    /// Set by the request that takes the place, right after.
    tenant: OnceLock<Box<str>>,
    counts: OutcomeCounts,
}

impl TenantMeters {
    /// Creates the counts of the named tenants, and of the first `max` others.
    pub(crate) fn new(names: &[Box<str>], max: usize) -> Self {
        let most = names.len().saturating_add(max);
        let places = most.saturating_mul(PLACES_FOR_EACH).next_power_of_two();
        let place = |_| Place {
            hash: AtomicU64::new(0),
            tenant: OnceLock::new(),
            counts: OutcomeCounts::new(),
        };
        let meters = Self {
            places: (0..places).map(place).collect(),
            free: AtomicUsize::new(most),
            other: OutcomeCounts::new(),
        };
        for name in names {
            meters.counts(name);
        }
        // A name that is there twice leaves no place.
        meters.free.store(max, Ordering::Relaxed);
        meters
    }

    /// Counts a finished request. `status` is what the client was sent, 0 if nothing.
    pub(crate) fn count(&self, tenant: &str, outcome: RequestOutcome, status: u16) {
        self.counts(tenant).count(outcome, status);
    }

    /// Returns the counts of a tenant, which gets a series if there is one left.
    fn counts(&self, tenant: &str) -> &OutcomeCounts {
        if tenant == OTHER {
            return &self.other;
        }
        let hash = xxh3_64(tenant.as_bytes()).max(1);
        let first = usize::try_from(hash).unwrap_or_default();
        let mask = self.places.len().wrapping_sub(1);
        for probe in 0..self.places.len() {
            let Some(place) = self.places.get(first.wrapping_add(probe) & mask) else {
                break;
            };
            let mut held = place.hash.load(Ordering::Acquire);
            if held == 0 {
                if !self.take_free() {
                    return &self.other;
                }
                match place
                    .hash
                    .compare_exchange(0, hash, Ordering::AcqRel, Ordering::Acquire)
                {
                    Ok(_) => {
                        let _ = place.tenant.set(tenant.into());
                        return &place.counts;
                    }
                    Err(other) => {
                        self.free.fetch_add(1, Ordering::Relaxed);
                        held = other;
                    }
                }
            }
            // Without a name yet, another request of this tenant is about to set it.
            let is_own = || place.tenant.get().is_none_or(|name| **name == *tenant);
            if held == hash && is_own() {
                return &place.counts;
            }
        }
        &self.other
    }

    fn take_free(&self) -> bool {
        let less = |free: usize| free.checked_sub(1);
        self.free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }

    fn family(&self) -> MetricFamily {
        let named = self
            .places
            .iter()
            .filter_map(|place| Some((&**place.tenant.get()?, &place.counts)));
        let metrics = named.chain([(OTHER, &self.other)]).flat_map(|(tenant, counts)| {
            counts.all().map(move |(outcome, class, count)| {
                let labels = [("tenant", tenant), ("outcome", outcome), ("status", class)];
                counter_metric(&labels, count)
            })
        });
        family(NAME, HELP, MetricType::COUNTER, metrics.collect())
    }
}

/// Exports [`TenantMeters`].
#[derive(Debug)]
pub(crate) struct TenantCollector {
    meters: std::sync::Arc<TenantMeters>,
    description: Desc,
}

impl TenantCollector {
    pub(crate) fn new(meters: std::sync::Arc<TenantMeters>) -> Self {
        let description = description(NAME, HELP);
        Self { meters, description }
    }
}

impl Collector for TenantCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.description]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        vec![self.meters.family()]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn meters(max: usize, names: &[&str]) -> TenantMeters {
        let names: Vec<Box<str>> = names.iter().map(|name| (*name).into()).collect();
        TenantMeters::new(&names, max)
    }

    fn counted(meters: &TenantMeters) -> BTreeMap<String, f64> {
        let family = meters.family();
        let series = family.get_metric().iter();
        let series = series.map(|metric| {
            let tenant = metric.get_label().iter().find(|label| label.name() == "tenant");
            (
                tenant.unwrap().value().to_owned(),
                metric.get_counter().get_value(),
            )
        });
        series.collect()
    }

    #[test]
    fn named_tenants_and_the_first_ones_have_a_series() {
        let meters = meters(1, &["acme", "acme", "globex"]);
        for tenant in ["umbrella", "initech", "acme", "umbrella", "hooli", "__other__"] {
            meters.count(tenant, RequestOutcome::Forwarded, 200);
        }
        let expected = [("__other__", 3.0), ("acme", 1.0), ("umbrella", 2.0)];
        let expected = expected.map(|(tenant, count)| (tenant.to_owned(), count));
        assert_eq!(counted(&meters), BTreeMap::from(expected));
    }

    #[test]
    fn concurrent_first_requests_share_a_series() {
        let meters = meters(50, &[]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..200 {
                        meters.count(&format!("t{}", round % 100), RequestOutcome::Forwarded, 200);
                    }
                });
            }
        });
        let counted = counted(&meters);
        assert_eq!(counted.values().sum::<f64>(), 800.0);
        assert_eq!(counted.len(), 51);
    }
}
