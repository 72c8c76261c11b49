//! Changes that turn features off do not wait for reads or for their quota.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use control::Role;
use control::api::{MAX_CONCURRENT_REQUESTS, REQUEST_BURST, URGENT_BURST};
use parking_lot::{Condvar, Mutex};
use serde_json::json;
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
