//! A control plane with everything around it: a store that can fail, a data plane that remembers what it was given.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use config::{FlagsDocument, ToJson as _};
use control::{
    Actor, Applied, ApplyError, AuditFilter, AuditPage, Change, Changes, Commit, Control, Entry, Fit,
    FlagObservation, Hash, History, Loaded, MemoryStore, Observe, Opened, Policy, Publish, PublishError,
    Request, Revision, Role, Source, State, Store, StoreError,
};
use parking_lot::Mutex;
use rules::{Eligibility, Flags, Subject, Tenants, Timestamp, decide};
use serde_json::{Value, json};

/// Midnight of some day, in milliseconds.
pub(crate) const START: i64 = 1_795_219_200_000;
pub(crate) const HOUR: i64 = 3_600_000;

/// A store whose commits can be made to fail.
pub(crate) struct Frail {
    inner: MemoryStore,
    pub(crate) broken: AtomicBool,
}

/// What the data plane serves.
type Served = (Arc<Flags>, Arc<Tenants>, Revision);

/// What the data plane was given.
#[derive(Default)]
pub(crate) struct Plane {
    pub(crate) served: Mutex<Option<Served>>,
    /// A flag that a gate names.
    pub(crate) gate: Mutex<Option<String>>,
    pub(crate) errors: Mutex<Vec<FlagObservation>>,
    /// The next check tells the one, and waits for the other.
    pub(crate) held: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

pub(crate) struct Desk {
    pub(crate) control: Arc<Control>,
    pub(crate) store: Arc<Frail>,
    pub(crate) plane: Arc<Plane>,
}

impl Store for Frail {
    fn load(&self) -> Result<Loaded, StoreError> {
        self.inner.load()
    }

    fn commit(&self, expected: Option<Revision>, commit: &Commit) -> Result<Revision, StoreError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(StoreError::Full("a test".into()));
        }
        self.inner.commit(expected, commit)
    }

    fn changes_since(&self, since: Revision) -> Result<Changes, StoreError> {
        self.inner.changes_since(since)
    }

    fn watch(&self, since: Revision, patience: Duration) -> Result<Changes, StoreError> {
        self.inner.watch(since, patience)
    }

    fn audit(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<AuditPage, StoreError> {
        self.inner.audit(filter, before, limit)
    }

    fn audit_after(&self, after: u64, limit: usize) -> Result<AuditPage, StoreError> {
        self.inner.audit_after(after, limit)
    }

    fn audit_head(&self) -> Result<(u64, Hash), StoreError> {
        self.inner.audit_head()
    }

    fn backup(&self, to: &std::path::Path) -> Result<(), StoreError> {
        self.inner.backup(to)
    }
}

impl Publish for Plane {
    fn check(&self, compiled: &config::Compiled) -> Result<Fit, PublishError> {
        let held = self.held.lock().take();
        if let Some((told, wait)) = held {
            told.send(()).unwrap();
            // A time that is up is seen by whoever lets go too late.
            let _ = wait.recv_timeout(Duration::from_secs(10));
        }
        match &*self.gate.lock() {
            Some(flag) if compiled.flags.id(flag).is_none() => {
                Err(PublishError::Prepare(format!("a gate names {flag}")))
            }
            _ => Ok(None),
        }
    }

    fn publish(&self, compiled: &config::Compiled, revision: Revision, _: Fit) -> Result<(), PublishError> {
        let (flags, tenants) = (Arc::clone(&compiled.flags), Arc::clone(&compiled.tenants));
        *self.served.lock() = Some((flags, tenants, revision));
        Ok(())
    }
}

impl Observe for Plane {
    fn flags(&self) -> Vec<FlagObservation> {
        self.errors.lock().clone()
    }

    fn gated(&self) -> Vec<String> {
        self.gate.lock().clone().into_iter().collect()
    }
}

/// The flags document that is written so.
pub(crate) fn document(written: &Value) -> FlagsDocument {
    let read = FlagsDocument::parse("document", written.to_string().as_bytes());
    read.unwrap_or_else(|report| panic!("{report}"))
}

/// The record of a tenant.
pub(crate) fn record(state: &State, id: &str) -> Value {
    state.tenant(id).unwrap().to_json()
}

impl Desk {
    /// A control plane with flags `board` (beta) and `list` (alpha, needs board), and the tenants acme and globex.
    pub(crate) fn new(policy: Policy) -> Self {
        let store = Arc::new(Frail {
            inner: MemoryStore::new(),
            broken: AtomicBool::new(false),
        });
        let desk = Self::open(store, policy);
        desk.apply(Change::ApplyDocument {
            document: document(&json!({
                "version": 1,
                "tiers": ["small", "large"],
                "flags": {
                    "board": { "lifecycle": "beta", "revertible": true },
                    "list": { "requires": ["board"] },
                },
                "tenants": {
                    "acme": { "tier": "large", "channel": "latest", "beta": ["board"] },
                    "globex": { "tier": "large" },
                },
            })),
            prune: false,
            adopt: true,
        })
        .unwrap();
        desk
    }

    /// The same store opened, as by another process.
    pub(crate) fn open(store: Arc<Frail>, policy: Policy) -> Self {
        let plane = Arc::new(Plane::default());
        let kept: Arc<dyn Store> = Arc::clone(&store) as _;
        let opened = Opened::read(kept, Eligibility::Enforced).unwrap();
        plane.publish(opened.compiled(), opened.revision(), None).unwrap();
        let control = opened.control(
            policy,
            Arc::clone(&plane) as _,
            Arc::clone(&plane) as _,
            History::new(Timestamp(START)),
        );
        Self {
            control: Arc::new(control),
            store,
            plane,
        }
    }

    pub(crate) fn apply(&self, change: Change) -> Result<Applied, ApplyError> {
        self.control.apply(&request(change))
    }

    /// The variant that the data plane serves.
    pub(crate) fn served(&self, tenant: &str, flag: &str) -> String {
        let served = self.plane.served.lock().clone().unwrap();
        variant((&served.0, &served.1), tenant, flag)
    }

    pub(crate) fn served_revision(&self) -> Revision {
        self.plane.served.lock().clone().unwrap().2
    }

    pub(crate) fn revision(&self) -> Revision {
        self.control.read(|state, _| state.revision)
    }

    /// The audit log, oldest first.
    pub(crate) fn log(&self) -> Vec<Entry> {
        let page = self.store.audit_after(0, 10_000).unwrap();
        page.entries
            .iter()
            .map(|sealed| sealed.entry().unwrap())
            .collect()
    }
}

pub(crate) fn variant((flags, tenants): (&Flags, &Tenants), tenant: &str, flag: &str) -> String {
    let subject = Subject {
        tenant: Some(tenant),
        record: tenants.find(tenant),
        ..Subject::default()
    };
    let id = flags.id(flag).unwrap();
    let served = decide(flags, id, &subject, Timestamp(START)).variant;
    flags.flag(id).unwrap().variant(served).unwrap().name.to_string()
}

/// A request of a platform admin's, at the start.
pub(crate) fn request(change: Change) -> Request {
    Request {
        change,
        actor: Actor {
            name: "ada".into(),
            role: Role::PlatformAdmin,
            org: None,
        },
        source: Source::Api,
        reason: Some("a test".into()),
        request_id: "r-1".into(),
        expected: None,
        force: false,
        at: Timestamp(START),
    }
}
