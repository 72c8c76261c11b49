#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::sync::Arc;

use config::{Catalog, Files, JsonEdit};
use control::Publish as _;
use rules::Eligibility;
use serde_json::json;

use super::ActiveConfig;
use crate::environment::variable;

const GATEWAY: &str = "version: 1
listeners: [{ name: public, address: '127.0.0.1:0' }]
admin: off
flags: { store: { sqlite: data } }
upstreams: { legacy: '127.0.0.1:3000' }
routes: [{ name: open, match: /open, upstream: legacy }]
";

#[test]
fn a_document_read_before_a_change_is_applied_with_the_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sluice.yaml");
    fs::write(&path, GATEWAY).unwrap();
    let parts = [
        JsonEdit::Flag("board".into(), Some(json!({ "lifecycle": "ga" }))),
        JsonEdit::Tenant("acme".into(), Some(json!({}))),
    ];
    let mut catalog = Catalog::of_json(Eligibility::Enforced, &parts).unwrap();
    let loaded = config::load_managed(Files::Disk, &path, &variable, catalog.compiled(), 1).unwrap();
    let active_config = ActiveConfig::new(path, loaded, Some((catalog.compiled().clone(), 1)), None);
    let changes = [
        JsonEdit::Tenant("globex".into(), Some(json!({ "overrides": { "board": "on" } }))),
        JsonEdit::Flag("board".into(), Some(json!({ "lifecycle": "beta" }))),
        JsonEdit::Flag("aaa".into(), Some(json!({}))),
        JsonEdit::Tenant("acme".into(), None),
    ];
    for (revision, change) in (2..).zip(changes) {
        let read = active_config.read_document().unwrap();
        let draft = catalog.draft_json(std::slice::from_ref(&change)).unwrap();
        let fit = active_config.check(draft.compiled()).unwrap();
        catalog.apply(draft);
        active_config
            .publish(catalog.compiled(), control::Revision(revision), fit)
            .unwrap();
        active_config.apply_document(read).unwrap();
        let base = Arc::clone(&active_config.accepted.lock().base);
        assert!(
            Arc::ptr_eq(&base.tenants, &catalog.compiled().tenants),
            "{change:?}"
        );
        assert!(Arc::ptr_eq(&base.flags, &catalog.compiled().flags), "{change:?}");
        let number = format!("{revision}-");
        assert!(
            active_config.revision().to_string().starts_with(&number),
            "{change:?}"
        );
    }
}
