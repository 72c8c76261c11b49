//! Changes that turn features off do not wait for reads or for their quota.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use control::api::{MAX_CONCURRENT_REQUESTS, REQUEST_BURST, URGENT_BURST};
use control::{Role, StoreError};
use parking_lot::{Condvar, Mutex};
use serde_json::{Map, Value, json};
use testkit::{Client, HookedStore, StoreHooks, eventually};

use crate::api::server::{Server, request};

const KILL: &str = "/platform/feature-flags/ui.shell/kill";
const LONG: Duration = Duration::from_secs(30);

/// Holds reads of the audit log until they are released.
#[derive(Default)]
struct HeldReads {
    state: Mutex<HeldState>,
    released: Condvar,
}

#[derive(Default)]
struct HeldState {
    waiting: usize,
    is_released: bool,
}

impl StoreHooks for HeldReads {
    fn before_audit(&self) {
        let mut state = self.state.lock();
        state.waiting += 1;
        self.released
            .wait_while_for(&mut state, |state| !state.is_released, LONG);
    }
}

#[test]
fn a_kill_does_not_wait_for_reads() {
    let held = Arc::new(HeldReads::default());
    let store = HookedStore::new(Arc::clone(&held));
    let server = Arc::new(Server::with_store(Arc::new(store)));
    let reads: Vec<_> = (0..MAX_CONCURRENT_REQUESTS)
        .map(|_| {
            let server = Arc::clone(&server);
            thread::spawn(move || {
                server
                    .send_as(Role::Viewer, "GET", "/platform/audit", None)
                    .status
            })
        })
        .collect();
    eventually("reads at all places", || {
        (held.state.lock().waiting == MAX_CONCURRENT_REQUESTS).then_some(())
    });
    server.send_ok("POST", KILL, Some(&json!({})));
    assert!(!held.state.lock().is_released);
    held.state.lock().is_released = true;
    held.released.notify_all();
    for read in reads {
        assert_eq!(read.join().unwrap(), 200);
    }
}

#[test]
fn an_operator_over_the_quota_of_reads_can_kill() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    let read = request("GET", "/whoami", None).token(server.token(Role::Operator));
    let kill = request("POST", KILL, Some(&json!({}))).token(server.token(Role::Operator));
    let too_many = (0..REQUEST_BURST * 4).any(|_| client.ask(&read).status == 429);
    assert!(too_many);
    for _ in 0..URGENT_BURST {
        assert_eq!(client.ask(&kill).status, 200);
    }
}

/// Holds long commits until they are interrupted, or for a second.
#[derive(Default)]
struct HeldCommits {
    /// The number of long commits that have begun.
    begun: Mutex<usize>,
    /// The number of long commits that give way; later ones are written.
    interrupted: usize,
}

impl StoreHooks for HeldCommits {
    fn while_writing(&self, records: usize, interrupted: &dyn Fn() -> bool) -> Result<(), StoreError> {
        if records < TENANTS {
            return Ok(());
        }
        let mut begun = self.begun.lock();
        *begun += 1;
        if *begun > self.interrupted {
            return Ok(());
        }
        drop(begun);
        for _ in 0..100 {
            if interrupted() {
                return Err(StoreError::Interrupted);
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

const TENANTS: usize = 200;

fn import() -> Value {
    let tenants: Map<String, Value> = (0..TENANTS).map(|at| (format!("t{at}"), json!({}))).collect();
    json!({ "tenants": tenants })
}

#[test]
fn a_kill_does_not_wait_for_an_import_that_is_written() {
    let held = Arc::new(HeldCommits {
        interrupted: 1,
        ..HeldCommits::default()
    });
    let store = HookedStore::new(Arc::clone(&held));
    let server = Arc::new(Server::with_store(Arc::new(store)));
    let importing = Arc::clone(&server);
    let import = thread::spawn(move || importing.send_ok("POST", "/platform/orgs:import", Some(&import())));
    eventually("the import is being written", || {
        (*held.begun.lock() == 1).then_some(())
    });
    let killed = server.send_ok("POST", KILL, Some(&json!({})));
    let imported = import.join().unwrap();
    // The import was repeated after the kill.
    assert_eq!(
        killed["revision"].as_u64().unwrap() + 1,
        imported["revision"].as_u64().unwrap()
    );
    assert_eq!(imported["items"].as_array().unwrap().len(), TENANTS);
}

#[test]
fn an_import_gives_way_to_restores_a_limited_number_of_times() {
    let held = Arc::new(HeldCommits {
        interrupted: usize::MAX,
        ..HeldCommits::default()
    });
    let store = HookedStore::new(Arc::clone(&held));
    let server = Arc::new(Server::with_store(Arc::new(store)));
    let importing = Arc::clone(&server);
    let import = thread::spawn(move || importing.send_ok("POST", "/platform/orgs:import", Some(&import())));
    // Restores without a pause would otherwise prevent it for ever.
    eventually("the import ends", || {
        server.send_ok(
            "POST",
            "/platform/feature-flags/ui.shell/restore",
            Some(&json!({})),
        );
        import.is_finished().then_some(())
    });
    assert_eq!(import.join().unwrap()["changed"], true);
    assert!(*held.begun.lock() > 16);
}

#[test]
fn an_import_waits_for_a_pause_of_kills() {
    let held = Arc::new(HeldCommits {
        interrupted: usize::MAX,
        ..HeldCommits::default()
    });
    let store = HookedStore::new(Arc::clone(&held));
    let server = Arc::new(Server::with_store(Arc::new(store)));
    let importing = Arc::clone(&server);
    let import = thread::spawn(move || importing.send_ok("POST", "/platform/orgs:import", Some(&import())));
    eventually("the import is being written", || {
        (*held.begun.lock() == 1).then_some(())
    });
    // Each would interrupt a try.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        server.send_ok("POST", KILL, Some(&json!({})));
        // Within the quota of an actor.
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(import.join().unwrap()["changed"], true);
    assert!(*held.begun.lock() < 32);
}

#[test]
fn a_reload_waits_for_one_try_of_an_import() {
    let held = Arc::new(HeldCommits {
        interrupted: usize::MAX,
        ..HeldCommits::default()
    });
    let store = HookedStore::new(Arc::clone(&held));
    let server = Arc::new(Server::with_store(Arc::new(store)));
    let importing = Arc::clone(&server);
    let import = thread::spawn(move || importing.send_ok("POST", "/platform/orgs:import", Some(&import())));
    // One kill for each try, until the import is prepared with the queue of changes.
    for tries in 1..=12 {
        eventually("the next try", || (*held.begun.lock() == tries).then_some(()));
        server.send_ok("POST", KILL, Some(&json!({})));
    }
    eventually("the next try", || (*held.begun.lock() == 13).then_some(()));
    let reloading = Arc::clone(&server);
    let reload = thread::spawn(move || reloading.control().without_changes(|| ()));
    eventually("the reload", || {
        server.send_ok("POST", KILL, Some(&json!({})));
        reload.is_finished().then_some(())
    });
    assert!(!import.is_finished());
    assert_eq!(import.join().unwrap()["changed"], true);
}

#[test]
fn an_import_that_only_gave_way_to_kills_is_rejected() {
    let held = Arc::new(HeldCommits {
        interrupted: usize::MAX,
        ..HeldCommits::default()
    });
    let store = HookedStore::new(Arc::clone(&held));
    let server = Server::with_store_giving_up_after(Arc::new(store), Duration::from_secs(2));
    let server = Arc::new(server);
    let importing = Arc::clone(&server);
    let begun = Instant::now();
    let import = thread::spawn(move || {
        importing.send_as(
            Role::PlatformAdmin,
            "POST",
            "/platform/orgs:import",
            Some(&import()),
        )
    });
    // The import gives way to each kill, also to one that changes nothing.
    eventually("the import ends", || {
        server.send_ok("POST", KILL, Some(&json!({})));
        import.is_finished().then_some(())
    });
    let rejected = import.join().unwrap();
    assert_eq!((rejected.status, rejected.code().as_str()), (503, "GAVE_WAY"));
    assert_eq!(rejected.json()["change"], "not_applied");
    assert!(rejected.header("retry-after").is_some());
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
}
