//! The store in etcd.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use aws_lc_rs::rand;
use control::{
    AuditFilter, AuditPage, Changes, CheckExtent, Commit, EntryHash, Loaded, Record, Replica, Revision,
    Store, StoreError, time_text,
};
use etcd_client::{GetOptions, Txn, TxnOp, TxnOpResponse, TxnResponse};
use parking_lot::Mutex;
use rules::Timestamp;

use crate::commit::{KnownHead, Prepared, last_writes, prepare};
use crate::etcd::{Etcd, Fault};
use crate::follower::Following;
use crate::layout::{Layout, Pending, StoredEntry, read};
use crate::listing::{self, known_head};
use crate::mirror::Mirror;
use crate::settings::EtcdSettings;
use crate::settle;
use crate::status::{FollowState, FollowStatus};

/// The number of times that a commit of audit entries alone is prepared, if others are first.
const MAX_TRIES: usize = 50;
/// The number of questions for the outcome of a commit after etcd did not answer.
const MAX_QUESTIONS: usize = 3;

/// A store that many nodes share, in etcd, with a mirror of it on this node.
pub struct EtcdStore {
    following: Arc<Following>,
    timeout: Duration,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The result of a transaction.
enum Sent {
    /// It was executed, by this revision of etcd.
    Committed(i64),
    /// Another commit was first; the newest head.
    Overtaken(KnownHead),
}

impl fmt::Debug for EtcdStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdStore")
            .field("layout", &self.following.layout)
            .finish_non_exhaustive()
    }
}

impl EtcdStore {
    /// Opens the store. If etcd does not answer within the time limit of a request, the mirror is served until it does.
    ///
    /// # Errors
    /// The mirror can't be opened, or the threads can't be started.
    pub fn open(settings: EtcdSettings) -> Result<Self, StoreError> {
        let layout = Layout::new(&settings.prefix);
        let mirror = Mirror::open(&settings.mirror)?;
        let (timeout, compare_every) = (settings.timeout, settings.compare_every);
        let etcd = Etcd::new(settings)?;
        let following = Arc::new(Following::new(etcd, layout, mirror, compare_every));
        let thread = std::thread::Builder::new().name("fleet".to_owned()).spawn({
            let following = Arc::clone(&following);
            move || following.run()
        });
        let thread = thread.map_err(|error| StoreError::Io(error.to_string()))?;
        following.await_first(timeout);
        Ok(Self {
            following,
            timeout,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Returns the state of the connection to etcd.
    #[must_use]
    pub fn status(&self) -> FollowStatus {
        self.following.status.lock().clone()
    }

    /// Returns the error of a write that etcd did not answer.
    fn fault(&self, fault: Fault) -> StoreError {
        match fault {
            Fault::Unreachable(cause) => self.unreachable(cause),
            Fault::Denied(cause) => StoreError::Denied(cause),
            Fault::Quota(cause) => StoreError::Quota(cause),
            Fault::Compacted => StoreError::Io(fault.to_string()),
            Fault::Invalid(cause) => StoreError::Corrupt(cause),
        }
    }

    fn unreachable(&self, cause: String) -> StoreError {
        let status = self.status();
        let since = match status.state {
            FollowState::Following => std::time::SystemTime::now(),
            _ => status.since,
        };
        let since = since.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let since = Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        StoreError::Unreachable {
            since: time_text(since),
            cause,
        }
    }

    /// Returns the head that a commit can follow.
    fn head(&self) -> Result<KnownHead, StoreError> {
        if let FollowState::Rejected(reason) = self.status().state {
            return Err(StoreError::Rejected(reason));
        }
        let state = self.status().state;
        // A read first: if it fails, the commit was certainly not executed.
        if matches!(state, FollowState::Unreachable(_)) {
            let (etcd, layout) = (&self.following.etcd, &self.following.layout);
            listing::head(etcd, layout).map_err(|fault| self.fault(fault))?;
        }
        let known = self.following.known();
        known.ok_or_else(|| match state {
            FollowState::Unreachable(cause) => self.unreachable(cause),
            _ => self.unreachable("etcd was not read yet".to_owned()),
        })
    }

    /// Puts the chunks of a commit and sends its transaction.
    fn send(&self, prepared: &Prepared, interrupted: &dyn Fn() -> bool) -> Result<Sent, StoreError> {
        let etcd = &self.following.etcd;
        for (key, value) in &prepared.chunks {
            if interrupted() {
                return Err(StoreError::Interrupted);
            }
            let put = Txn::new().and_then([TxnOp::put(key.as_str(), value.as_str(), None)]);
            etcd.transact(put).map_err(|fault| self.fault(fault))?;
        }
        match etcd.transact(prepared.transaction.clone()) {
            Ok(answer) => Ok(sent(&answer)?),
            Err(Fault::Unreachable(cause)) => self.outcome(prepared, cause),
            Err(fault) => Err(self.fault(fault)),
        }
    }

    /// Applies a commit of this node to the mirror, so that the next read has it.
    fn committed(&self, prepared: Prepared, commit: &Commit, id: &str, written: i64) -> Revision {
        let revision = Revision(prepared.head.revision);
        let replica = Replica {
            records: records_of(commit, revision),
            entries: prepared.entries,
        };
        if !prepared.chunks.is_empty() {
            let pending = Pending {
                revision: revision.0,
                id: id.to_owned(),
                chunks: prepared.chunks.len(),
            };
            self.settle(pending, written);
        }
        let known = KnownHead {
            head: Some(prepared.head),
            written,
        };
        if let Err(error) = self.following.apply(known, &replica) {
            tracing::error!(%error, "a commit is in etcd, but not yet in the mirror of this node");
        }
        revision
    }

    /// Moves a commit from its chunks in the background. If that fails, the next listing of any node does it.
    fn settle(&self, pending: Pending, written: i64) {
        let following = Arc::clone(&self.following);
        let moved = std::thread::Builder::new()
            .name("fleet-settle".to_owned())
            .spawn(move || {
                if let Err(fault) = settle::settle(&following.etcd, &following.layout, &pending, written) {
                    tracing::warn!(%fault, "a large commit is not yet moved from its chunks");
                }
            });
        if let Err(error) = moved {
            tracing::warn!(%error, "a large commit is not yet moved from its chunks");
        }
    }

    /// Finds out whether a transaction without an answer was executed. The head is written again, as it is, on the same
    /// condition: after that the transaction is not executed later.
    fn outcome(&self, prepared: &Prepared, cause: String) -> Result<Sent, StoreError> {
        let (etcd, layout) = (&self.following.etcd, &self.following.layout);
        for _ in 0..MAX_QUESTIONS {
            let Ok((known, _)) = listing::head(etcd, layout) else {
                continue;
            };
            if self.is_committed(prepared, &known)? {
                return Ok(Sent::Committed(known.written));
            }
            let Some(head) = &known.head else {
                // Nothing was there, and nothing is: the transaction would create it.
                continue;
            };
            if known.written != prepared.follows {
                return Ok(Sent::Overtaken(known));
            }
            let same = etcd_client::Compare::mod_revision(
                layout.head(),
                etcd_client::CompareOp::Equal,
                known.written,
            );
            let again = TxnOp::put(layout.head(), crate::layout::text(head)?, None);
            let read = TxnOp::get(layout.head(), None::<GetOptions>);
            let fence = Txn::new().when([same]).and_then([again]).or_else([read]);
            if matches!(etcd.transact(fence), Ok(answer) if answer.succeeded()) {
                return Err(self.unreachable(cause));
            }
        }
        Err(StoreError::Unknown(cause))
    }

    /// Returns true if the log in etcd has the entries of a commit.
    fn is_committed(&self, prepared: &Prepared, known: &KnownHead) -> Result<bool, StoreError> {
        let Some(first) = prepared.entries.first() else {
            return Ok(false);
        };
        if known.head.as_ref().is_none_or(|head| head.entry < first.id) {
            return Ok(false);
        }
        if known.head.as_ref() == Some(&prepared.head) {
            return Ok(true);
        }
        let (etcd, layout) = (&self.following.etcd, &self.following.layout);
        let (value, _) = etcd
            .get(&layout.entry(first.id))
            .map_err(|fault| self.fault(fault))?;
        let Some(value) = value else { return Ok(false) };
        let entry: StoredEntry = read("audit", value.value())?;
        Ok(entry.sealed()?.hash == first.hash)
    }
}

/// Returns the records that a commit writes.
fn records_of(commit: &Commit, revision: Revision) -> Vec<Record> {
    let records = last_writes(commit).map(|write| Record {
        key: write.key.clone(),
        value: write.value.clone(),
        revision,
    });
    records.collect()
}

/// Reads the answer to the transaction of a commit.
fn sent(answer: &TxnResponse) -> Result<Sent, StoreError> {
    let revision = answer.header().map_or(0, |header| header.revision());
    if answer.succeeded() {
        return Ok(Sent::Committed(revision));
    }
    let read = answer
        .op_responses()
        .into_iter()
        .find_map(|response| match response {
            TxnOpResponse::Get(found) => Some(found),
            _ => None,
        });
    let value = read.as_ref().and_then(|found| found.kvs().first());
    Ok(Sent::Overtaken(known_head(value)?))
}

impl Store for EtcdStore {
    fn load(&self) -> Result<Loaded, StoreError> {
        self.following.mirror.store.load()
    }

    fn commit(&self, expected: Option<Revision>, commit: &Commit) -> Result<Revision, StoreError> {
        self.commit_unless(expected, commit, &|| false)
    }

    fn commit_unless(
        &self,
        expected: Option<Revision>,
        commit: &Commit,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Revision, StoreError> {
        let mut bytes = [0; 16];
        rand::fill(&mut bytes).map_err(|_| StoreError::Io("the system has no random bytes".to_owned()))?;
        let id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut known = self.head()?;
        for _ in 0..MAX_TRIES {
            let current = known.revision();
            if let Some(expected) = expected.filter(|expected| *expected != current) {
                return Err(StoreError::Conflict { expected, current });
            }
            let prepared = prepare(&self.following.layout, &known, commit, &id)?;
            match self.send(&prepared, interrupted)? {
                Sent::Committed(written) => return Ok(self.committed(prepared, commit, &id, written)),
                Sent::Overtaken(newer) => {
                    if !self.following.await_written(newer.written, self.timeout) {
                        return Err(self.unreachable("the newest commits were not received".to_owned()));
                    }
                    known = self.head()?;
                }
            }
        }
        Err(StoreError::Io(format!("{MAX_TRIES} other commits were first")))
    }

    fn changes_since(&self, since: Revision) -> Result<Changes, StoreError> {
        self.following.mirror.store.changes_since(since)
    }

    fn watch(&self, since: Revision, timeout: Duration) -> Result<Changes, StoreError> {
        self.following.mirror.store.watch(since, timeout)
    }

    fn audit(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<AuditPage, StoreError> {
        self.following.mirror.store.audit(filter, before, limit)
    }

    fn audit_after(&self, after: u64, limit: usize) -> Result<AuditPage, StoreError> {
        self.following.mirror.store.audit_after(after, limit)
    }

    fn audit_head(&self) -> Result<(u64, EntryHash), StoreError> {
        self.following.mirror.store.audit_head()
    }

    fn check(&self, extent: CheckExtent) -> Result<(), StoreError> {
        self.following.mirror.store.check(extent)
    }

    fn stop_check(&self) {
        self.following.mirror.store.stop_check();
    }

    fn found_damage(&self) -> Option<String> {
        self.following.mirror.store.found_damage()
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.following.mirror.store.backup(to)
    }
}

impl Drop for EtcdStore {
    fn drop(&mut self) {
        self.following.stop();
        if let Some(thread) = self.thread.lock().take() {
            drop(thread.join());
        }
    }
}
