//! The records of all tenants. A changed copy leaves the tables of earlier snapshots as they are, and shares
//! all shards without a changed record with them.

use std::hint::black_box;

use arrayvec::ArrayVec;

use crate::Tenant;
use crate::shards::{Keyed, Shards};

/// The number of records that a scan prefetches at once: more than a core has memory requests in flight, and
/// few enough to stay in the cache.
const FETCHED_AT_ONCE: usize = 32;

/// The records of all tenants, by id.
#[derive(Debug, Clone, Default)]
pub struct Tenants(Shards<Tenant>);

/// The record of a tenant in two versions of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TenantChange<'t> {
    /// The former record; none if the tenant was added.
    pub before: Option<&'t Tenant>,
    /// The present record; none if the tenant was removed.
    pub after: Option<&'t Tenant>,
}

impl Keyed for Tenant {
    fn key(&self) -> &str {
        self.id.as_str()
    }
}

impl Tenants {
    /// Creates the table of `tenants`, whose ids are unique.
    #[must_use]
    pub fn new(tenants: Vec<Tenant>) -> Self {
        Self(tenants.into_iter().collect())
    }

    /// Returns a copy with the records of `changed` added or replaced, and without those of `removed`.
    #[must_use]
    pub fn with<'i>(
        &self,
        changed: impl IntoIterator<Item = Tenant>,
        removed: impl IntoIterator<Item = &'i str>,
    ) -> Self {
        let mut table = self.0.clone();
        for id in removed {
            table.remove(id);
        }
        for tenant in changed {
            table.put(tenant);
        }
        table.settle();
        Self(table)
    }

    /// Returns the record of the tenant with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Tenant> {
        self.0.find(id)
    }

    /// Returns the number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the records that differ in `after`, a version of this table. `None` if they are more than `max`, or
    /// cannot be found without reading the whole table.
    #[must_use]
    pub fn changes<'t>(&'t self, after: &'t Self, max: usize) -> Option<Vec<TenantChange<'t>>> {
        let changes = self.0.changes(&after.0, max)?.into_iter();
        Some(
            changes
                .map(|(before, after)| TenantChange { before, after })
                .collect(),
        )
    }

    /// Returns every record, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Tenant> {
        self.0.iter()
    }

    /// Returns every record, in no particular order, for deciding about most of them. The memory that a
    /// decision reads is prefetched for many records at once, because single cache misses would dominate the
    /// time.
    pub fn scan(&self) -> impl Iterator<Item = &Tenant> {
        let mut rest = self.iter();
        let mut fetched = ArrayVec::<&Tenant, FETCHED_AT_ONCE>::new();
        std::iter::from_fn(move || {
            if fetched.is_empty() {
                fetched.extend(rest.by_ref().take(FETCHED_AT_ONCE));
                fetch(&fetched);
            }
            fetched.pop()
        })
    }
}

/// Prefetches the memory that a decision reads of each record.
///
/// The records are read level by level. Within a level no read needs the result of another, so the cache misses overlap.
fn fetch(tenants: &[&Tenant]) {
    let levels: [fn(&Tenant) -> usize; 4] = [
        Tenant::fetch_record,
        Tenant::fetch_lists,
        Tenant::fetch_entries,
        Tenant::fetch_values,
    ];
    for level in levels {
        let read = tenants.iter().map(|tenant| level(tenant));
        black_box(read.fold(0, |all, one| all ^ one));
    }
}
