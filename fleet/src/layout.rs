//! The keys and values below the prefix.
//!
//! | key | value |
//! |---|---|
//! | `head` | revision, epoch and the newest audit entry; every commit writes it, conditional on the one before |
//! | `records/KIND/NAME` | a record with the revision that wrote it; a removed one is marked, so that no older value returns |
//! | `audit/ID` | a sealed entry of the audit log; the id has 20 digits |
//! | `pending/ENTRY` | a commit whose records and entries are in chunks, not yet in `records` and `audit`; by its newest entry |
//! | `staged/ID/CHUNK` | a part of such a commit |

use control::{EntryHash, Json, Key, Record, Revision, Sealed, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The format of the keys and values.
pub(crate) const FORMAT: usize = 1;

/// The names of keys below a prefix.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    prefix: String,
}

/// The newest state of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// [`FORMAT`].
    pub(crate) format: usize,
    /// A random number of this store. A restored or new store has another one.
    pub(crate) epoch: String,
    /// The number of commits of records.
    pub(crate) revision: u64,
    /// The id of the newest audit entry; 0 in an empty log.
    pub(crate) entry: u64,
    /// The hash of that entry, in hex.
    pub(crate) hash: String,
    /// The time of that entry (RFC 3339); none in an empty log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<String>,
}

/// The value of a record.
#[derive(Serialize, Deserialize)]
struct StoredRecord {
    revision: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    /// True if the revision removed it. `null` is a value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    removed: bool,
}

/// The value of a record in a chunk; none removes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StagedRecord {
    /// The key below `records/`.
    pub(crate) key: String,
    /// The JSON text.
    pub(crate) value: Option<String>,
}

/// The value of an entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredEntry {
    id: u64,
    revision: u64,
    previous: String,
    hash: String,
    text: String,
}

/// A part of a commit that is too large for one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chunk {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) records: Vec<StagedRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) entries: Vec<StoredEntry>,
}

/// A commit whose parts are in chunks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// The revision of its records.
    pub(crate) revision: u64,
    /// The id below `staged/`.
    pub(crate) id: String,
    /// The number of chunks.
    pub(crate) chunks: usize,
}

impl Layout {
    /// Creates the layout below a prefix, with or without `/` at its end.
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.trim_end_matches('/').to_owned(),
        }
    }

    /// Returns the prefix of all keys.
    pub(crate) fn all(&self) -> String {
        format!("{}/", self.prefix)
    }

    pub(crate) fn head(&self) -> String {
        format!("{}/head", self.prefix)
    }

    pub(crate) fn records(&self) -> String {
        format!("{}/records/", self.prefix)
    }

    pub(crate) fn record(&self, key: &Key) -> String {
        format!("{}{}", self.records(), record_name(key))
    }

    pub(crate) fn audit(&self) -> String {
        format!("{}/audit/", self.prefix)
    }

    pub(crate) fn entry(&self, id: u64) -> String {
        format!("{}{id:020}", self.audit())
    }

    pub(crate) fn all_pending(&self) -> String {
        format!("{}/pending/", self.prefix)
    }

    /// Returns the key of a commit in chunks, by the id of its newest entry.
    pub(crate) fn pending(&self, entry: u64) -> String {
        format!("{}{entry:020}", self.all_pending())
    }

    pub(crate) fn all_staged(&self) -> String {
        format!("{}/staged/", self.prefix)
    }

    pub(crate) fn staged(&self, id: &str) -> String {
        format!("{}{id}/", self.all_staged())
    }

    pub(crate) fn chunk(&self, id: &str, at: usize) -> String {
        format!("{}{at:06}", self.staged(id))
    }

    /// Returns the part of a key below a folder; none if it is not in the folder.
    pub(crate) fn below<'k>(folder: &str, key: &'k [u8]) -> Option<&'k str> {
        std::str::from_utf8(key).ok()?.strip_prefix(folder)
    }
}

/// Returns the name of a record below `records/`.
pub(crate) fn record_name(key: &Key) -> String {
    match key {
        Key::Head => "head".to_owned(),
        Key::Segment(name) => format!("segment/{name}"),
        Key::Definition(flag) => format!("definition/{flag}"),
        Key::State(flag) => format!("state/{flag}"),
        Key::Tenant(id) => format!("tenant/{id}"),
    }
}

/// Reads the name of a record below `records/`.
///
/// # Errors
/// It is of no known kind: a newer version wrote it.
pub(crate) fn record_key(name: &str) -> Result<Key, StoreError> {
    if name == "head" {
        return Ok(Key::Head);
    }
    let known = name.split_once('/').and_then(|(kind, name)| {
        let name = name.to_owned();
        match kind {
            "segment" => Some(Key::Segment(name)),
            "definition" => Some(Key::Definition(name)),
            "state" => Some(Key::State(name)),
            "tenant" => Some(Key::Tenant(name)),
            _ => None,
        }
    });
    known.ok_or_else(|| StoreError::Corrupt(format!("the record {name:?} is of an unknown kind")))
}

/// Returns the value of a record of a revision; none is a removed one.
pub(crate) fn record_value(value: Option<&Json>, revision: Revision) -> Result<String, StoreError> {
    let raw = value.map(|value| RawValue::from_string(value.as_str().to_owned()));
    let value = raw
        .transpose()
        .map_err(|error| StoreError::Corrupt(error.to_string()))?;
    text(&StoredRecord {
        revision: revision.0,
        removed: value.is_none(),
        value,
    })
}

/// Reads a record.
///
/// # Errors
/// It does not have the known form.
pub(crate) fn read_record(name: &str, value: &[u8]) -> Result<Record, StoreError> {
    let stored: StoredRecord = read(name, value)?;
    let json = match (stored.removed, &stored.value) {
        (true, _) => None,
        (false, value) => Some(Json::parse(value.as_ref().map_or("null", |value| value.get()))),
    };
    Ok(Record {
        key: record_key(name)?,
        value: json.transpose().map_err(|error| damaged(name, &error))?,
        revision: Revision(stored.revision),
    })
}

impl StagedRecord {
    /// Reads it as the record of a revision.
    pub(crate) fn record(&self, revision: Revision) -> Result<Record, StoreError> {
        let json = self.value.as_deref().map(Json::parse).transpose();
        Ok(Record {
            key: record_key(&self.key)?,
            value: json.map_err(|error| damaged(&self.key, &error))?,
            revision,
        })
    }
}

impl StoredEntry {
    pub(crate) fn of(sealed: &Sealed) -> Self {
        Self {
            id: sealed.id,
            revision: sealed.revision.0,
            previous: control::hash_text(&sealed.previous),
            hash: control::hash_text(&sealed.hash),
            text: sealed.text.clone(),
        }
    }

    /// Returns the sealed entry, which [`control::verify`] checks.
    pub(crate) fn sealed(self) -> Result<Sealed, StoreError> {
        let hash = |text: &str| {
            read_hash(text).ok_or_else(|| StoreError::Corrupt(format!("entry {} has no hash", self.id)))
        };
        Ok(Sealed {
            id: self.id,
            revision: Revision(self.revision),
            previous: hash(&self.previous)?,
            hash: hash(&self.hash)?,
            text: self.text,
        })
    }
}

/// Reads a hash in hex.
pub(crate) fn read_hash(text: &str) -> Option<EntryHash> {
    let mut hash = control::GENESIS;
    if text.len() != 2 * hash.len() {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        let digits = text.get(2 * at..2 * at + 2)?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(hash)
}

/// Writes a value.
pub(crate) fn text(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Reads the value of a key.
///
/// # Errors
/// It does not have the known form.
pub(crate) fn read<'v, T: Deserialize<'v>>(name: &str, value: &'v [u8]) -> Result<T, StoreError> {
    serde_json::from_slice(value).map_err(|error| damaged(name, &error))
}

fn damaged(name: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Corrupt(format!("the value of {name:?} in etcd can't be read: {error}"))
}

#[cfg(test)]
mod tests;
