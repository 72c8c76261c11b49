//! The counters of routes and flags: plain atomics, indexed by id, in tables that are built with the snapshot.
//! Counting takes no lock and looks up no label. `/metrics` reads the cells on request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rules::{Cause, Snapshot, Timestamp};

use crate::arms::ObservedFlags;
use crate::duration_histogram::{Bounds, DurationHistogram};
use crate::exemplars::Exemplar;
use crate::outcome::RequestOutcome;
use crate::served_tenants::ServedTenants;
use crate::shadow_report::ShadowCounts;

/// The route label of requests that match no route, or are refused before matching.
pub const UNMATCHED_ROUTE: &str = "_unmatched";
/// Upper bounds of the duration buckets.
const BUCKETS: Bounds<10> = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_500_000, 10_000_000,
];
/// Classes of a status; `none` is for requests without a response.
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// Counts of requests by outcome and status class.
#[derive(Debug)]
pub(crate) struct OutcomeCounts(Box<[AtomicU64]>);

/// The counters of one route.
#[derive(Debug)]
pub struct RouteMeter {
    name: Box<str>,
    requests: OutcomeCounts,
    duration: DurationHistogram<{ BUCKETS.len() }>,
    /// The time of its creation.
    since: Timestamp,
    /// The requests that its gate would have refused in shadow mode; created by the first one.
    shadow: OnceLock<Box<ShadowCounts>>,
}

/// The counters of one flag.
#[derive(Debug)]
pub struct FlagMeter {
    key: Box<str>,
    variants: Box<[Box<str>]>,
    /// A cell for each pair of variant and cause.
    decisions: Box<[AtomicU64]>,
    /// The number of decisions before its variants last changed.
    earlier: u64,
    /// Responses of status 5xx to requests that the flag was on for.
    errors: Arc<AtomicU64>,
    /// Responses without an error to requests that the flag was on for.
    served: Arc<AtomicU64>,
    /// The time of its creation.
    since: Timestamp,
}

/// A flag's key and the names of its variants.
pub type MeteredFlag<'a> = (&'a str, Vec<&'a str>);

/// The counters of one snapshot, by the ids of its routes and flags.
#[derive(Debug, Clone)]
pub struct Meters {
    routes: Box<[Arc<RouteMeter>]>,
    unmatched: Arc<RouteMeter>,
    /// The counters by flag id; none if no flag has the id.
    flags: Box<[Option<Arc<FlagMeter>>]>,
    /// The flags whose requests are counted by arm.
    observed: ObservedFlags,
    /// The tenants that were served with flags before ga on.
    served_tenants: Arc<ServedTenants>,
}

impl OutcomeCounts {
    pub(crate) fn new() -> Self {
        Self(cells(RequestOutcome::ALL.len() * CLASSES.len()))
    }

    /// Counts a request. `status` is what the client was sent, 0 if nothing.
    pub(crate) fn count(&self, outcome: RequestOutcome, status: u16) {
        count(&self.0, outcome as usize * CLASSES.len() + class(status));
    }

    /// Returns the number of requests with these outcomes.
    fn total(&self, wanted: impl Fn(RequestOutcome) -> bool) -> u64 {
        let outcomes = RequestOutcome::ALL.into_iter().zip(self.0.chunks(CLASSES.len()));
        let counted = outcomes.filter(|(outcome, _)| wanted(*outcome));
        let cells = counted.flat_map(|(_, cells)| cells);
        cells.map(|cell| cell.load(Ordering::Relaxed)).sum()
    }

    /// Returns outcome, status class and count of all non-zero cells.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let labels = RequestOutcome::ALL
            .into_iter()
            .flat_map(|outcome| CLASSES.map(|class| (outcome.as_str(), class)));
        labels.zip(&self.0).filter_map(|((outcome, class), cell)| {
            let counted = cell.load(Ordering::Relaxed);
            (counted > 0).then_some((outcome, class, counted))
        })
    }
}

impl RouteMeter {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            requests: OutcomeCounts::new(),
            duration: DurationHistogram::new(&BUCKETS),
            since: system_time(),
            shadow: OnceLock::new(),
        }
    }

    /// Counts a finished request. `status` is what the client was sent, 0 if nothing.
    pub fn observe(&self, outcome: RequestOutcome, status: u16, duration: Duration) {
        self.requests.count(outcome, status);
        self.duration.observe(duration);
    }

    /// Keeps a sampled request, which is counted by itself, as an exemplar.
    pub(crate) fn note_exemplar(&self, trace: u128, duration: Duration, at: SystemTime) {
        self.duration.note_exemplar(Exemplar::new(trace, duration, at));
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the time since when requests are counted.
    pub(crate) fn since(&self) -> Timestamp {
        self.since
    }

    /// Returns the number of requests with these outcomes.
    pub(crate) fn total(&self, wanted: impl Fn(RequestOutcome) -> bool) -> u64 {
        self.requests.total(wanted)
    }

    /// Returns the counts of requests that the gate would have refused, to count one more.
    pub(crate) fn shadow_to_count(&self) -> &ShadowCounts {
        self.shadow.get_or_init(Box::default)
    }

    /// Returns the counts of requests that the gate would have refused; none if there was none.
    pub(crate) fn shadow(&self) -> Option<&ShadowCounts> {
        self.shadow.get().map(|counts| &**counts)
    }

    pub(crate) fn duration(&self) -> &DurationHistogram<{ BUCKETS.len() }> {
        &self.duration
    }

    /// Returns the counts of requests.
    pub(crate) fn requests(&self) -> &OutcomeCounts {
        &self.requests
    }
}

impl FlagMeter {
    fn new(key: &str, variants: Box<[Box<str>]>) -> Self {
        let decisions = cells(variants.len() * Cause::ALL.len());
        Self {
            key: key.into(),
            variants,
            decisions,
            earlier: 0,
            errors: Arc::default(),
            served: Arc::default(),
            since: system_time(),
        }
    }

    /// Returns the counters of the same flag with other variants.
    fn with_variants(&self, variants: Box<[Box<str>]>) -> Self {
        Self {
            earlier: self.total(),
            errors: Arc::clone(&self.errors),
            served: Arc::clone(&self.served),
            since: self.since,
            ..Self::new(&self.key, variants)
        }
    }

    /// Counts a decision; `variant` is the index of the served variant.
    pub fn count(&self, variant: usize, cause: Cause) {
        count(&self.decisions, variant * Cause::ALL.len() + cause as usize);
    }

    /// Counts a response of status 5xx to a request that the flag was on for.
    pub fn count_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a response without an error to a request that the flag was on for.
    pub(crate) fn count_served(&self) {
        self.served.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the time since when decisions are counted.
    pub(crate) fn since(&self) -> Timestamp {
        self.since
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Returns the number of decisions.
    pub(crate) fn total(&self) -> u64 {
        let counted = self.decisions.iter().map(|cell| cell.load(Ordering::Relaxed));
        counted.fold(self.earlier, u64::wrapping_add)
    }

    /// Returns the number of responses of status 5xx to requests that the flag was on for.
    pub(crate) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Returns the number of responses without an error to requests that the flag was on for.
    pub(crate) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// Returns variant, cause and count of all non-zero cells.
    pub(crate) fn decisions(&self) -> impl Iterator<Item = (&str, &'static str, u64)> {
        let labels = self
            .variants
            .iter()
            .flat_map(|variant| Cause::ALL.map(|cause| (&**variant, cause.as_str())));
        labels
            .zip(&self.decisions)
            .filter_map(|((variant, cause), cell)| {
                let counted = cell.load(Ordering::Relaxed);
                (counted > 0).then_some((variant, cause, counted))
            })
    }
}

impl Meters {
    /// Creates the counters of a snapshot, by id: for its routes (names) and flags (key and names of the variants;
    /// none if no flag has the id). Counters of `earlier` with the same name or key are reused, so that their counts
    /// continue.
    pub(crate) fn continuing<'a>(
        earlier: &Self,
        routes: impl IntoIterator<Item = &'a str>,
        flags: impl IntoIterator<Item = Option<MeteredFlag<'a>>>,
    ) -> Self {
        let mut known: HashMap<&str, &Arc<RouteMeter>> =
            earlier.routes.iter().map(|meter| (meter.name(), meter)).collect();
        known.insert(UNMATCHED_ROUTE, &earlier.unmatched);
        let route = |name: &str| match known.get(name) {
            Some(meter) => Arc::clone(meter),
            None => Arc::new(RouteMeter::new(name)),
        };
        let known: HashMap<&str, &Arc<FlagMeter>> =
            earlier.flags().map(|meter| (meter.key(), meter)).collect();
        let flag = |(key, variants): MeteredFlag<'a>| match known.get(key) {
            Some(meter)
                if meter
                    .variants
                    .iter()
                    .map(|variant| &**variant)
                    .eq(variants.iter().copied()) =>
            {
                Arc::clone(meter)
            }
            known => {
                let variants = variants.into_iter().map(Into::into).collect();
                Arc::new(match known {
                    Some(meter) => meter.with_variants(variants),
                    None => FlagMeter::new(key, variants),
                })
            }
        };
        Self {
            routes: routes.into_iter().map(route).collect(),
            unmatched: Arc::clone(&earlier.unmatched),
            flags: flags.into_iter().map(|metered| metered.map(flag)).collect(),
            observed: earlier.observed.clone(),
            served_tenants: Arc::clone(&earlier.served_tenants),
        }
    }

    /// Returns these counters with the observed flags of a snapshot.
    pub(crate) fn observing(&self, snapshot: &Snapshot) -> Self {
        Self {
            observed: self.observed.following(snapshot),
            ..self.clone()
        }
    }

    pub(crate) fn none() -> Self {
        let unmatched = Arc::new(RouteMeter::new(UNMATCHED_ROUTE));
        Self {
            routes: Box::default(),
            unmatched,
            flags: Box::default(),
            observed: ObservedFlags::none(),
            served_tenants: Arc::new(ServedTenants::new()),
        }
    }

    /// Returns the flags whose requests are counted by arm.
    pub(crate) fn observed(&self) -> &ObservedFlags {
        &self.observed
    }

    /// Returns the tenants that were served with flags before ga on.
    pub(crate) fn served_tenants(&self) -> &ServedTenants {
        &self.served_tenants
    }

    /// Returns the counters of the route at `index`, or those of unmatched requests.
    #[must_use]
    pub fn route(&self, index: usize) -> &Arc<RouteMeter> {
        self.routes.get(index).unwrap_or(&self.unmatched)
    }

    /// Returns the counters of unmatched requests.
    #[must_use]
    pub fn unmatched(&self) -> &Arc<RouteMeter> {
        &self.unmatched
    }

    /// Returns the counters of the flag at `index`.
    #[must_use]
    pub fn flag(&self, index: usize) -> Option<&Arc<FlagMeter>> {
        self.flags.get(index)?.as_ref()
    }

    /// Returns the counters of every route once, those of unmatched requests last.
    pub(crate) fn routes(&self) -> impl Iterator<Item = &Arc<RouteMeter>> {
        let named = self
            .routes
            .iter()
            .filter(|meter| !Arc::ptr_eq(meter, &self.unmatched));
        named.chain([&self.unmatched])
    }

    /// Returns the counters of every flag, in no particular order.
    pub(crate) fn flags(&self) -> impl Iterator<Item = &Arc<FlagMeter>> {
        self.flags.iter().flatten()
    }
}

fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn cells(count: usize) -> Box<[AtomicU64]> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

fn count(cells: &[AtomicU64], index: usize) {
    if let Some(cell) = cells.get(index) {
        cell.fetch_add(1, Ordering::Relaxed);
    }
}

fn class(status: u16) -> usize {
    match status / 100 {
        class @ 1..=5 => usize::from(class),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
