//! What the proxy has seen of flags so far, for whoever operates them. Read from the snapshot served and its meters;
//! nothing on a request's way waits for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::shared::Shared;

/// What a proxy has seen so far. Cheap to clone.
#[derive(Clone)]
pub struct Observations {
    shared: Arc<Shared>,
}

/// What was seen of one flag since the proxy started, or since the flag came. Counts only grow, whatever snapshots
/// come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagCounts {
    /// Its key.
    pub key: Box<str>,
    /// How many decisions gates asked for.
    pub decisions: u64,
    /// How many responses of status 5xx were given on routes whose gate names it, to requests that it was on for.
    pub errors: u64,
}

impl Observations {
    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Every flag that is served, in key order.
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

    /// The keys of the flags that a gate names, in key order.
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
