//! Changes that turn features off do not wait for reads or for their quota.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use control::api::{MAX_AT_WORK, REQUESTS_AT_ONCE, URGENT_AT_ONCE};
use control::{
    AuditFilter, AuditPage, Changes, Commit, Hash, Loaded, MemoryStore, Revision, Role, Store, StoreError,
};
use parking_lot::{Condvar, Mutex};
use serde_json::json;
use testkit::{Client, eventually};

use crate::api::server::{Server, request};

const KILL: &str = "/platform/feature-flags/ui.shell/kill";
const LONG: Duration = Duration::from_secs(30);

/// A store whose log is not shown until it is let go.
struct Reluctant {
    inner: MemoryStore,
    looks: Mutex<Looks>,
    let_go: Condvar,
}

#[derive(Default)]
struct Looks {
    waiting: usize,
    let_go: bool,
}

impl Store for Reluctant {
    fn load(&self) -> Result<Loaded, StoreError> {
        self.inner.load()
    }

    fn commit(&self, expected: Option<Revision>, commit: &Commit) -> Result<Revision, StoreError> {
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
        let mut looks = self.looks.lock();
        looks.waiting += 1;
        self.let_go
            .wait_while_for(&mut looks, |looks| !looks.let_go, LONG);
        drop(looks);
        self.inner.audit(filter, before, limit)
    }

    fn audit_after(&self, after: u64, limit: usize) -> Result<AuditPage, StoreError> {
        self.inner.audit_after(after, limit)
    }

    fn audit_head(&self) -> Result<(u64, Hash), StoreError> {
        self.inner.audit_head()
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.inner.backup(to)
    }
}

#[test]
fn a_kill_does_not_wait_for_looks() {
    let store = Arc::new(Reluctant {
        inner: MemoryStore::new(),
        looks: Mutex::default(),
        let_go: Condvar::new(),
    });
    let server = Arc::new(Server::of_store(Arc::clone(&store) as Arc<dyn Store>));
    let looks: Vec<_> = (0..MAX_AT_WORK)
        .map(|_| {
            let server = Arc::clone(&server);
            thread::spawn(move || {
                server
                    .asked_by(Role::Viewer, "GET", "/platform/audit", None)
                    .status
            })
        })
        .collect();
    eventually("looks at all places", || {
        (store.looks.lock().waiting == MAX_AT_WORK).then_some(())
    });
    server.done("POST", KILL, Some(&json!({})));
    assert!(!store.looks.lock().let_go);
    store.looks.lock().let_go = true;
    store.let_go.notify_all();
    for look in looks {
        assert_eq!(look.join().unwrap(), 200);
    }
}

#[test]
fn who_has_looked_too_often_may_kill_still() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    let look = request("GET", "/whoami", None).token(server.token(Role::Operator));
    let kill = request("POST", KILL, Some(&json!({}))).token(server.token(Role::Operator));
    let too_many = (0..REQUESTS_AT_ONCE * 4).any(|_| client.ask(&look).status == 429);
    assert!(too_many);
    for _ in 0..URGENT_AT_ONCE {
        assert_eq!(client.ask(&kill).status, 200);
    }
}
