//! Every tenant's record, in shards that snapshots share: replacing one record copies one shard, not the table.

use std::hint::black_box;
use std::sync::Arc;

use arrayvec::ArrayVec;
use hashbrown::{HashTable, hash_table::Entry};
use xxhash_rust::xxh3::xxh3_64;

use crate::Tenant;

/// How many tenants a shard is meant to hold; a snapshot of a million has about two thousand shards.
const SHARD_SIZE: usize = 512;
/// How many records a scan fetches at once: more than a core can wait for at a time, and few enough to stay near.
const FETCHED_AT_ONCE: usize = 32;
/// The most shards, as bits of the hash.
const MAX_SHARD_BITS: u32 = 12;

/// Every tenant's record, by id.
#[derive(Debug, Clone, Default)]
pub struct Tenants {
    /// A power of two of them.
    shards: Box<[Arc<HashTable<Arc<Tenant>>>]>,
    len: usize,
}

impl Tenants {
    /// The table of `tenants`, whose ids are all different.
    #[must_use]
    pub fn new(tenants: Vec<Tenant>) -> Self {
        tenants.into_iter().map(Arc::new).collect()
    }

    /// The same with the records of `changed` in place of those with their ids, and without those of `removed`.
    /// Only the shards that these are in are copied, unless there are too few shards for so many tenants.
    #[must_use]
    pub fn with<'i>(
        &self,
        changed: impl IntoIterator<Item = Tenant>,
        removed: impl IntoIterator<Item = &'i str>,
    ) -> Self {
        let mut table = self.clone();
        for id in removed {
            table.remove(id);
        }
        for tenant in changed {
            table.put(Arc::new(tenant));
        }
        if shard_count(table.len) > table.shards.len() {
            table = table.shared().cloned().collect();
        }
        table
    }

    fn remove(&mut self, id: &str) {
        let hash = hash(id);
        let Some(shard) = self.shard(hash) else { return };
        if let Ok(entry) = Arc::make_mut(shard).find_entry(hash, |tenant| &*tenant.id == id) {
            entry.remove();
            self.len = self.len.saturating_sub(1);
        }
    }

    fn put(&mut self, tenant: Arc<Tenant>) {
        if self.shards.is_empty() {
            self.shards = [Arc::default()].into();
        }
        let hash = hash(&tenant.id);
        let Some(shard) = self.shard(hash) else { return };
        let entry =
            Arc::make_mut(shard).entry(hash, |known| known.id == tenant.id, |known| self::hash(&known.id));
        match entry {
            Entry::Occupied(mut known) => *known.get_mut() = tenant,
            Entry::Vacant(place) => {
                place.insert(tenant);
                self.len = self.len.saturating_add(1);
            }
        }
    }

    fn shard(&mut self, hash: u64) -> Option<&mut Arc<HashTable<Arc<Tenant>>>> {
        let index = shard_index(hash, self.shards.len())?;
        self.shards.get_mut(index)
    }

    fn shared(&self) -> impl Iterator<Item = &Arc<Tenant>> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    /// The record of the tenant with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Tenant> {
        let hash = hash(id);
        let shard = shard_index(hash, self.shards.len()).and_then(|index| self.shards.get(index))?;
        shard
            .find(hash, |tenant| &*tenant.id == id)
            .map(|tenant| &**tenant)
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no record at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every record, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Tenant> {
        self.shared().map(|tenant| &**tenant)
    }

    /// Every record, in no particular order, where about every one a decision is to be made: what that reads is
    /// fetched for many records at a time, since one after the other it would be waited for each time.
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

impl FromIterator<Arc<Tenant>> for Tenants {
    /// The table of tenants whose ids are all different.
    fn from_iter<I: IntoIterator<Item = Arc<Tenant>>>(tenants: I) -> Self {
        let tenants: Vec<Arc<Tenant>> = tenants.into_iter().collect();
        let len = tenants.len();
        let count = shard_count(len);
        let mut shards: Vec<HashTable<Arc<Tenant>>> = Vec::new();
        shards.resize_with(count, || HashTable::with_capacity(len / count));
        for tenant in tenants {
            let hash = hash(&tenant.id);
            if let Some(shard) = shard_index(hash, shards.len()).and_then(|index| shards.get_mut(index)) {
                shard.insert_unique(hash, tenant, |tenant| self::hash(&tenant.id));
            }
        }
        Self {
            shards: shards.into_iter().map(Arc::new).collect(),
            len,
        }
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

/// How many shards so many tenants get.
fn shard_count(len: usize) -> usize {
    let bits = (len / SHARD_SIZE).next_power_of_two().trailing_zeros();
    1 << bits.min(MAX_SHARD_BITS)
}

fn hash(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

/// The shard for `hash` among `shards`, a power of two. Bits from the middle: the table within a shard goes by
/// the lowest and the highest.
fn shard_index(hash: u64, shards: usize) -> Option<usize> {
    let mask = shards.checked_sub(1)?;
    usize::try_from(hash >> 32).ok().map(|bits| bits & mask)
}
