//! The coverage of gates and flags by the traffic: routes without a gate, unmatched requests, gates and flags that no
//! request was decided by.

use std::collections::HashSet;

use rules::{FlagId, Include, Snapshot, Timestamp};

use crate::meter::{Meters, RouteMeter};
use crate::outcome::RequestOutcome;

/// The coverage of the served routes and flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The routes without a gate that had requests, the most frequent first.
    pub ungated: Vec<CountedRoute>,
    /// The requests that no route matched, or that were refused before.
    pub unmatched: CountedRoute,
    /// The routes whose gate decided no request.
    pub idle_gates: Vec<CountedRoute>,
    /// The flags that no request was decided by.
    pub idle_flags: Vec<IdleFlag>,
}

/// The requests of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedRoute {
    /// The name; empty for unmatched requests.
    pub route: Box<str>,
    /// Its gate, as text; none without a gate.
    pub gate: Option<String>,
    /// The requests, those included that were refused before a gate.
    pub requests: u64,
    /// The time since when they are counted: the start of the process, or the load of the route.
    pub since: Timestamp,
}

/// A flag that no request was decided by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleFlag {
    /// The key.
    pub flag: Box<str>,
    /// The routes whose gate or variants read it, also through flags that require it; empty if none do.
    pub routes: Vec<Box<str>>,
    /// True if a header to upstreams has it. A flag that the documents name for a header is not idle once a request was
    /// forwarded.
    pub is_in_header: bool,
    /// The time since when it is counted.
    pub since: Timestamp,
}

/// Returns the coverage of the routes and flags of a snapshot.
pub(crate) fn coverage(snapshot: &Snapshot, meters: &Meters) -> Coverage {
    let counted = |meter: &RouteMeter, gate| CountedRoute {
        route: meter.name().into(),
        gate,
        requests: meter.total(|_| true),
        since: meter.since(),
    };
    let (mut ungated, mut idle_gates) = (Vec::new(), Vec::new());
    let mut read_by: Vec<(Box<str>, HashSet<FlagId>)> = Vec::new();
    let (mut evaluated, mut has_forwarded) = (HashSet::new(), false);
    for (index, route) in snapshot.routes.all().iter().enumerate() {
        let meter = meters.route(index);
        let decided = meter.total(is_decided);
        has_forwarded |= meter.total(is_forwarded) > 0;
        let flags = flags_of(route, snapshot);
        match &route.gate {
            None if meter.total(|_| true) > 0 => ungated.push(counted(meter, None)),
            Some(gate) if decided == 0 => {
                idle_gates.push(counted(meter, Some(gate.describe(&snapshot.flags))));
            }
            _ => {}
        }
        if decided > 0 {
            evaluated.extend(flags.iter().copied());
        }
        read_by.push((route.name.clone(), flags));
    }
    ungated.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.route.cmp(&b.route)));
    let listed = listed_in_header(snapshot);
    let has_all = has_all_in_header(snapshot);
    let is_evaluated = |id: &FlagId| evaluated.contains(id) || has_forwarded && listed.contains(id);
    let idle = snapshot.flags.iter().filter(|(id, _)| !is_evaluated(id));
    let mut idle_flags: Vec<IdleFlag> = idle
        .map(|(id, flag)| {
            let routes = read_by.iter().filter(|(_, flags)| flags.contains(&id));
            IdleFlag {
                flag: flag.key().as_str().into(),
                routes: routes.map(|(name, _)| name.clone()).collect(),
                is_in_header: has_all || listed.contains(&id),
                since: meters
                    .flag(id.index())
                    .map_or(meters.unmatched().since(), |meter| meter.since()),
            }
        })
        .collect();
    idle_flags.sort_by(|a, b| a.flag.cmp(&b.flag));
    Coverage {
        ungated,
        unmatched: CountedRoute {
            route: "".into(),
            ..counted(meters.unmatched(), None)
        },
        idle_gates,
        idle_flags,
    }
}

/// Returns true for the outcomes of requests whose gate was decided.
fn is_decided(outcome: RequestOutcome) -> bool {
    matches!(
        outcome,
        RequestOutcome::Rejected | RequestOutcome::Redirected | RequestOutcome::Undecided
    ) || is_forwarded(outcome)
}

/// Returns true for the outcomes of requests that an upstream was asked for.
fn is_forwarded(outcome: RequestOutcome) -> bool {
    matches!(
        outcome,
        RequestOutcome::Forwarded
            | RequestOutcome::Fallback
            | RequestOutcome::Shadowed
            | RequestOutcome::UpstreamError
    )
}

/// Returns the flags that a route reads, and those that these require.
fn flags_of(route: &rules::Route, snapshot: &Snapshot) -> HashSet<FlagId> {
    let of_gate = route.gate.iter().flat_map(|gate| gate.flags().iter().copied());
    let of_variants = match &route.destination {
        rules::Destination::Variants { flag, .. } => Some(*flag),
        rules::Destination::Upstream(_) => None,
    };
    let mut pending: Vec<FlagId> = of_gate.chain(of_variants).collect();
    let mut found = HashSet::new();
    while let Some(id) = pending.pop() {
        if found.insert(id)
            && let Some(flag) = snapshot.flags.flag(id)
        {
            pending.extend((0..u16::MAX).map_while(|place| flag.required_flag(place)));
        }
    }
    found
}

/// Returns the flags that the documents name for headers of every route. These are decided for each forwarded request.
/// That a header has all flags says nothing about one of them.
fn listed_in_header(snapshot: &Snapshot) -> HashSet<FlagId> {
    let plan = &snapshot.headers;
    let mut listed: HashSet<FlagId> = plan.per_flag.iter().map(|(flag, _)| *flag).collect();
    match plan.flags.as_ref().map(|header| &header.include) {
        Some(Include::List(ids)) => listed.extend(ids.iter().copied()),
        Some(Include::All | Include::Route) | None => {}
    }
    listed
}

fn has_all_in_header(snapshot: &Snapshot) -> bool {
    let flags = snapshot.headers.flags.as_ref();
    flags.is_some_and(|header| matches!(header.include, Include::All))
}
