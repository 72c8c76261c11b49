//! Moves a commit from its chunks to its records and entries, so that a listing reads them in pages. Any node may do it, also
//! several at the same time, and again after one was ended.

use control::Revision;
use etcd_client::{Compare, CompareOp, DeleteOptions, Txn, TxnOp};

use crate::etcd::{Etcd, Fault};
use crate::layout::{Layout, Pending, StoredEntry, record_value, text};
use crate::listing::contents;

/// The number of records that are moved by one transaction, and their largest size in bytes.
const BATCH: (usize, usize) = (100, 512 << 10);

/// Moves a commit that a revision of etcd made visible.
///
/// # Errors
/// etcd did not answer; a part may be moved already.
pub(crate) fn settle(etcd: &Etcd, layout: &Layout, pending: &Pending, visible: i64) -> Result<(), Fault> {
    let replica = match contents(etcd, layout, pending, 0) {
        Ok(replica) => replica,
        // Another node has moved it.
        Err(_) if !is_pending(etcd, layout, pending)? => return Ok(()),
        Err(fault) => return Err(fault),
    };
    let newest = replica.entries.last().map_or(0, |entry| entry.id);
    let mut batch = Batch::default();
    for entry in &replica.entries {
        let value = text(&StoredEntry::of(entry))?;
        batch.add(etcd, visible, layout.entry(entry.id), value)?;
    }
    for record in &replica.records {
        let value = record_value(record.value.as_ref(), Revision(pending.revision))?;
        batch.add(etcd, visible, layout.record(&record.key), value)?;
    }
    batch.send(etcd, visible)?;
    let chunks = TxnOp::delete(
        layout.staged(&pending.id),
        Some(DeleteOptions::new().with_prefix()),
    );
    let done = Txn::new().and_then([TxnOp::delete(layout.pending(newest), None), chunks]);
    etcd.transact(done).map(|_| ())
}

fn is_pending(etcd: &Etcd, layout: &Layout, pending: &Pending) -> Result<bool, Fault> {
    let all = etcd.list(&layout.all_pending(), None, 0)?;
    Ok(all.iter().any(|value| {
        let known: Option<Pending> = crate::layout::read("pending", value.value()).ok();
        known.is_some_and(|known| known.id == pending.id)
    }))
}

/// Values that are put together.
#[derive(Default)]
struct Batch {
    values: Vec<(String, String)>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, etcd: &Etcd, visible: i64, key: String, value: String) -> Result<(), Fault> {
        if self.values.len() >= BATCH.0 || (self.bytes > 0 && self.bytes + value.len() > BATCH.1) {
            self.send(etcd, visible)?;
        }
        self.bytes += value.len();
        self.values.push((key, value));
        Ok(())
    }

    /// Puts the values whose keys were not written since the commit became visible: what was is of a later commit.
    fn send(&mut self, etcd: &Etcd, visible: i64) -> Result<(), Fault> {
        let values = std::mem::take(&mut self.values);
        self.bytes = 0;
        if values.is_empty() || put_older(etcd, visible, &values)? {
            return Ok(());
        }
        for value in values {
            put_older(etcd, visible, &[value])?;
        }
        Ok(())
    }
}

/// Puts values if all of their keys are older than a revision of etcd. Returns false if one is not.
fn put_older(etcd: &Etcd, visible: i64, values: &[(String, String)]) -> Result<bool, Fault> {
    let compares = values
        .iter()
        .map(|(key, _)| Compare::mod_revision(key.as_str(), CompareOp::Less, visible));
    let puts = values
        .iter()
        .map(|(key, value)| TxnOp::put(key.as_str(), value.as_str(), None));
    let transaction = Txn::new()
        .when(compares.collect::<Vec<_>>())
        .and_then(puts.collect::<Vec<_>>());
    Ok(etcd.transact(transaction)?.succeeded())
}
