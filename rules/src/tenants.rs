//! Every tenant's record. Replacing one leaves the table of the snapshots before as it was, and shares the others.

use std::hint::black_box;
use std::sync::Arc;

use arrayvec::ArrayVec;

use crate::Tenant;
use crate::shards::{Keyed, Shards};

/// How many records a scan fetches at once: more than a core can wait for at a time, and few enough to stay near.
const FETCHED_AT_ONCE: usize = 32;

/// Every tenant's record, by id.
#[derive(Debug, Clone, Default)]
pub struct Tenants(Shards<Tenant>);

impl Keyed for Tenant {
    fn key(&self) -> &str {
        &self.id
    }
}

impl Tenants {
    /// The table of `tenants`, whose ids are all different.
    #[must_use]
    pub fn new(tenants: Vec<Tenant>) -> Self {
        Self(tenants.into_iter().map(Arc::new).collect())
    }

    /// The same with the records of `changed` in place of those with their ids, and without those of `removed`.
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
            table.put(Arc::new(tenant));
        }
        table.spread();
        Self(table)
    }

    /// The record of the tenant with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Tenant> {
        self.0.find(id).map(|tenant| &**tenant)
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no record at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every record, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Tenant> {
        self.0.shared().map(|tenant| &**tenant)
    }

    /// Every record, in no particular order, where about every one a decision is to be made: what that reads is
    /// fetched for many records at a time, since one after the other it would be waited for each time.
    pub fn scan(&self) -> impl Iterator<Item = &Tenant> {
        self.scan_part(0, 1)
    }

    /// The same of one of `parts` about equal parts, from 0 on, which together have all.
    pub fn scan_part(&self, part: usize, parts: usize) -> impl Iterator<Item = &Tenant> {
        let mut rest = self.0.part(part, parts).map(|tenant| &**tenant);
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

/// Has the memory behind the records read, level by level: within a level no reading depends on another.
fn fetch(tenants: &[&Tenant]) {
    let levels: [fn(&Tenant) -> usize; 3] = [Tenant::fetch_record, Tenant::fetch_lists, Tenant::fetch_values];
    for level in levels {
        let read = tenants.iter().map(|tenant| level(tenant));
        black_box(read.fold(0, |all, one| all ^ one));
    }
}
