//! Everything in etcd at one of its revisions: a new node, and one that missed events, begins with it.

use std::collections::BTreeMap;

use control::{Key, Record, Replica, Revision, Sealed, StoreError};
use etcd_client::KeyValue;

use crate::commit::KnownHead;
use crate::etcd::{Etcd, Fault};
use crate::layout::{Chunk, FORMAT, Head, Layout, Pending, StoredEntry, read, read_record};

/// The number of times that a listing begins, if its revision was compacted meanwhile.
const MAX_TRIES: usize = 3;

/// Everything in etcd at one of its revisions.
pub(crate) struct Listing {
    /// The revision of etcd.
    pub(crate) at: i64,
    pub(crate) head: KnownHead,
    /// The records, removed ones included, in the order of their keys.
    pub(crate) records: Vec<Record>,
    /// The entries after those that were known.
    pub(crate) entries: Vec<Sealed>,
    /// The commits in chunks, the oldest first, each with the revision of etcd that made it visible.
    pub(crate) pending: Vec<(Pending, i64)>,
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// Reads the head.
///
/// # Errors
/// etcd did not answer, or a newer version wrote the head.
pub(crate) fn head(etcd: &Etcd, layout: &Layout) -> Result<(KnownHead, i64), Fault> {
    let (value, at) = etcd.get(&layout.head())?;
    Ok((known_head(value.as_ref())?, at))
}

/// Reads the head from its key.
pub(crate) fn known_head(value: Option<&KeyValue>) -> Result<KnownHead, StoreError> {
    let Some(value) = value else {
        return Ok(KnownHead::default());
    };
    let head: Head = read("head", value.value())?;
    if head.format > FORMAT {
        return Err(StoreError::TooNew {
            found: head.format,
            known: FORMAT,
            way_back: "etcdctl snapshot restore".to_owned(),
        });
    }
    Ok(KnownHead {
        head: Some(head),
        written: value.mod_revision(),
    })
}

/// Reads everything after an entry of the audit log.
///
/// # Errors
/// etcd did not answer, or a value can't be read.
pub(crate) fn list(etcd: &Etcd, layout: &Layout, after_entry: u64) -> Result<Listing, Fault> {
    let mut listed = list_once(etcd, layout, after_entry);
    for _ in 1..MAX_TRIES {
        if !matches!(listed, Err(Fault::Compacted)) {
            break;
        }
        listed = list_once(etcd, layout, after_entry);
    }
    listed
}

fn list_once(etcd: &Etcd, layout: &Layout, after_entry: u64) -> Result<Listing, Fault> {
    let (head, at) = head(etcd, layout)?;
    let folder = layout.records();
    let mut records = BTreeMap::new();
    for value in etcd.list(&folder, None, at)? {
        let name = Layout::below(&folder, value.key()).unwrap_or_default();
        put(&mut records, read_record(name, value.value())?);
    }
    let mut entries = BTreeMap::new();
    let after = layout.entry(after_entry);
    for value in etcd.list(&layout.audit(), Some(&after), at)? {
        let sealed = read::<StoredEntry>("audit", value.value())?.sealed()?;
        entries.insert(sealed.id, sealed);
    }
    let mut pending = Vec::new();
    for value in etcd.list(&layout.all_pending(), None, at)? {
        let commit: Pending = read("pending", value.value())?;
        let contents = contents(etcd, layout, &commit, at)?;
        for record in contents.records {
            put(&mut records, record);
        }
        let new = contents
            .entries
            .into_iter()
            .filter(|entry| entry.id > after_entry);
        entries.extend(new.map(|entry| (entry.id, entry)));
        pending.push((commit, value.create_revision()));
    }
    Ok(Listing {
        at,
        head,
        records: records.into_values().collect(),
        entries: entries.into_values().collect(),
        pending,
    })
}

/// Adds a record, unless a newer one is there.
fn put(records: &mut BTreeMap<Key, Record>, record: Record) {
    let known = records.get(&record.key);
    if known.is_none_or(|known| known.revision < record.revision) {
        records.insert(record.key.clone(), record);
    }
}

/// Reads the records and entries of a commit in chunks.
///
/// # Errors
/// etcd did not answer, or a chunk is missing or can't be read.
pub(crate) fn contents(etcd: &Etcd, layout: &Layout, pending: &Pending, at: i64) -> Result<Replica, Fault> {
    let chunks = etcd.list(&layout.staged(&pending.id), None, at)?;
    if chunks.len() != pending.chunks {
        let (found, expected) = (chunks.len(), pending.chunks);
        return Err(Fault::Invalid(format!(
            "the commit {} has {found} of {expected} chunks",
            pending.revision
        )));
    }
    let mut replica = Replica::default();
    for value in chunks {
        let chunk: Chunk = read("chunk", value.value())?;
        for record in chunk.records {
            replica.records.push(record.record(Revision(pending.revision))?);
        }
        for entry in chunk.entries {
            replica.entries.push(entry.sealed()?);
        }
    }
    Ok(replica)
}
