//! Values that are rendered from the decisions about flags, kept for each tenant of one snapshot.
//!
//! The values of a tenant are the same for all its requests if no decision reads anything of a request
//! ([`DecisionInputs`]). They are then rendered once and shared. One cache belongs to one snapshot and is dropped with
//! it, so that no entry outlives the flags and records that it was rendered from.

use std::collections::HashMap;
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rules::{DecisionInputs, FlagId, RouteId, Snapshot, Subject, Timestamp};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The most memory that the values of one cache take if each takes as much as the header's budget, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The number of slots, whatever the budget is.
const SLOTS: std::ops::RangeInclusive<usize> = 128..=16_384;
/// Slots in which an entry may be.
const WAYS: usize = 2;

/// Rendered values by tenant, and by route where they depend on it. Reading takes no lock.
pub(crate) struct RenderedFlags<V> {
    lists: Arc<RenderedLists>,
    /// Groups of [`WAYS`], a power of two of them. An entry is in one of the slots of its group.
    slots: Box<[ArcSwapOption<Entry<V>>]>,
}

/// The different lists of flags that the header plan renders. Shared by snapshots with the same flags, routes and plan.
struct RenderedLists {
    inputs: Vec<DecisionInputs>,
    /// The list of each route, by route id; empty if there is one list for all.
    of_route: Vec<u32>,
}

/// The values of a tenant.
pub(crate) struct Entry<V> {
    list: u32,
    tenant: Option<Box<str>>,
    /// The time in which no schedule begins or ends.
    period: Range<Timestamp>,
    value: V,
}

/// Rendered values: shared with other requests of the tenant, or those of this request alone.
pub(crate) enum Rendered<V> {
    Shared(Arc<Entry<V>>),
    Own(V),
}

impl<V> RenderedFlags<V> {
    /// Creates the cache of a snapshot.
    pub(crate) fn new(snapshot: &Snapshot) -> Self {
        Self::with_lists(snapshot, Arc::new(RenderedLists::new(snapshot)))
    }

    /// Creates the cache of a snapshot that follows `former`, the snapshot of this cache. If only tenants have changed, the
    /// inputs of decisions are not computed again.
    pub(crate) fn following(&self, former: &Snapshot, snapshot: &Snapshot) -> Self {
        let is_same = Arc::ptr_eq(&former.flags, &snapshot.flags)
            && Arc::ptr_eq(&former.routes, &snapshot.routes)
            && Arc::ptr_eq(&former.headers, &snapshot.headers);
        match is_same {
            true => Self::with_lists(snapshot, Arc::clone(&self.lists)),
            false => Self::new(snapshot),
        }
    }

    fn with_lists(snapshot: &Snapshot, lists: Arc<RenderedLists>) -> Self {
        let budget = snapshot.headers.flags.as_ref().map_or(1, |header| header.budget);
        let count = (MAX_BYTES / budget.max(1)).clamp(*SLOTS.start(), *SLOTS.end());
        // Rounded down to a power of two, so that the limit holds.
        let count = 1_usize << count.ilog2();
        let slots = std::iter::repeat_with(ArcSwapOption::empty);
        Self {
            lists,
            slots: slots.take(count).collect(),
        }
    }

    /// Returns the values for a request of `route` and `subject` at `now`, whose record is that of this snapshot. Calls
    /// `render` if they are not kept.
    pub(crate) fn find(
        &self,
        route: Option<RouteId>,
        subject: &Subject<'_>,
        now: Timestamp,
        render: impl FnOnce() -> V,
    ) -> Rendered<V> {
        let list = self.lists.of(route);
        let inputs = self.lists.inputs(list);
        // Breakers are no part of the snapshot, and a request may try a half-open one.
        let inputs = inputs.filter(|_| subject.open_breakers.is_empty());
        let Some(inputs) = inputs.filter(|inputs| inputs.depend_on_tenant_alone(subject.record)) else {
            return Rendered::Own(render());
        };
        let hash = xxh3_64_with_seed(subject.tenant.unwrap_or_default().as_bytes(), list.into());
        let group = self.group(hash);
        for slot in group {
            let entry = slot.load();
            if let Some(entry) = &*entry
                && entry.list == list
                && entry.tenant.as_deref() == subject.tenant
                && entry.period.contains(&now)
            {
                return Rendered::Shared(Arc::clone(entry));
            }
        }
        let entry = Arc::new(Entry {
            list,
            tenant: subject.tenant.map(Into::into),
            period: inputs.period(now),
            value: render(),
        });
        // An empty slot, or one by the hash. Two requests may render the same at once; the later one is kept.
        let empty = group.iter().find(|slot| slot.load().is_none());
        let by_hash = usize::try_from(hash >> 63).ok().and_then(|at| group.get(at));
        if let Some(slot) = empty.or(by_hash) {
            slot.store(Some(Arc::clone(&entry)));
        }
        Rendered::Shared(entry)
    }

    /// Returns true if the subject of a request of `route` has an attribute that one of the rollouts or splits of the
    /// rendered flags is `by`.
    pub(crate) fn has_visitor_id(&self, route: Option<RouteId>, subject: &Subject<'_>) -> bool {
        let inputs = self.lists.inputs(self.lists.of(route));
        inputs.is_some_and(|inputs| inputs.has_visitor_id(subject))
    }

    /// Returns the slots for a hash.
    fn group(&self, hash: u64) -> &[ArcSwapOption<Entry<V>>] {
        let groups = self.slots.len() / WAYS;
        let mask = groups.saturating_sub(1);
        let group = usize::try_from(hash).unwrap_or(0) & mask;
        let begin = group.saturating_mul(WAYS);
        self.slots
            .get(begin..begin.saturating_add(WAYS))
            .unwrap_or_default()
    }
}

impl RenderedLists {
    fn new(snapshot: &Snapshot) -> Self {
        let inputs = |gated: &[FlagId]| snapshot.headers.decision_inputs(&snapshot.flags, gated);
        // The first list is that of a request without a gate.
        let mut lists = Self {
            inputs: vec![inputs(&[])],
            of_route: Vec::new(),
        };
        if !snapshot.headers.depends_on_route() {
            return lists;
        }
        // Routes whose gates name the same flags share a list.
        let mut known: HashMap<&[FlagId], u32> = HashMap::from([(&[][..], 0)]);
        for route in snapshot.routes.all() {
            let gated = route.gate.as_ref().map_or(&[][..], |gate| gate.flags());
            let list = *known.entry(gated).or_insert_with(|| {
                lists.inputs.push(inputs(gated));
                u32::try_from(lists.inputs.len().saturating_sub(1)).unwrap_or(0)
            });
            lists.of_route.push(list);
        }
        lists
    }

    /// Returns the inputs of the decisions about a list.
    fn inputs(&self, list: u32) -> Option<&DecisionInputs> {
        self.inputs.get(usize::try_from(list).ok()?)
    }

    /// Returns the list for requests of `route`.
    fn of(&self, route: Option<RouteId>) -> u32 {
        let list = route.and_then(|route| self.of_route.get(route.index()));
        list.copied().unwrap_or(0)
    }
}

impl<V: Default> Default for Rendered<V> {
    fn default() -> Self {
        Self::Own(V::default())
    }
}

impl<V: fmt::Debug> fmt::Debug for Rendered<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<V> Deref for Rendered<V> {
    type Target = V;

    fn deref(&self) -> &V {
        match self {
            Self::Shared(entry) => &entry.value,
            Self::Own(value) => value,
        }
    }
}

impl<V> fmt::Debug for RenderedFlags<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderedFlags")
            .field("slots", &self.slots.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
