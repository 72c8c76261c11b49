#![allow(clippy::unwrap_used, reason = "a test that can't go on says so by panicking")]

use std::fs;
use std::sync::Arc;

use config::{Catalog, Edit, Files};
use control::Publish as _;
use rules::Eligibility;
use serde_json::json;

use super::Composition;
use crate::environment::variable;

const GATEWAY: &str = "version: 1
listeners: [{ name: public, address: '127.0.0.1:0' }]
admin: off
flags: { store: { sqlite: data } }
upstreams: { legacy: '127.0.0.1:3000' }
routes: [{ name: open, match: /open, upstream: legacy }]
";

#[test]
fn a_document_that_was_read_before_a_change_is_taken_over_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sluice.yaml");
    fs::write(&path, GATEWAY).unwrap();
    let parts = [
        Edit::Flag("board".into(), Some(json!({ "lifecycle": "ga" }))),
        Edit::Tenant("acme".into(), Some(json!({}))),
    ];
    let mut catalog = Catalog::new(Eligibility::Enforced, parts).unwrap();
    let loaded = config::load_managed(Files::Disk, &path, &variable, catalog.compiled(), 1).unwrap();
    let composition = Composition::of(path, loaded, Some((catalog.compiled().clone(), 1)), None);
    let changes = [
        Edit::Tenant("globex".into(), Some(json!({ "overrides": { "board": "on" } }))),
        Edit::Flag("board".into(), Some(json!({ "lifecycle": "beta" }))),
        Edit::Flag("aaa".into(), Some(json!({}))),
        Edit::Tenant("acme".into(), None),
    ];
    for (revision, change) in (2..).zip(changes) {
        let read = composition.read().unwrap();
        let draft = catalog.draft(vec![change.clone()]).unwrap();
        let fit = composition.check(draft.compiled()).unwrap();
        catalog.adopt(draft);
        composition
            .publish(catalog.compiled(), control::Revision(revision), fit)
            .unwrap();
        composition.take(read).unwrap();
        let plain = Arc::clone(&composition.served.lock().plain);
        assert!(
            Arc::ptr_eq(&plain.tenants, &catalog.compiled().tenants),
            "{change:?}"
        );
        assert!(Arc::ptr_eq(&plain.flags, &catalog.compiled().flags), "{change:?}");
        let number = format!("{revision}-");
        assert!(
            composition.revision().to_string().starts_with(&number),
            "{change:?}"
        );
    }
}
