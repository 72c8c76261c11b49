//! The observed flags of a snapshot, and those that each route's requests count for.

use std::collections::HashMap;
use std::sync::Arc;

use rules::{FlagId, RouteId, Snapshot, Subject, Timestamp, decide};
use xxhash_rust::xxh3::xxh3_64;

use super::arm_of_request::{ArmOfRequest, ArmsOfRequest, MAX_FLAGS_OF_REQUEST};
use super::flag_arms::{FlagArms, RequestEnd};
use super::tenant_names::TenantNames;

/// The observed flags of a snapshot.
#[derive(Debug, Clone)]
pub(crate) struct ObservedFlags {
    flags: Arc<[Observed]>,
    /// By the snapshot's route ids: indexes into `flags`.
    of_routes: Arc<[Box<[u16]>]>,
    names: Arc<TenantNames>,
}

#[derive(Debug)]
struct Observed {
    id: FlagId,
    arms: Arc<FlagArms>,
}

impl ObservedFlags {
    /// Observes nothing.
    pub(crate) fn none() -> Self {
        Self {
            flags: Arc::default(),
            of_routes: Arc::default(),
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
        let known: HashMap<&str, &Arc<FlagArms>> = self
            .flags
            .iter()
            .map(|flag| (flag.arms.key(), &flag.arms))
            .collect();
        let observed = ids.iter().filter_map(|id| {
            let key = snapshot.flags.flag(*id)?.key().as_str();
            let arms = known
                .get(key)
                .map_or_else(|| Arc::new(FlagArms::new(key)), |arms| Arc::clone(arms));
            Some(Observed { id: *id, arms })
        });
        let flags: Arc<[Observed]> = observed.collect();
        let index_of = |id: FlagId| {
            let index = flags.binary_search_by_key(&id, |flag| flag.id).ok()?;
            u16::try_from(index).ok()
        };
        let of_route = |route: &rules::Route| {
            let mut indexes: Vec<u16> = route.flags().filter_map(index_of).collect();
            indexes.sort_unstable();
            indexes.dedup();
            indexes.truncate(MAX_FLAGS_OF_REQUEST);
            indexes.into_boxed_slice()
        };
        Self {
            of_routes: routes.iter().map(of_route).collect(),
            flags,
            names: Arc::clone(&self.names),
        }
    }

    /// Returns the arms of a request of `route`, and reports its tenant if it is new. Allocates nothing, except for the
    /// name of a new tenant.
    pub(crate) fn arms(
        &self,
        snapshot: &Snapshot,
        route: Option<RouteId>,
        subject: &Subject<'_>,
        now: Timestamp,
    ) -> ArmsOfRequest {
        let mut arms = ArmsOfRequest::new();
        let indexes = route.and_then(|route| self.of_routes.get(route.index()));
        let Some(indexes) = indexes.filter(|indexes| !indexes.is_empty()) else {
            return arms;
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
            let decision = decide(flags, observed.id, subject, now);
            let _ = arms.try_push(ArmOfRequest {
                flag: index,
                arm: flags.arm(observed.id, &decision, subject),
                unit: flags.unit(observed.id, subject),
                tenant,
            });
        }
        arms
    }

    /// Counts a request by the hash of its id, for each of its flags.
    pub(crate) fn count(&self, arms: &ArmsOfRequest, request: &str, end: RequestEnd) {
        let request = xxh3_64(request.as_bytes());
        for of_flag in arms {
            if let Some(observed) = self.flags.get(usize::from(of_flag.flag)) {
                observed.arms.count(of_flag, request, end);
            }
        }
    }

    /// Returns true if both observe the same flags on the same routes.
    pub(crate) fn has_same_flags(&self, other: &Self) -> bool {
        let ids = |flags: &Self| -> Vec<FlagId> { flags.flags.iter().map(|flag| flag.id).collect() };
        ids(self) == ids(other) && self.of_routes == other.of_routes
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
