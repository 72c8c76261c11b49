//! A commit as etcd gets it: one transaction, conditional on the head before it. What is too large for one is put into
//! chunks before, which the transaction makes visible.

use control::{Commit, EntryHash, Revision, Sealed, StoreError, time_text};
use etcd_client::{Compare, CompareOp, GetOptions, Txn, TxnOp};
use rules::Timestamp;

use crate::layout::{
    Chunk, FORMAT, Head, Layout, Pending, StagedRecord, StoredEntry, read_hash, record_name, record_value,
    text,
};

/// The largest number of operations of a transaction; etcd's default limit is 128.
const MAX_OPERATIONS: usize = 100;
/// The largest size of a transaction, and of a chunk, in bytes; etcd's default limit of a request is 1.5 MiB.
const MAX_BYTES: usize = 512 << 10;

/// The head that a commit follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KnownHead {
    /// None in an empty store.
    pub(crate) head: Option<Head>,
    /// The revision of etcd that wrote it; 0 in an empty store.
    pub(crate) written: i64,
}

/// A commit that is ready to be sent.
pub(crate) struct Prepared {
    /// The head after it.
    pub(crate) head: Head,
    /// The sealed entries.
    pub(crate) entries: Vec<Sealed>,
    /// The values of chunks that are put before, with their keys.
    pub(crate) chunks: Vec<(String, String)>,
    /// The revision of etcd that wrote the head before it.
    pub(crate) follows: i64,
    /// The transaction.
    pub(crate) transaction: Txn,
}

impl KnownHead {
    pub(crate) fn revision(&self) -> Revision {
        Revision(self.head.as_ref().map_or(0, |head| head.revision))
    }

    /// Returns id and hash of the newest entry.
    pub(crate) fn newest_entry(&self) -> Result<(u64, EntryHash), StoreError> {
        let Some(head) = &self.head else {
            return Ok((0, control::GENESIS));
        };
        let hash = read_hash(&head.hash);
        let hash = hash.ok_or_else(|| StoreError::Corrupt("the head in etcd has no hash".to_owned()))?;
        Ok((head.entry, hash))
    }
}

/// Prepares a commit that follows a head. `id` is a random name for its chunks, and the epoch of a new store.
///
/// # Errors
/// A value can't be written.
pub(crate) fn prepare(
    layout: &Layout,
    known: &KnownHead,
    commit: &Commit,
    id: &str,
) -> Result<Prepared, StoreError> {
    let revision = match commit.writes.is_empty() {
        true => known.revision(),
        false => Revision(known.revision().0.saturating_add(1)),
    };
    let entries = seal(known, commit, revision)?;
    let newest = entries.last();
    let before = known.head.as_ref();
    let head = Head {
        format: FORMAT,
        epoch: before.map_or_else(|| id.to_owned(), |head| head.epoch.clone()),
        revision: revision.0,
        entry: newest.map_or(before.map_or(0, |head| head.entry), |entry| entry.id),
        hash: match newest {
            Some(entry) => control::hash_text(&entry.hash),
            None => control::hash_text(&known.newest_entry()?.1),
        },
        at: match commit.audit.last() {
            Some(entry) => Some(time_text(entry.at)),
            None => before.and_then(|head| head.at.clone()),
        },
    };
    let mut operations = vec![TxnOp::put(layout.head(), text(&head)?, None)];
    let mut bytes = 0;
    for write in last_writes(commit) {
        let value = record_value(write.value.as_ref(), revision)?;
        bytes += value.len();
        operations.push(TxnOp::put(layout.record(&write.key), value, None));
    }
    for entry in &entries {
        let value = text(&StoredEntry::of(entry))?;
        bytes += value.len();
        operations.push(TxnOp::put(layout.entry(entry.id), value, None));
    }
    let mut chunks = Vec::new();
    if operations.len() > MAX_OPERATIONS || bytes > MAX_BYTES {
        chunks = chunks_of(commit, &entries)?
            .iter()
            .enumerate()
            .map(|(at, chunk)| Ok((layout.chunk(id, at), text(chunk)?)))
            .collect::<Result<_, StoreError>>()?;
        let pending = Pending {
            id: id.to_owned(),
            revision: revision.0,
            chunks: chunks.len(),
        };
        operations.truncate(1);
        // By its newest entry: a commit of entries alone has the revision of another one.
        operations.push(TxnOp::put(layout.pending(head.entry), text(&pending)?, None));
    }
    let is_unchanged = Compare::mod_revision(layout.head(), CompareOp::Equal, known.written);
    let read_head = TxnOp::get(layout.head(), None::<GetOptions>);
    Ok(Prepared {
        head,
        entries,
        chunks,
        follows: known.written,
        transaction: Txn::new()
            .when([is_unchanged])
            .and_then(operations)
            .or_else([read_head]),
    })
}

/// Returns the last write of each key.
pub(crate) fn last_writes(commit: &Commit) -> impl Iterator<Item = &control::Write> {
    let last: std::collections::BTreeMap<_, _> =
        commit.writes.iter().map(|write| (&write.key, write)).collect();
    last.into_values()
}

/// Seals the entries after the newest one of the head.
fn seal(known: &KnownHead, commit: &Commit, revision: Revision) -> Result<Vec<Sealed>, StoreError> {
    let (mut last, mut hash) = known.newest_entry()?;
    let mut before = known
        .head
        .as_ref()
        .and_then(|head| Timestamp::parse(head.at.as_deref()?).ok());
    let mut sealed = Vec::with_capacity(commit.audit.len());
    for entry in &commit.audit {
        let mut entry = entry.clone();
        if let Some(before) = before {
            entry.note_clock(before);
        }
        before = Some(entry.at);
        let next = Sealed::after(hash, last.saturating_add(1), revision, &entry);
        (last, hash) = (next.id, next.hash);
        sealed.push(next);
    }
    Ok(sealed)
}

/// Divides a commit into chunks below the largest size; a record or entry that is larger is a chunk of its own.
fn chunks_of(commit: &Commit, entries: &[Sealed]) -> Result<Vec<Chunk>, StoreError> {
    let mut chunks = Vec::new();
    let (mut chunk, mut bytes) = (Chunk::default(), 0);
    let mut end_if_full = |chunk: &mut Chunk, bytes: &mut usize, more: usize| {
        if *bytes > 0 && *bytes + more > MAX_BYTES {
            chunks.push(std::mem::take(chunk));
            *bytes = 0;
        }
        *bytes += more;
    };
    for write in last_writes(commit) {
        let record = StagedRecord {
            key: record_name(&write.key),
            value: write.value.as_ref().map(|value| value.as_str().to_owned()),
        };
        end_if_full(&mut chunk, &mut bytes, text(&record)?.len());
        chunk.records.push(record);
    }
    for entry in entries {
        let entry = StoredEntry::of(entry);
        end_if_full(&mut chunk, &mut bytes, text(&entry)?.len());
        chunk.entries.push(entry);
    }
    chunks.push(chunk);
    Ok(chunks)
}
