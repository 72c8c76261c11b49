//! A table by name, in shards that its versions share: replacing one entry copies one shard, not the table.

use std::sync::Arc;

use hashbrown::{HashTable, hash_table::Entry};
use xxhash_rust::xxh3::xxh3_64;

/// The target size of a shard. A table of a million entries has about two thousand shards.
const SHARD_SIZE: usize = 512;
/// The most shards, as bits of the hash.
const MAX_SHARD_BITS: u32 = 12;

/// An entry with a key.
pub(crate) trait Keyed {
    /// Returns its unique key.
    fn key(&self) -> &str;
}

/// Entries by their keys.
#[derive(Debug)]
pub(crate) struct Shards<T> {
    /// A power of two of them.
    shards: Box<[Arc<HashTable<Arc<T>>>]>,
    len: usize,
}

impl<T: Keyed> Shards<T> {
    /// Increases the number of shards if there are too few for the entries.
    pub(crate) fn spread(&mut self) {
        if shard_count(self.len) > self.shards.len() {
            *self = self.shared().cloned().collect();
        }
    }

    pub(crate) fn remove(&mut self, key: &str) {
        let hash = hash(key);
        let Some(shard) = self.shard(hash) else { return };
        if let Ok(entry) = Arc::make_mut(shard).find_entry(hash, |entry| entry.key() == key) {
            entry.remove();
            self.len = self.len.saturating_sub(1);
        }
    }

    pub(crate) fn put(&mut self, entry: Arc<T>) {
        if self.shards.is_empty() {
            self.shards = [Arc::default()].into();
        }
        let hash = hash(entry.key());
        let Some(shard) = self.shard(hash) else { return };
        let place = Arc::make_mut(shard).entry(
            hash,
            |known| known.key() == entry.key(),
            |known| self::hash(known.key()),
        );
        match place {
            Entry::Occupied(mut known) => *known.get_mut() = entry,
            Entry::Vacant(place) => {
                place.insert(entry);
                self.len = self.len.saturating_add(1);
            }
        }
    }

    fn shard(&mut self, hash: u64) -> Option<&mut Arc<HashTable<Arc<T>>>> {
        let index = shard_index(hash, self.shards.len())?;
        self.shards.get_mut(index)
    }

    /// Returns every entry, in no particular order.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &Arc<T>> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    /// Returns the entry with this key.
    pub(crate) fn find(&self, key: &str) -> Option<&Arc<T>> {
        let hash = hash(key);
        let shard = shard_index(hash, self.shards.len()).and_then(|index| self.shards.get(index))?;
        shard.find(hash, |entry| entry.key() == key)
    }

    /// Returns the number of entries.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl<T> Clone for Shards<T> {
    fn clone(&self) -> Self {
        Self {
            shards: self.shards.clone(),
            len: self.len,
        }
    }
}

impl<T> Default for Shards<T> {
    fn default() -> Self {
        Self {
            shards: Box::default(),
            len: 0,
        }
    }
}

impl<T: Keyed> FromIterator<Arc<T>> for Shards<T> {
    /// Creates a table of entries with unique keys.
    fn from_iter<I: IntoIterator<Item = Arc<T>>>(entries: I) -> Self {
        let entries: Vec<Arc<T>> = entries.into_iter().collect();
        let len = entries.len();
        let count = shard_count(len);
        let mut shards: Vec<HashTable<Arc<T>>> = Vec::new();
        shards.resize_with(count, || HashTable::with_capacity(len / count));
        for entry in entries {
            let hash = hash(entry.key());
            if let Some(shard) = shard_index(hash, shards.len()).and_then(|index| shards.get_mut(index)) {
                shard.insert_unique(hash, entry, |entry| self::hash(entry.key()));
            }
        }
        Self {
            shards: shards.into_iter().map(Arc::new).collect(),
            len,
        }
    }
}

/// Returns the number of shards for `len` entries.
fn shard_count(len: usize) -> usize {
    let bits = (len / SHARD_SIZE).next_power_of_two().trailing_zeros();
    1 << bits.min(MAX_SHARD_BITS)
}

fn hash(key: &str) -> u64 {
    xxh3_64(key.as_bytes())
}

/// Returns the shard for `hash` among `shards`, a power of two. Uses bits from the middle, because the table
/// within a shard uses the lowest and the highest.
fn shard_index(hash: u64, shards: usize) -> Option<usize> {
    let mask = shards.checked_sub(1)?;
    usize::try_from(hash >> 32).ok().map(|bits| bits & mask)
}
