#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use control::{Change, Control, LifecyclePolicy, MemoryStore};
use serde_json::{Value, json};
use testkit::{RecordingPlane, admin_request, adopt_document, open_control};

use super::LastGood;

fn apply(control: &Control, change: Change) {
    assert!(control.apply(&admin_request(change)).unwrap().changed);
}

#[test]
fn kill_is_written_at_once_before_the_next_document() {
    let folder = tempfile::tempdir().unwrap();
    let plane = Arc::new(RecordingPlane::default());
    let control = open_control(Arc::new(MemoryStore::new()), LifecyclePolicy::default(), &plane);
    let document =
        json!({ "version": 1, "flags": { "board": { "lifecycle": "ga" } }, "tenants": { "acme": {} } });
    apply(&control, adopt_document(&document.to_string()));
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
