//! Observations of flags for the control plane, read from the served snapshot and its counters. No request waits for
//! it.

use std::collections::BTreeSet;
use std::sync::Arc;

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
        };
        let mut seen: Vec<FlagCounts> = prepared.meters.flags().map(flag).collect();
        seen.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        seen
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
