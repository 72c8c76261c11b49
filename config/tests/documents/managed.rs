//! Gateway documents whose flags are in a store, loaded with flags that are compiled already.

use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use config::{
    Catalog, Files, FlagsSettings, FlagsSource, IdChanges, JsonEdit, LoadedConfig, Reload, ReloadResponse,
    Report, WatchOptions,
};
use rules::Eligibility;
use serde_json::json;

const GATEWAY: &str = "
version: 1
environment: staging
listeners: [ { name: public, address: \"127.0.0.1:0\" } ]
admin: off
flags: { store: { sqlite: data } }
issuers:
  - { issuer: i, audiences: [a], algorithms: [HS256], keys: { secret: \"${S}\" }, claims: { tenant: t } }
identity: { attributes: { plan: { header: X-Plan }, unread: { header: X-Unread } } }
upstreams: { api: 127.0.0.1:3000, next: 127.0.0.1:3001 }
routes:
  - { name: board, match: /board, gate: board, upstream: api }
  - { name: shop, match: /shop, gate: theme, variants: { blue: next } }
";

fn catalog() -> Catalog {
    let flag = |key: &str, value| JsonEdit::Flag(key.to_owned(), Some(value));
    let parts = [
        flag(
            "board",
            json!({ "rules": [{ "when": { "attribute": "plan", "eq": "gold" }, "serve": "on" }] }),
        ),
        flag(
            "theme",
            json!({ "variants": { "none": 0, "blue": 1 }, "off": "none", "final": "blue" }),
        ),
        JsonEdit::Tenant(
            "acme".to_owned(),
            Some(json!({ "overrides": { "theme": "blue" } })),
        ),
    ];
    Catalog::of_json(Eligibility::Enforced, &parts).unwrap_or_else(|report| panic!("{report}"))
}

fn files(gateway: &str) -> Files {
    Files::Memory([(PathBuf::from("etc/sluice.yaml"), gateway.into())].into())
}

fn load(gateway: &str, catalog: &Catalog) -> Result<LoadedConfig, Report> {
    let secret = |name: &str| (name == "S").then(|| "0123456789abcdef0123456789abcdef".to_owned());
    config::load_managed(
        files(gateway),
        Path::new("etc/sluice.yaml"),
        &secret,
        catalog.compiled(),
        7,
    )
}

fn good(catalog: &Catalog) -> LoadedConfig {
    load(GATEWAY, catalog).unwrap_or_else(|report| panic!("{report}"))
}

#[test]
fn routes_and_identity_are_compiled_with_flags_of_a_store() {
    let loaded = good(&catalog());
    let board = loaded.snapshot.flags.id("board").unwrap();
    let routes = loaded.snapshot.routes.all();
    let gated: Vec<_> = routes
        .iter()
        .map(|route| route.gate.as_ref().unwrap().flags().to_vec())
        .collect();
    assert_eq!(gated[0], [board]);
    let plan = loaded.snapshot.flags.attribute_id("plan").unwrap();
    let read: Vec<_> = loaded
        .identity
        .attributes
        .iter()
        .map(|attribute| attribute.id)
        .collect();
    assert_eq!(read, [plan]);
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
}

#[test]
fn the_settings_of_flags_have_store_and_eligibility() {
    let settings = config::flags_settings(files(GATEWAY), Path::new("etc/sluice.yaml"), &|_| None).unwrap();
    let flags = FlagsSource::Store("etc/data".into());
    assert_eq!(
        settings,
        FlagsSettings {
            flags: flags.clone(),
            eligibility: Eligibility::Relaxed,
            seed: None,
            changes: Some(config::ChangePolicy::default()),
            has_operators: false,
        }
    );
    let loaded = good(&catalog());
    assert_eq!(loaded.flags_source, flags);
    assert_eq!(loaded.snapshot.flags.eligibility(), Eligibility::Relaxed);
    let report = config::flags_settings(
        files("version: 1\nflags: {}\n"),
        Path::new("etc/sluice.yaml"),
        &|_| None,
    );
    assert!(report.unwrap_err().errors() > 0);
}

#[test]
fn gate_with_a_flag_not_in_the_store_is_rejected() {
    let gateway = GATEWAY.replace("gate: board", "gate: bord");
    let report = load(&gateway, &catalog()).unwrap_err();
    let problem = &report.problems()[0];
    assert_eq!(
        (problem.code, &*problem.title),
        ("unknown-flag", "no flag has the key `bord`")
    );
    assert!(
        problem
            .help
            .as_ref()
            .unwrap()
            .starts_with("did you mean `board`?"),
        "{report}"
    );
}

#[test]
fn flags_are_updated_under_their_own_revision() {
    let mut catalog = catalog();
    let loaded = good(&catalog);
    let digest = loaded.snapshot.revision.0.strip_prefix("7-").unwrap().to_owned();
    assert_eq!(digest.len(), 12);
    let draft = catalog
        .draft_json(&[JsonEdit::Flag(
            "board".to_owned(),
            Some(json!({ "enabled": false })),
        )])
        .unwrap();
    assert_eq!(draft.compiled().id_changes, IdChanges::None);
    catalog.apply(draft);
    let compiled = catalog.compiled();
    let snapshot = loaded.with_flags(&compiled.flags, &compiled.tenants, 8);
    assert_eq!(*snapshot.revision.0, format!("8-{digest}"));
    assert!(std::sync::Arc::ptr_eq(&snapshot.routes, &loaded.snapshot.routes));
    assert_eq!(snapshot.flags.eligibility(), Eligibility::Relaxed);
    let killed = snapshot
        .flags
        .id("board")
        .and_then(|id| snapshot.flags.flag(id))
        .unwrap();
    assert!(!killed.is_enabled());
}

#[test]
fn check_without_store_covers_all_but_its_flags() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sluice.yaml");
    let secret = |name: &str| (name == "S").then(|| "0123456789abcdef0123456789abcdef".to_owned());
    let check = |gateway: &str, flags: Option<&Path>| {
        std::fs::write(&path, gateway).unwrap();
        let checked = config::check(&path, &secret, flags);
        let problems = checked.report.problems().iter();
        let codes: Vec<_> = problems.map(|problem| problem.code).collect();
        assert_eq!(checked.has_read_flags, flags.is_some());
        (codes, checked.report.errors())
    };
    assert_eq!(check(GATEWAY, None), (vec![], 0));
    let misspelt = GATEWAY.replace("upstream: api", "upstream: apo");
    assert_eq!(check(&misspelt, None), (vec!["unknown-upstream"], 1));
    let exported = folder.path().join("export.json");
    std::fs::write(&exported, serde_json::to_string(catalog().document()).unwrap()).unwrap();
    assert_eq!(check(GATEWAY, Some(&exported)), (vec![], 0));
    let unknown = GATEWAY.replace("gate: board", "gate: bord");
    assert_eq!(
        check(&unknown, Some(&exported)).0,
        ["unused-flag", "unknown-flag"][1..]
    );
    let report = config::load(&path, &secret).unwrap_err();
    assert!(
        report
            .problems()
            .iter()
            .any(|problem| problem.code == "managed-flags"),
        "{report}"
    );
}

#[test]
fn a_watch_loads_documents_by_its_callback() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sluice.yaml");
    std::fs::write(&path, GATEWAY).unwrap();
    let catalog = catalog();
    let read = move || {
        let secret = |name: &str| (name == "S").then(|| "0123456789abcdef0123456789abcdef".to_owned());
        config::load_managed(Files::Disk, &path, &secret, catalog.compiled(), 9)
    };
    let loaded = read().unwrap_or_else(|report| panic!("{report}"));
    let (tell, heard) = channel();
    let _watcher = config::watch_by(WatchOptions::default(), &loaded, read, move |reload| {
        let _ = tell.send(match reload {
            Reload::Applied(loaded) => loaded.snapshot.revision.to_string(),
            other => format!("{other:?}"),
        });
        ReloadResponse::Served
    })
    .unwrap();
    let path = folder.path().join("sluice.yaml");
    std::fs::write(&path, GATEWAY.replace("match: /shop", "match: /store")).unwrap();
    let revision = heard.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(revision.starts_with("9-"), "{revision}");
    assert_ne!(revision, *loaded.snapshot.revision.0);
}

/// Applies one change, and returns its effect on ids.
fn change(catalog: &mut Catalog, key: &str, flag: Option<serde_json::Value>) -> IdChanges {
    let draft = catalog.draft_json(&[JsonEdit::Flag(key.to_owned(), flag)]);
    catalog.apply(draft.unwrap_or_else(|report| panic!("{report}")));
    catalog.compiled().id_changes.clone()
}

#[test]
fn document_stays_valid_when_unnamed_flags_change() {
    let headers = "headers: { per_flag: [reported], flags: { name: X-F, include: [listed] } }\n";
    let gateway = format!("{GATEWAY}{headers}");
    let mut catalog = catalog();
    for key in ["reported", "listed", "other"] {
        change(&mut catalog, key, Some(json!({})));
    }
    let loaded = load(&gateway, &catalog).unwrap_or_else(|report| panic!("{report}"));
    let variants = json!({ "variants": { "on": 1, "off": 0 } });
    let theme = json!({ "variants": { "blue": 1, "none": 0 }, "off": "none", "final": "blue" });
    for (key, flag, outlives) in [
        ("aaa", Some(json!({})), true),
        ("aaa", Some(variants.clone()), true),
        ("aaa", None, true),
        ("other", None, true),
        ("theme", Some(theme), false),
        ("reported", Some(variants.clone()), false),
        ("listed", Some(variants), false),
        ("listed", None, false),
    ] {
        let ids = change(&mut catalog, key, flag);
        assert_eq!(loaded.is_valid_after(&ids), outlives, "{key}: {ids:?}");
    }
    let reads = json!({ "rules": [{ "when": { "attribute": "unread", "exists": true }, "serve": "on" }] });
    let ids = change(&mut catalog, "reads", Some(reads));
    assert!(!loaded.is_valid_after(&ids), "a request may have the attribute");
}

#[test]
fn names_in_documents_have_key_order_after_any_edits() {
    let mut catalog = catalog();
    for key in ["zeta", "late", "alpha"] {
        change(&mut catalog, key, Some(json!({})));
    }
    let gate = "gate: { all: [zeta, board, alpha] }, upstream: api";
    let headers =
        "headers: { per_flag: [zeta, board, alpha], flags: { name: X-F, include: [zeta, late, board] } }\n";
    let gateway = GATEWAY.replace("gate: board, upstream: api", gate) + headers;
    let loaded = load(&gateway, &catalog).unwrap_or_else(|report| panic!("{report}"));
    let flags = &loaded.snapshot.flags;
    let keys = |ids: Vec<rules::FlagId>| {
        ids.into_iter()
            .map(|id| flags.flag(id).unwrap().key().to_string())
    };
    let gate = loaded.snapshot.routes.all()[0].gate.as_ref().unwrap();
    assert_eq!(
        keys(gate.flags().to_vec()).collect::<Vec<_>>(),
        ["alpha", "board", "zeta"]
    );
    let named = keys(loaded.snapshot.headers.named_flags().collect());
    assert_eq!(
        named.collect::<Vec<_>>(),
        ["alpha", "board", "zeta", "board", "late", "zeta"]
    );
}

#[test]
fn a_store_that_never_held_a_flag_may_lack_named_flags() {
    let gateway = GATEWAY.replace(
        "upstreams:",
        "headers: { flags: { include: [board] }, per_flag: { flags: [other] } }\nupstreams:",
    );
    let mut catalog = Catalog::empty(Eligibility::Enforced);
    let loaded = load(&gateway, &catalog).unwrap_or_else(|report| panic!("{report}"));
    let awaited: Vec<&str> = loaded.awaited_flags.iter().map(|key| &**key).collect();
    assert_eq!(awaited, ["board", "other", "theme"]);
    let warnings = loaded.warnings.problems().iter();
    let warnings: Vec<_> = warnings
        .filter(|problem| problem.code == "empty-store")
        .map(|problem| &*problem.title)
        .collect();
    assert_eq!(
        warnings,
        ["board", "other", "board", "theme"]
            .map(|key| format!("no flag has the key `{key}`: the store has never held a flag"))
    );
    let help = loaded.warnings.problems()[0].help.as_ref().unwrap();
    assert!(
        help.contains("sluice apply") && help.contains("flags.store.seed"),
        "{help}"
    );
    // Tenants change nothing about it.
    let tenant = JsonEdit::Tenant("acme".to_owned(), Some(json!({})));
    let draft = catalog.draft_json(&[tenant]).unwrap();
    catalog.apply(draft);
    assert!(!load(&gateway, &catalog).unwrap().awaited_flags.is_empty());
    // The gates are compiled again once there are flags, and all that are named must be among them.
    assert!(!loaded.is_valid_after(&IdChanges::None));
    let flag = |key: &str, value| JsonEdit::Flag(key.to_owned(), Some(value));
    let draft = catalog.draft_json(&[flag("board", json!({}))]).unwrap();
    catalog.apply(draft);
    let report = load(&gateway, &catalog).unwrap_err();
    assert!(
        report
            .problems()
            .iter()
            .any(|problem| problem.code == "unknown-flag"),
        "{report}"
    );
    // A store whose flags were all removed has held some.
    let draft = catalog
        .draft_json(&[JsonEdit::Flag("board".to_owned(), None)])
        .unwrap();
    catalog.apply(draft);
    assert!(catalog.compiled().flags.is_empty());
    load(&gateway, &catalog).unwrap_err();
}
