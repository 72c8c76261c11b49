//! Every tenant's record, in shards that snapshots share: replacing one record copies one shard, not the table.

use std::sync::Arc;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::Tenant;

/// How many tenants a shard is meant to hold; a snapshot of a million has about two thousand shards.
const SHARD_SIZE: usize = 512;
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
    pub(crate) fn new(tenants: Vec<Tenant>) -> Self {
        let len = tenants.len();
        let bits = (len / SHARD_SIZE)
            .next_power_of_two()
            .trailing_zeros()
            .min(MAX_SHARD_BITS);
        let mut shards: Vec<HashTable<Arc<Tenant>>> = Vec::new();
        shards.resize_with(1 << bits, || HashTable::with_capacity(len >> bits));
        for tenant in tenants {
            let hash = hash(&tenant.id);
            if let Some(shard) = shard_index(hash, shards.len()).and_then(|index| shards.get_mut(index)) {
                shard.insert_unique(hash, Arc::new(tenant), |tenant| self::hash(&tenant.id));
            }
        }
        Self {
            shards: shards.into_iter().map(Arc::new).collect(),
            len,
        }
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
        self.shards
            .iter()
            .flat_map(|shard| shard.iter().map(|tenant| &**tenant))
    }
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
