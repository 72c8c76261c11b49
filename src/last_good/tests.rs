#![allow(clippy::unwrap_used, reason = "a test that can't go on says so by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use config::{Compiled, FlagsDocument};
use control::{
    Actor, Change, Control, Fit, FlagObservation, History, MemoryStore, Observe, Opened, Policy, Publish,
    PublishError, Request, Revision, Role, Source,
};
use rules::{Eligibility, Timestamp};
use serde_json::{Value, json};

use super::LastGood;

/// A data plane that accepts every snapshot.
struct AcceptingPlane;

impl Publish for AcceptingPlane {
    fn check(&self, _: &Compiled) -> Result<Fit, PublishError> {
        Ok(None)
    }

    fn publish(&self, _: &Compiled, _: Revision, _: Fit) -> Result<(), PublishError> {
        Ok(())
    }
}

impl Observe for AcceptingPlane {
    fn flags(&self) -> Vec<FlagObservation> {
        Vec::new()
    }

    fn gated(&self) -> Vec<String> {
        Vec::new()
    }
}

fn apply(control: &Control, change: Change) {
    let request = Request {
        change,
        actor: Actor {
            name: "ann".into(),
            role: Role::PlatformAdmin,
            org: None,
        },
        source: Source::Api,
        reason: None,
        request_id: "r-1".into(),
        expected: None,
        force: true,
        at: Timestamp(0),
    };
    assert!(control.apply(&request).unwrap().changed);
}

#[test]
fn a_kill_is_written_down_at_once_though_the_document_rests() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Opened::read(Arc::new(MemoryStore::new()), Eligibility::Enforced).unwrap();
    let history = History::new(Timestamp(0));
    let control = opened.control(
        Policy::default(),
        Arc::new(AcceptingPlane),
        Arc::new(AcceptingPlane),
        history,
    );
    let written =
        json!({ "version": 1, "flags": { "board": { "lifecycle": "ga" } }, "tenants": { "acme": {} } });
    let document = FlagsDocument::parse("document", written.to_string().as_bytes()).unwrap();
    apply(
        &control,
        Change::ApplyDocument {
            document,
            prune: false,
            adopt: true,
        },
    );
    let mut last_good = LastGood::new(folder.path());
    let written =
        || -> Value { serde_json::from_slice(&std::fs::read(super::path(folder.path())).unwrap()).unwrap() };
    last_good.write_if_due(&control);
    last_good.next_write = Instant::now().checked_add(Duration::from_secs(3_600));
    apply(
        &control,
        Change::PutTenant {
            org: "globex".into(),
            record: json!({}),
        },
    );
    last_good.write_if_due(&control);
    assert_eq!(written()["tenants"]["globex"], Value::Null, "it rests");
    apply(&control, Change::Kill { flag: "board".into() });
    last_good.write_if_due(&control);
    assert_eq!(written()["flags"]["board"]["enabled"], json!(false));
    assert_eq!(written()["tenants"]["globex"], json!({}));
}
