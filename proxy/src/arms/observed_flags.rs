//! The observed flags of a snapshot, and those that each route's requests count for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rules::{
    Arm, Cause, FlagId, MAX_BREAKERS, RequestDecision, RouteId, Snapshot, Subject, Timestamp, decide,
};
use xxhash_rust::xxh3::xxh3_64;

use super::arm_of_request::{ArmOfRequest, ArmsOfRequest, MAX_FLAGS_OF_REQUEST};
use super::flag_arms::{FlagArms, RequestEnd, TakenOverlap, TakenSlot};
use super::overlap::Overlap;
use super::tenant_names::TenantNames;
use crate::breakers::{FlagBreaker, OpenBreakers, OpenFlags, ProcessBreakers};

/// The observed flags of a snapshot.
#[derive(Debug, Clone)]
pub(crate) struct ObservedFlags {
    flags: Arc<[Observed]>,
    /// By the snapshot's route ids: indexes into `flags`.
    of_routes: Arc<[Box<[u16]>]>,
    /// The flags with a circuit breaker: indexes into `flags`.
    with_breaker: Arc<[u16]>,
    process_breakers: Arc<ProcessBreakers>,
    names: Arc<TenantNames>,
}

#[derive(Debug)]
struct Observed {
    id: FlagId,
    arms: Arc<FlagArms>,
    /// The statuses that are errors, besides 5xx.
    errors: Box<[u16]>,
    breaker: Option<Arc<FlagBreaker>>,
    /// The other planned flags on its routes, if it is planned.
    overlaps: Box<[Overlap]>,
}

/// A request that has ended, as observed flags count it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndedRequest<'r> {
    /// Its id.
    pub(crate) id: &'r str,
    /// Its tenant.
    pub(crate) tenant: Option<&'r str>,
    pub(crate) started: Instant,
    pub(crate) duration: Duration,
    /// The status of the upstream's response.
    pub(crate) status: u16,
    pub(crate) end: RequestEnd,
}

impl ObservedFlags {
    /// Observes nothing.
    pub(crate) fn none() -> Self {
        Self {
            flags: Arc::default(),
            of_routes: Arc::default(),
            with_breaker: Arc::default(),
            process_breakers: ProcessBreakers::new(),
            names: Arc::new(TenantNames::new()),
        }
    }

    /// Returns the observed flags of a snapshot: those with a rollout plan, and those that routes observe. The counts of
    /// flags that were observed before continue.
    pub(crate) fn following(&self, snapshot: &Snapshot) -> Self {
        let routes = snapshot.routes.all();
        let named = routes.iter().flat_map(|route| route.observed.iter().copied());
        let planned = snapshot.flags.iter().filter(|(_, flag)| flag.is_planned());
        let mut ids: Vec<FlagId> = named.chain(planned.map(|(id, _)| id)).collect();
        ids.sort_unstable();
        ids.dedup();
        let known: HashMap<&str, &Observed> = self.flags.iter().map(|flag| (flag.arms.key(), flag)).collect();
        let observed = ids.iter().filter_map(|id| {
            let flag = snapshot.flags.flag(*id)?;
            let key = flag.key().as_str();
            let known = known.get(key);
            let arms = known.map_or_else(|| Arc::new(FlagArms::new(key)), |known| Arc::clone(&known.arms));
            let breaker = flag.breaker().map(|settings| {
                let known = known.and_then(|known| known.breaker.as_ref());
                match known.filter(|breaker| breaker.settings() == settings) {
                    Some(breaker) => Arc::clone(breaker),
                    None => Arc::new(FlagBreaker::new(key, *settings, &self.process_breakers)),
                }
            });
            Some(Observed {
                id: *id,
                arms,
                errors: flag.error_statuses().into(),
                breaker,
                overlaps: Box::default(),
            })
        });
        let mut flags: Vec<Observed> = observed.collect();
        let with_breaker = (0_u16..).zip(flags.iter());
        let with_breaker = with_breaker.filter_map(|(index, flag)| flag.breaker.as_ref().map(|_| index));
        // The control plane accepts no more.
        let with_breaker = with_breaker.take(MAX_BREAKERS).collect();
        let index_of = |flags: &[Observed], id: FlagId| {
            let index = flags.binary_search_by_key(&id, |flag| flag.id).ok()?;
            u16::try_from(index).ok()
        };
        let of_route = |route: &rules::Route| {
            let mut indexes: Vec<u16> = route.flags().filter_map(|id| index_of(&flags, id)).collect();
            indexes.sort_unstable();
            indexes.dedup();
            indexes.truncate(MAX_FLAGS_OF_REQUEST);
            indexes.into_boxed_slice()
        };
        let of_routes: Arc<[Box<[u16]>]> = routes.iter().map(of_route).collect();
        let is_planned = |index: u16| {
            let id = flags.get(usize::from(index)).map(|flag| flag.id);
            let flag = id.and_then(|id| snapshot.flags.flag(id));
            flag.is_some_and(rules::Flag::is_planned)
        };
        let overlaps = overlaps(&of_routes, is_planned);
        for (flag, other) in overlaps {
            if let Some(flag) = flags.get_mut(usize::from(flag)) {
                flag.overlaps = other.into_iter().map(Overlap::new).collect();
            }
        }
        Self {
            of_routes,
            flags: flags.into(),
            with_breaker,
            process_breakers: Arc::clone(&self.process_breakers),
            names: Arc::clone(&self.names),
        }
    }

    /// Adds the arms of a request that was decided for `subject` to `arms`, and reports its tenant if it is new. Allocates
    /// nothing, except for the name of a new tenant.
    pub(crate) fn add_arms(
        &self,
        snapshot: &Snapshot,
        decided: &RequestDecision<'_>,
        (subject, now): (&Subject<'_>, Timestamp),
        arms: &mut ArmsOfRequest,
    ) {
        let indexes = decided.route.and_then(|route| self.of_routes.get(route.index()));
        let Some(indexes) = indexes.filter(|indexes| !indexes.is_empty()) else {
            return;
        };
        let tenant = subject.tenant.map_or(0, |tenant| xxh3_64(tenant.as_bytes()));
        if let Some(id) = subject.tenant {
            self.names.report(tenant, id);
        }
        let flags = &snapshot.flags;
        for &index in indexes {
            let Some(observed) = self.flags.get(usize::from(index)) else {
                continue;
            };
            // Most gates have one flag, whose decision is known.
            let decision = match decided.verdict {
                Some(verdict) if verdict.flag == observed.id => verdict.decision,
                _ => decide(flags, observed.id, subject, now),
            };
            let _ = arms.try_push(ArmOfRequest {
                flag: index,
                arm: flags.arm(observed.id, &decision, subject),
                unit: flags.unit(observed.id, subject, subject.tenant.map(|_| tenant)),
                tenant,
            });
        }
    }

    /// Counts a request for each of its flags.
    pub(crate) fn count(&self, arms: &ArmsOfRequest, request: &EndedRequest<'_>) {
        // Half of an id is as random as all of it, and is hashed in half the time.
        let id = request.id.as_bytes();
        let hash = xxh3_64(id.last_chunk::<16>().map_or(id, |half| half.as_slice()));
        for of_flag in arms {
            let Some(observed) = self.flags.get(usize::from(of_flag.flag)) else {
                continue;
            };
            let end = match request.end {
                // Nearly no plan has statuses of its own.
                RequestEnd::Served(latency)
                    if !observed.errors.is_empty() && observed.errors.contains(&request.status) =>
                {
                    RequestEnd::Failed(latency)
                }
                end => end,
            };
            observed.arms.count(of_flag, hash, end);
            if end.is_of_upstream() {
                let overlaps = observed.overlaps.iter();
                overlaps.for_each(|overlap| overlap.count(of_flag.arm, arms));
            }
            if let Some(breaker) = &observed.breaker {
                self.count_for_breaker(breaker, of_flag, request, end);
            }
        }
    }

    /// Counts a request for the circuit breaker of a flag: one that the stages in force admitted, or of a tenant that
    /// opted in.
    fn count_for_breaker(
        &self,
        breaker: &FlagBreaker,
        of_flag: &ArmOfRequest,
        request: &EndedRequest<'_>,
        end: RequestEnd,
    ) {
        let is_treated = matches!(
            of_flag.arm,
            Arm::Treatment | Arm::OptedIn | Arm::Excluded(Cause::Rollout)
        );
        let is_error = match end {
            RequestEnd::Served(_) => false,
            RequestEnd::Failed(_) | RequestEnd::Broken => true,
            RequestEnd::Aborted | RequestEnd::Answered => return,
        };
        if let Some(id) = request.tenant.filter(|_| is_treated) {
            let begun = self.process_breakers.micros(request.started);
            let duration = u64::try_from(request.duration.as_micros()).unwrap_or(u64::MAX);
            let times = (begun, begun.saturating_add(duration));
            breaker.count((of_flag.tenant, id), times, is_error);
        }
    }

    /// Returns the open circuit breakers of a request of `route`, which begins at `started`. Of a half-open one, a
    /// request of a route that counts for its flag may be let through.
    pub(crate) fn open_breakers(
        &self,
        route: Option<RouteId>,
        tenant: Option<&str>,
        started: Instant,
    ) -> OpenBreakers {
        let mut open = OpenBreakers::default();
        // Nearly always none is open.
        let Some(tenant) = tenant.filter(|_| self.process_breakers.open() > 0) else {
            return open;
        };
        let counted = route.and_then(|route| self.of_routes.get(route.index()));
        let (hash, now) = (xxh3_64(tenant.as_bytes()), self.process_breakers.micros(started));
        for (index, flag) in self.breakers() {
            let may_try = counted.is_some_and(|counted| counted.contains(&flag));
            if self
                .breaker(flag)
                .is_some_and(|breaker| breaker.refuses(hash, now, may_try))
            {
                open.add(index);
            }
        }
        open
    }

    /// Appends the flags of open circuit breakers.
    pub(crate) fn open_flags(&self, open: OpenBreakers, flags: &mut OpenFlags) {
        if open.is_empty() {
            return;
        }
        let open = self.breakers().filter(|(index, _)| open.contains(*index));
        let open = open.filter_map(|(_, flag)| Some(self.flags.get(usize::from(flag))?.id));
        let left = flags.remaining_capacity();
        flags.extend(open.take(left));
    }

    /// Returns the keys of the flags whose circuit breaker is open or half-open for a tenant.
    pub(crate) fn broken_flags(&self, tenant: &str) -> Vec<Box<str>> {
        let hash = xxh3_64(tenant.as_bytes());
        let breakers = self.breakers().filter_map(|(_, flag)| self.breaker(flag));
        let open = breakers.filter(|breaker| breaker.is_open(hash));
        open.map(|breaker| breaker.flag().into()).collect()
    }

    /// Returns the position of each circuit breaker in the bits of a request, and the index of its flag.
    fn breakers(&self) -> impl Iterator<Item = (usize, u16)> {
        self.with_breaker.iter().copied().enumerate()
    }

    fn breaker(&self, flag: u16) -> Option<&Arc<FlagBreaker>> {
        self.flags.get(usize::from(flag))?.breaker.as_ref()
    }

    /// Returns all circuit breakers.
    pub(crate) fn all_breakers(&self) -> impl Iterator<Item = &Arc<FlagBreaker>> {
        self.flags.iter().filter_map(|flag| flag.breaker.as_ref())
    }

    /// Returns the limits and events of all circuit breakers.
    pub(crate) fn process_breakers(&self) -> &ProcessBreakers {
        &self.process_breakers
    }

    /// Returns true if both observe the same flags on the same routes, with the same plans as far as they are counted by them.
    pub(crate) fn has_same_flags(&self, other: &Self) -> bool {
        let is_same = |one: &Observed, other: &Observed| {
            let settings = |flag: &Observed| flag.breaker.as_ref().map(|breaker| *breaker.settings());
            let overlaps =
                |flag: &Observed| -> Vec<u16> { flag.overlaps.iter().map(Overlap::other).collect() };
            one.id == other.id
                && one.errors == other.errors
                && settings(one) == settings(other)
                && overlaps(one) == overlaps(other)
        };
        let mut pairs = self.flags.iter().zip(other.flags.iter());
        self.flags.len() == other.flags.len()
            && pairs.all(|(one, other)| is_same(one, other))
            && self.of_routes == other.of_routes
    }

    /// Ends the slot of each flag, and returns its key and its counts.
    pub(crate) fn take_slots(&self) -> impl Iterator<Item = (&str, TakenSlot)> {
        self.flags.iter().map(|flag| {
            let overlaps = flag.overlaps.iter().filter_map(|overlap| {
                let (requests, treated_by_both) = overlap.take();
                let other = self.flags.get(usize::from(overlap.other()))?;
                Some(TakenOverlap {
                    flag: other.arms.key().into(),
                    requests,
                    treated_by_both,
                })
            });
            let slot = TakenSlot {
                overlaps: overlaps.filter(|overlap| overlap.requests > 0).collect(),
                ..flag.arms.take_slot()
            };
            (flag.arms.key(), slot)
        })
    }

    /// Returns the counts of all observed flags.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<FlagArms>> {
        self.flags.iter().map(|flag| &flag.arms)
    }

    /// Returns the names of tenants.
    pub(crate) fn names(&self) -> &TenantNames {
        &self.names
    }
}

/// Returns the planned flags that share a route with another planned flag, by their indexes.
fn overlaps(of_routes: &[Box<[u16]>], is_planned: impl Fn(u16) -> bool) -> BTreeMap<u16, BTreeSet<u16>> {
    let mut overlaps: BTreeMap<u16, BTreeSet<u16>> = BTreeMap::new();
    for indexes in of_routes {
        let planned: Vec<u16> = indexes
            .iter()
            .copied()
            .filter(|index| is_planned(*index))
            .collect();
        for &flag in &planned {
            let others = planned.iter().copied().filter(|other| *other != flag);
            overlaps.entry(flag).or_default().extend(others);
        }
    }
    overlaps
}
