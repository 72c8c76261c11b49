//! A table by name, in shards that its versions share: replacing one entry copies one shard, not the table.
//!
//! A shard holds its entries side by side, and their positions in a hash table beside them. So the slack of the hash
//! table is paid for positions, not for entries, and a walk over all entries reads memory in its order.

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

impl<T: Keyed> Keyed for Arc<T> {
    fn key(&self) -> &str {
        (**self).key()
    }
}

/// Entries by their keys.
#[derive(Debug)]
pub(crate) struct Shards<T> {
    /// A power of two of them.
    shards: Box<[Arc<Shard<T>>]>,
    len: usize,
}

/// An entry in two versions of a table; `None` where it is missing.
pub(crate) type Change<'s, T> = (Option<&'s T>, Option<&'s T>);

/// The entries whose hashes have some bits in common.
#[derive(Debug, Clone)]
struct Shard<T> {
    entries: Vec<T>,
    /// The positions of the entries, by the hashes of their keys.
    places: HashTable<u32>,
}

impl<T: Keyed + Clone> Shards<T> {
    /// Increases the number of shards if there are too few for the entries, and returns memory that the changes since
    /// the last call have left over.
    pub(crate) fn settle(&mut self) {
        if shard_count(self.len) > self.shards.len() {
            *self = self.iter().cloned().collect();
            return;
        }
        // A shard that another table shares was not changed.
        for shard in self.shards.iter_mut().filter_map(Arc::get_mut) {
            shard.entries.shrink_to_fit();
        }
    }

    pub(crate) fn remove(&mut self, key: &str) {
        let hash = hash(key);
        let Some(shard) = self.shard(hash) else { return };
        // Checked first: nothing is copied for a key that is not there.
        if shard.find(hash, key).is_some() {
            Arc::make_mut(shard).remove(hash, key);
            self.len = self.len.saturating_sub(1);
        }
    }

    pub(crate) fn put(&mut self, entry: T) {
        if self.shards.is_empty() {
            self.shards = [Arc::default()].into();
        }
        let hash = hash(entry.key());
        let Some(shard) = self.shard(hash) else { return };
        if Arc::make_mut(shard).put(hash, entry) {
            self.len = self.len.saturating_add(1);
        }
    }

    fn shard(&mut self, hash: u64) -> Option<&mut Arc<Shard<T>>> {
        let index = shard_index(hash, self.shards.len())?;
        self.shards.get_mut(index)
    }
}

impl<T: Keyed> Shards<T> {
    /// Returns every entry, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.shards.iter().flat_map(|shard| shard.entries.iter())
    }

    /// Returns the entry with this key.
    pub(crate) fn find(&self, key: &str) -> Option<&T> {
        let hash = hash(key);
        let shard = shard_index(hash, self.shards.len()).and_then(|index| self.shards.get(index))?;
        shard.find(hash, key)
    }

    /// Returns the number of entries.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the entries that another version of the table has added, replaced or removed, each before and after.
    /// `None` if there are more than `max`, or if the versions have different numbers of shards. Shards that both
    /// versions share are not read.
    pub(crate) fn changes<'s>(&'s self, after: &'s Self, max: usize) -> Option<Vec<Change<'s, T>>>
    where
        T: PartialEq,
    {
        if self.shards.len() != after.shards.len() {
            return None;
        }
        let mut changes = Vec::new();
        let pairs = self.shards.iter().zip(&after.shards);
        for (one, two) in pairs.filter(|(one, two)| !Arc::ptr_eq(one, two)) {
            let kept = one
                .entries
                .iter()
                .map(|entry| (Some(entry), two.find_like(entry)));
            changes.extend(kept.filter(|(before, after)| before != after));
            let added = two.entries.iter().filter(|entry| one.find_like(entry).is_none());
            changes.extend(added.map(|entry| (None, Some(entry))));
            if changes.len() > max {
                return None;
            }
        }
        Some(changes)
    }
}

impl<T: Keyed> Shard<T> {
    fn with_capacity(capacity: usize) -> Self {
        Self {
            entries: Vec::with_capacity(capacity),
            places: HashTable::with_capacity(capacity),
        }
    }

    fn find(&self, hash: u64, key: &str) -> Option<&T> {
        let is_wanted = |place: &u32| self.at(*place).is_some_and(|entry| entry.key() == key);
        self.places
            .find(hash, is_wanted)
            .and_then(|place| self.at(*place))
    }

    /// Returns the entry with the key of another one.
    fn find_like(&self, entry: &T) -> Option<&T> {
        self.find(hash(entry.key()), entry.key())
    }

    fn at(&self, place: u32) -> Option<&T> {
        self.entries.get(place as usize)
    }

    /// Adds or replaces an entry; returns true if it was added.
    fn put(&mut self, hash: u64, entry: T) -> bool {
        let Self { entries, places } = self;
        let key_at = |place: &u32| entries.get(*place as usize).map_or("", Keyed::key);
        let found = places.entry(
            hash,
            |place| key_at(place) == entry.key(),
            |place| self::hash(key_at(place)),
        );
        match found {
            Entry::Occupied(place) => {
                if let Some(known) = entries.get_mut(*place.get() as usize) {
                    *known = entry;
                }
                false
            }
            Entry::Vacant(vacant) => {
                // A shard of 2^32 entries would take more memory than there is.
                let Ok(place) = u32::try_from(entries.len()) else {
                    return false;
                };
                vacant.insert(place);
                entries.push(entry);
                true
            }
        }
    }

    /// Removes the entry with this key. The last entry takes its position.
    fn remove(&mut self, hash: u64, key: &str) {
        let Self { entries, places } = self;
        let is_wanted = |place: &u32| {
            entries
                .get(*place as usize)
                .is_some_and(|entry| entry.key() == key)
        };
        let Ok(found) = places.find_entry(hash, is_wanted) else {
            return;
        };
        let (place, _) = found.remove();
        let last = entries.len().saturating_sub(1);
        if let Some(moved) = entries.last().filter(|_| place as usize != last)
            && let Some(position) = places.find_mut(self::hash(moved.key()), |other| *other as usize == last)
        {
            *position = place;
        }
        entries.swap_remove(place as usize);
    }
}

impl<T> Default for Shard<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            places: HashTable::new(),
        }
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

impl<T: Keyed> FromIterator<T> for Shards<T> {
    /// Creates a table of entries with unique keys.
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let entries: Vec<T> = entries.into_iter().collect();
        let len = entries.len();
        // The sizes are counted first, so that no shard grows while it is filled.
        let mut sizes = vec![0_usize; shard_count(len)];
        for entry in &entries {
            let index = shard_index(hash(entry.key()), sizes.len());
            if let Some(size) = index.and_then(|index| sizes.get_mut(index)) {
                *size = size.saturating_add(1);
            }
        }
        let mut shards: Vec<Shard<T>> = sizes.into_iter().map(Shard::with_capacity).collect();
        for entry in entries {
            let hash = hash(entry.key());
            if let Some(shard) = shard_index(hash, shards.len()).and_then(|index| shards.get_mut(index)) {
                shard.put(hash, entry);
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

#[cfg(test)]
mod tests;
