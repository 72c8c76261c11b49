//! Observations of flags for the control plane, read from the served snapshot and its counters. No request waits for
//! it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use rules::{Cause, GateMode, Otherwise, Timestamp};

use crate::arms::TakenSlot;
use crate::breakers::BreakerEvent;
use crate::coverage::{Coverage, coverage};
use crate::receipts::{Receipt, ReceiptFilter, ReceiptNow, decide_now};
use crate::shadow_report::{ShadowCounts, ShadowGate};
use crate::shared::Shared;

/// The observations of a proxy. Cheap to clone.
#[derive(Clone)]
pub struct Observations {
    shared: Arc<Shared>,
}

/// The counts of a flag since the proxy started, or since the flag was added. They never decrease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagCounts {
    /// The flag's key.
    pub key: Box<str>,
    /// The number of decisions for gates.
    pub decisions: u64,
    /// The number of responses of status 5xx on routes whose gate names the flag, to requests that it was on for.
    pub errors: u64,
    /// The number of responses without an error on routes whose gate names the flag, to requests that it was on for.
    /// Counted for flags before ga only.
    pub served: u64,
}

impl Observations {
    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Returns the counts of every served flag, in key order.
    #[must_use]
    pub fn flags(&self) -> Vec<FlagCounts> {
        let prepared = self.shared.current.load();
        let flag = |meter: &Arc<crate::meter::FlagMeter>| FlagCounts {
            key: meter.key().into(),
            decisions: meter.total(),
            errors: meter.errors(),
            served: meter.served(),
        };
        let mut seen: Vec<FlagCounts> = prepared.meters.flags().map(flag).collect();
        seen.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        seen
    }

    /// Ends the slot of each observed flag, and returns its key and its counts.
    #[must_use]
    pub fn take_slots(&self) -> Vec<(Box<str>, TakenSlot)> {
        let prepared = self.shared.current.load();
        let slots = prepared.meters.observed().take_slots();
        slots.map(|(key, slot)| (key.into(), slot)).collect()
    }

    /// Returns true if a route answers requests itself while its gate, which names the flag, is closed.
    #[must_use]
    pub fn answers_off(&self, flag: &str) -> bool {
        let prepared = self.shared.current.load();
        let snapshot = &prepared.decider.snapshot;
        let Some(id) = snapshot.flags.id(flag) else {
            return false;
        };
        let mut routes = snapshot.routes.all().iter();
        routes.any(|route| {
            let is_gated = route.gate.as_ref().is_some_and(|gate| gate.flags().contains(&id));
            let answers = matches!(route.otherwise_for(Cause::HeldBack), Otherwise::Answer(_));
            is_gated && answers && route.mode == GateMode::Enforce
        })
    }

    /// Returns the tenants that opted in to a flag before ga or are on its allowlist, and were served a request with it on
    /// since the last call: the flag's key and the tenant's id. At most some thousand pairs are noted between two calls.
    #[must_use]
    pub fn take_served_tenants(&self) -> Vec<(Box<str>, Box<str>)> {
        self.shared.current.load().meters.served_tenants().take()
    }

    /// Returns the ids of tenants that observed flags were counted for since the last call, each with its hash.
    #[must_use]
    pub fn take_tenant_names(&self) -> Vec<(u64, Box<str>)> {
        self.shared.current.load().meters.observed().names().take()
    }

    /// Returns the keys of the flags whose circuit breaker is open or half-open for a tenant.
    #[must_use]
    pub fn open_breakers(&self, tenant: &str) -> Vec<Box<str>> {
        let prepared = self.shared.current.load();
        prepared.meters.observed().broken_flags(tenant)
    }

    /// Returns the events of circuit breakers since the last call, and the number of those that were dropped because
    /// nobody took them. Closes the breakers of tenants that have sent no request for an hour.
    #[must_use]
    pub fn take_breaker_events(&self) -> (Vec<BreakerEvent>, u64) {
        let prepared = self.shared.current.load();
        let observed = prepared.meters.observed();
        let process = observed.process_breakers();
        let now = process.micros(Instant::now());
        observed
            .all_breakers()
            .for_each(|breaker| breaker.close_idle(now));
        process.take_events()
    }

    /// Returns the receipt of a request, and its decision as it would be made at `now`; none if it is not kept.
    #[must_use]
    pub fn receipt(&self, id: &str, now: Timestamp) -> Option<(Receipt, ReceiptNow)> {
        let prepared = self.shared.current.load();
        self.shared.receipts.find(|record| {
            record.id.filter(|kept| kept.as_str() == id)?;
            let receipt = Receipt::of(record);
            let open = prepared.meters.observed().broken_flags(record.texts().tenant);
            let again = decide_now(record, &receipt, &prepared.decider.snapshot, (&open, now));
            Some((receipt, again))
        })
    }

    /// Returns the latest receipts that match, the newest first; at most `limit`.
    #[must_use]
    pub fn receipts(&self, filter: &ReceiptFilter, limit: usize) -> Vec<Receipt> {
        let mut found = Vec::new();
        let _: Option<()> = self.shared.receipts.find(|record| {
            if found.len() >= limit {
                return Some(());
            }
            found.extend(filter.matches(record).then(|| Receipt::of(record)));
            None
        });
        found
    }

    /// Returns the requests that gates in shadow mode would have refused, in the order of the routes.
    #[must_use]
    pub fn shadow_gates(&self) -> Vec<ShadowGate> {
        let prepared = self.shared.current.load();
        let snapshot = &prepared.decider.snapshot;
        let routes = snapshot.routes.all().iter().enumerate();
        let shadow = routes.filter(|(_, route)| route.mode == GateMode::Shadow);
        let gates = shadow.filter_map(|(index, route)| {
            let meter = prepared.meters.route(index);
            let totals = meter.shadow().map(ShadowCounts::totals).unwrap_or_default();
            Some(ShadowGate {
                route: route.name.clone(),
                gate: route.gate.as_ref()?.describe(&snapshot.flags),
                since: meter.since(),
                requests: meter.total(|_| true),
                refused: totals.refused,
                undivided: totals.undivided,
                seen: totals.seen,
                causes: totals.causes,
                tenants: totals.tenants,
            })
        });
        gates.collect()
    }

    /// Returns the coverage of the served routes and flags by the traffic.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let prepared = self.shared.current.load();
        coverage(&prepared.decider.snapshot, &prepared.meters)
    }

    /// Returns the number of receipts that are kept at most.
    #[must_use]
    pub fn receipt_places(&self) -> usize {
        self.shared.receipts.places()
    }

    /// Returns the keys of the flags that a gate names, in key order.
    #[must_use]
    pub fn gated(&self) -> Vec<Box<str>> {
        let prepared = self.shared.current.load();
        let routes = prepared.decider.snapshot.routes.all().iter();
        let ids = routes
            .filter_map(|route| route.gate.as_ref())
            .flat_map(|gate| gate.flags());
        let keys: BTreeSet<&str> = ids
            .filter_map(|id| Some(prepared.decider.snapshot.flags.flag(*id)?.key().as_str()))
            .collect();
        keys.into_iter().map(Into::into).collect()
    }
}
