//! A control plane for tests: a store whose commits can be made to fail, and a data plane that records what is
//! published to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use config::{Compiled, FlagsDocument};
use control::{
    Actor, Applied, ApplyError, Change, ChangeSource, Control, Entry, Fit, FlagObservation, History,
    LifecyclePolicy, NewFlags, Observe, ObservedSlot, Opened, Publish, PublishError, Request, Revision, Role,
    ServedTenant, Store, StoreError,
};
use parking_lot::Mutex;
use rules::{Eligibility, Flags, Subject, Tenants, Timestamp, decide};

use crate::hooked_store::{HookedStore, StoreHooks};

/// The time at which control planes of tests start, in milliseconds: 2026-11-21T00:00:00Z.
pub const START: i64 = 1_795_219_200_000;
/// An hour, in milliseconds.
pub const HOUR: i64 = 3_600_000;

/// A disk that is full while a test says so, or for a number of commits: they fail.
#[derive(Default)]
pub struct FullDisk(pub AtomicBool, pub AtomicU32);

/// The snapshot that was published last.
type Served = (Arc<Flags>, Arc<Tenants>, Revision);

/// A data plane that records what is published to it, and reports the observations it was given.
#[derive(Default)]
pub struct RecordingPlane {
    served: Mutex<Option<Served>>,
    /// A flag that a gate requires: a snapshot without it is rejected.
    pub required_flag: Mutex<Option<String>>,
    /// The flags that gates name.
    pub gated_flags: Mutex<Vec<String>>,
    /// The observations that are reported.
    pub observations: Mutex<Vec<FlagObservation>>,
    /// The tenants that were served with a flag on, which are taken next.
    pub served_tenants: Mutex<Vec<ServedTenant>>,
    /// The slots of observed flags that are taken next.
    pub slots: Mutex<Vec<ObservedSlot>>,
    /// The ids of tenants that are taken next, each with its hash.
    pub tenant_names: Mutex<Vec<(u64, String)>>,
    /// Holds the next check: it sends on the one channel, and waits for the other for up to 10 s.
    pub held_check: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

/// A control plane with its store and its data plane.
pub struct ControlFixture {
    /// The control plane.
    pub control: Arc<Control>,
    /// Its store.
    pub store: Arc<HookedStore<FullDisk>>,
    /// Its data plane.
    pub plane: Arc<RecordingPlane>,
}

/// Opens a control plane over a store, with a data plane for its snapshots and observations.
#[must_use]
pub fn open_control(store: Arc<dyn Store>, policy: LifecyclePolicy, plane: &Arc<RecordingPlane>) -> Control {
    let opened = Opened::read(store, Eligibility::Enforced).unwrap();
    plane.publish(opened.compiled(), opened.revision(), None).unwrap();
    let history = History::new(Timestamp(START));
    opened.control(policy, Arc::clone(plane) as _, Arc::clone(plane) as _, history)
}

/// Parses a flags document, YAML or JSON.
#[must_use]
pub fn flags_document(text: &str) -> FlagsDocument {
    FlagsDocument::parse("document", text.as_bytes()).unwrap_or_else(|report| panic!("{report}"))
}

/// Creates the change that applies a document, adopts what it has of operators' fields, and removes nothing.
#[must_use]
pub fn adopt_document(text: &str) -> Change {
    Change::ApplyDocument {
        document: flags_document(text),
        prune: false,
        new_flags: NewFlags::AsWritten,
    }
}

/// Creates a request of a platform admin, `ada`, at [`START`].
#[must_use]
pub fn admin_request(change: Change) -> Request {
    Request {
        change,
        actor: Actor {
            name: "ada".into(),
            display_name: None,
            role: Role::PlatformAdmin,
            groups: Vec::new(),
            org: None,
        },
        source: ChangeSource::Api,
        reason: Some("a test".into()),
        incident: None,
        request_id: "r-1".into(),
        expected: None,
        force: false,
        at: Timestamp(START),
    }
}

impl ControlFixture {
    /// Opens a control plane over an empty store and applies a document.
    #[must_use]
    pub fn new(policy: LifecyclePolicy, document: &str) -> Self {
        let fixture = Self::open(Arc::new(HookedStore::default()), policy);
        fixture.apply(adopt_document(document)).unwrap();
        fixture
    }

    /// Opens a store as another process would.
    #[must_use]
    pub fn open(store: Arc<HookedStore<FullDisk>>, policy: LifecyclePolicy) -> Self {
        let plane = Arc::new(RecordingPlane::default());
        let control = open_control(Arc::clone(&store) as _, policy, &plane);
        Self {
            control: Arc::new(control),
            store,
            plane,
        }
    }

    /// Applies a change as [`admin_request`] asks for it.
    pub fn apply(&self, change: Change) -> Result<Applied, ApplyError> {
        self.control.apply(&admin_request(change))
    }

    /// Returns the variant that the data plane serves to a tenant.
    #[must_use]
    pub fn served(&self, tenant: &str, flag: &str) -> String {
        let (flags, tenants, _) = self.plane.served.lock().clone().unwrap();
        variant(&flags, &tenants, tenant, flag)
    }

    /// Returns the revision that the data plane serves.
    #[must_use]
    pub fn served_revision(&self) -> Revision {
        self.plane.served.lock().clone().unwrap().2
    }

    /// Returns the revision of the control plane.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.control.read(|state, _| state.revision)
    }

    /// Returns the audit log, oldest first.
    #[must_use]
    pub fn log(&self) -> Vec<Entry> {
        let page = self.store.audit_after(0, 10_000).unwrap();
        page.entries
            .iter()
            .map(|sealed| sealed.entry().unwrap())
            .collect()
    }
}

/// Decides a flag for a tenant at [`START`], and returns the name of the variant.
#[must_use]
pub fn variant(flags: &Flags, tenants: &Tenants, tenant: &str, flag: &str) -> String {
    let subject = Subject {
        tenant: Some(tenant),
        record: tenants.find(tenant),
        ..Subject::default()
    };
    let id = flags.id(flag).unwrap();
    let decided = decide(flags, id, &subject, Timestamp(START)).variant;
    flags.flag(id).unwrap().variant(decided).unwrap().name.to_string()
}

impl Publish for RecordingPlane {
    fn check(&self, compiled: &Compiled) -> Result<Fit, PublishError> {
        let held = self.held_check.lock().take();
        if let Some((reached, resume)) = held {
            reached.send(()).unwrap();
            // A check that is resumed too late fails the test by what it compares afterwards.
            let _ = resume.recv_timeout(Duration::from_secs(10));
        }
        match &*self.required_flag.lock() {
            Some(flag) if compiled.flags.id(flag).is_none() => {
                Err(PublishError::Prepare(format!("a gate names {flag}")))
            }
            _ => Ok(None),
        }
    }

    fn publish(&self, compiled: &Compiled, revision: Revision, _: Fit) -> Result<(), PublishError> {
        let (flags, tenants) = (Arc::clone(&compiled.flags), Arc::clone(&compiled.tenants));
        *self.served.lock() = Some((flags, tenants, revision));
        Ok(())
    }
}

impl StoreHooks for FullDisk {
    fn before_commit(&self) -> Result<(), StoreError> {
        let counted = self
            .1
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match self.0.load(Ordering::Relaxed) || counted.is_ok() {
            true => Err(StoreError::Full("a test".into())),
            false => Ok(()),
        }
    }
}

impl Observe for RecordingPlane {
    fn flags(&self) -> Vec<FlagObservation> {
        self.observations.lock().clone()
    }

    fn take_served_tenants(&self) -> Vec<ServedTenant> {
        std::mem::take(&mut self.served_tenants.lock())
    }

    fn gated(&self) -> Vec<String> {
        self.gated_flags.lock().clone()
    }

    fn take_slots(&self) -> Vec<ObservedSlot> {
        std::mem::take(&mut self.slots.lock())
    }

    fn take_tenant_names(&self) -> Vec<(u64, String)> {
        std::mem::take(&mut self.tenant_names.lock())
    }
}
