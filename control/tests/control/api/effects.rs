//! The member `change` of problems; internals stay in the log of the process.

use std::sync::Arc;
use std::time::Duration;

use config::Compiled;
use control::api::REQUEST_TIMEOUT;
use control::{Fit, Publish, PublishError, Revision, Role, StoreError};
use parking_lot::{Condvar, Mutex};
use serde_json::{Value, json};
use testkit::{HookedStore, StoreHooks, eventually};

use super::server::{SHORT_TIMEOUT, Server};

const KILL: &str = "/platform/feature-flags/ui.shell/kill";
/// A text that only the log of the process may contain.
const SECRET_PATH: &str = "/srv/planted/flags.db";
const LONG: Duration = Duration::from_secs(30);

/// A fault that a test causes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Fault {
    #[default]
    None,
    /// A commit fails because the disk is full.
    Full,
    /// A commit can't be written.
    Unwritable,
    /// The store of a fleet can't be reached.
    Unreachable,
    /// The store of a fleet does not answer to a commit.
    NoAnswer,
    /// A commit waits until the fault is over.
    Slow,
    /// A commit panics.
    Panic,
    /// The data plane can't prepare a change.
    Unprepared,
    /// The data plane can't publish a committed change.
    Unpublished,
}

/// A store and a data plane that fail as a test says.
#[derive(Default)]
struct Faulty {
    fault: Mutex<Fault>,
    over: Condvar,
}

impl Faulty {
    fn start(timeout: Duration) -> (Arc<Self>, Server) {
        let faulty = Arc::new(Self::default());
        let store = HookedStore::new(Arc::clone(&faulty));
        let server = Server::with_store_and_plane(Arc::new(store), Arc::clone(&faulty) as _, timeout);
        (faulty, server)
    }

    fn set(&self, fault: Fault) {
        *self.fault.lock() = fault;
        self.over.notify_all();
    }
}

impl StoreHooks for Faulty {
    fn before_commit(&self) -> Result<(), StoreError> {
        let mut fault = self.fault.lock();
        match *fault {
            Fault::Full => return Err(StoreError::Full(SECRET_PATH.into())),
            Fault::Unwritable => return Err(StoreError::Io(SECRET_PATH.into())),
            Fault::Unreachable => {
                let (since, cause) = ("2026-12-01T09:00:00.000Z".to_owned(), SECRET_PATH.into());
                return Err(StoreError::Unreachable { since, cause });
            }
            Fault::NoAnswer => return Err(StoreError::Unknown(SECRET_PATH.into())),
            Fault::Panic => panic!("{SECRET_PATH}"),
            Fault::Slow => {
                self.over
                    .wait_while_for(&mut fault, |fault| *fault == Fault::Slow, LONG);
            }
            Fault::None | Fault::Unprepared | Fault::Unpublished => {}
        }
        Ok(())
    }

    fn before_backup(&self) -> Result<(), StoreError> {
        Err(StoreError::Io(SECRET_PATH.into()))
    }
}

impl Publish for Faulty {
    fn check(&self, _: &Compiled) -> Result<Fit, PublishError> {
        match *self.fault.lock() {
            Fault::Unprepared => Err(PublishError::Prepare(SECRET_PATH.into())),
            _ => Ok(None),
        }
    }

    fn publish(&self, _: &Compiled, _: Revision, _: Fit) -> Result<(), PublishError> {
        match *self.fault.lock() {
            Fault::Unpublished => Err(PublishError::Prepare(SECRET_PATH.into())),
            _ => Ok(()),
        }
    }
}

/// Kills a flag under a fault, and returns the problem. Checks that it contains nothing that only the log may contain.
fn problem_under(fault: Fault, query: &str) -> Value {
    // The other faults answer at once, but a panic prints its backtrace first.
    let timeout = match fault {
        Fault::Slow => SHORT_TIMEOUT,
        _ => REQUEST_TIMEOUT,
    };
    let (faulty, server) = Faulty::start(timeout);
    faulty.set(fault);
    let path = format!("{KILL}{query}");
    let response = server.send_as(Role::Operator, "POST", &path, Some(&json!({})));
    faulty.set(Fault::None);
    assert!(!response.text().contains("planted"), "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
    response.json()
}

#[test]
fn problems_of_changes_state_the_effect_and_hide_the_cause() {
    for (fault, code, change) in [
        (Fault::Full, "STORE_UNAVAILABLE", "not_applied"),
        (Fault::Unwritable, "STORE_UNAVAILABLE", "not_applied"),
        (Fault::Unreachable, "STORE_UNREACHABLE", "not_applied"),
        (Fault::NoAnswer, "OUTCOME_UNKNOWN", "unknown"),
        (Fault::Unprepared, "DEFECT", "not_applied"),
        (Fault::Unpublished, "PUBLISH_FAILED", "applied"),
        (Fault::Slow, "TIMED_OUT", "unknown"),
        (Fault::Panic, "DEFECT", "unknown"),
    ] {
        let problem = problem_under(fault, "");
        assert_eq!(
            (problem["code"].as_str(), problem["change"].as_str()),
            (Some(code), Some(change)),
            "{fault:?}: {problem}"
        );
    }
}

#[test]
fn a_dry_run_that_fails_has_changed_nothing() {
    let problem = problem_under(Fault::Unprepared, "?dry_run=true");
    assert_eq!(problem["change"], "not_applied");
}

#[test]
fn a_change_committed_after_the_timeout_is_in_the_audit_log() {
    let (faulty, server) = Faulty::start(SHORT_TIMEOUT);
    faulty.set(Fault::Slow);
    let response = server.send_as(Role::Operator, "POST", KILL, Some(&json!({})));
    assert_eq!(response.json()["change"], "unknown");
    faulty.set(Fault::None);
    eventually("the kill in the audit log", || {
        let log = server.send_ok(
            "GET",
            "/platform/audit?flag=ui.shell&action=platform.feature_flag_killed",
            None,
        );
        (log["entries"].as_array()?.len() == 1).then_some(())
    });
}

#[test]
fn rejected_changes_were_not_applied_and_reads_have_no_effect() {
    let server = Server::start();
    let body = json!({});
    for (role, path) in [
        (Role::Viewer, KILL),
        (Role::Operator, "/platform/feature-flags/none/kill"),
        (Role::Operator, "/platform/feature-flags/ui.shell/kill?unknown=1"),
        // No operation: an unknown path, and methods that a path does not have.
        (Role::Operator, "/nowhere"),
        (Role::Operator, "/platform/feature-flags/ui.shell"),
        (Role::Operator, ""),
    ] {
        let problem = server.send_as(role, "POST", path, Some(&body)).json();
        assert_eq!(problem["change"], "not_applied", "{path}: {problem}");
    }
    for path in ["/platform/feature-flags/none", "/nowhere"] {
        let problem = server.send_as(Role::Operator, "GET", path, None).json();
        assert!(problem.get("change").is_none(), "{path}: {problem}");
    }
}

#[test]
fn a_backup_that_fails_hides_the_cause() {
    let (_faulty, server) = Faulty::start(REQUEST_TIMEOUT);
    let response = server.send_as(Role::PlatformAdmin, "GET", "/platform/backup", None);
    assert_eq!(response.code(), "STORE_UNAVAILABLE");
    assert!(!response.text().contains("planted"), "{}", response.text());
}
