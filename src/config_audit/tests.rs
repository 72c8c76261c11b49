#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use control::LifecyclePolicy;
use testkit::ControlFixture;

use tracing::{Event as LogEvent, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::*;

/// Counts warnings in the log of the process.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &LogEvent<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::WARN {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn recorded(document: &str, gates: &[&str], operators: &[(&str, &str)], soak: i64) -> RecordedConfig {
    RecordedConfig {
        document: document.to_owned(),
        variables: BTreeMap::new(),
        gates: gates.iter().map(|gate| (*gate).to_owned()).collect(),
        policy: Map::from_iter([
            ("promotion.soak_ms".to_owned(), json!(soak)),
            ("other".to_owned(), json!(1)),
        ]),
        operators: operators
            .iter()
            .map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned()))
            .collect(),
    }
}

#[test]
fn each_changed_part_has_an_entry_with_both_digests() {
    let before = recorded("aaa", &["board: a", "list: b"], &[("ann", "1"), ("bob", "2")], 7);
    assert_eq!(before.differences(Some(&before)), []);
    let after = recorded("bbb", &["board: a", "menu: c"], &[("ann", "9"), ("eve", "3")], 8);
    let found = after.differences(Some(&before));
    let events: Vec<Event> = found.iter().map(|(event, _)| *event).collect();
    assert_eq!(
        events,
        [
            Event::ConfigChanged,
            Event::PolicyChanged,
            Event::OperatorsChanged
        ]
    );
    let details = |number: usize| Value::Object(found[number].1.clone());
    assert_eq!(
        details(0),
        json!({ "before": "aaa", "after": "bbb", "gates_added": ["menu: c"], "gates_removed": ["list: b"] })
    );
    assert_eq!(
        (&details(1)["fields_before"], &details(1)["fields_after"]),
        (
            &json!({ "promotion.soak_ms": 7 }),
            &json!({ "promotion.soak_ms": 8 })
        )
    );
    assert_ne!(details(1)["before"], details(1)["after"]);
    let operators = details(2);
    assert_eq!(
        (&operators["added"], &operators["removed"], &operators["changed"]),
        (&json!(["eve"]), &json!(["bob"]), &json!(["ann"]))
    );
}

#[test]
fn only_the_changed_part_has_an_entry() {
    let before = recorded("aaa", &["board: a"], &[("ann", "1")], 7);
    let after = recorded("aaa", &["board: a"], &[("ann", "1"), ("eve", "3")], 7);
    let found = after.differences(Some(&before));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, Event::OperatorsChanged);
}

#[test]
fn the_first_start_has_no_digest_before() {
    let found = recorded("aaa", &["board: a"], &[("ann", "1")], 7).differences(None);
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|(_, details)| details["before"].is_null()));
}

#[test]
fn a_changed_variable_is_named_without_its_value() {
    let with = |variables: &[(&str, &str)]| {
        let key = VariablesKey::random();
        assert_ne!(key.digest("hunter2"), VariablesKey::random().digest("hunter2"));
        let variables = variables.iter();
        RecordedConfig {
            variables: variables
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..recorded("aaa", &[], &[], 7)
        }
    };
    let before = with(&[("SLUICE_ADDRESS", "1"), ("SECRET", "2"), ("OLD", "3")]);
    let after = with(&[("SLUICE_ADDRESS", "1"), ("SECRET", "9"), ("NEW", "4")]);
    let found = after.differences(Some(&before));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, Event::ConfigChanged);
    assert_eq!(
        Value::Object(found[0].1.clone()),
        json!({ "before": "aaa", "after": "aaa", "variables": ["NEW", "OLD", "SECRET"] })
    );
}

#[test]
fn a_long_list_says_how_many_more_there_are() {
    let names: Vec<String> = (0..MAX_NAMED + 7)
        .map(|number| format!("gate {number}"))
        .collect();
    let listed = named(names.iter());
    let listed = listed.as_array().unwrap();
    assert_eq!(
        (listed.len(), &listed[MAX_NAMED]),
        (MAX_NAMED + 1, &json!("and 7 more"))
    );
    assert_eq!(
        named(names[..MAX_NAMED].iter()).as_array().unwrap().len(),
        MAX_NAMED
    );
}

#[test]
fn a_gate_is_recorded_with_its_condition_and_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sluice.yaml");
    std::fs::write(
        folder.path().join("flags.yaml"),
        "{ version: 1, flags: { a: {}, b: {} } }",
    )
    .unwrap();
    let load = |route: &str| {
        let document = format!(
            "version: 1\nlisteners: [{{ name: public, address: '127.0.0.1:0' }}]\nadmin: off\n\
             flags: {{ file: flags.yaml }}\nupstreams: {{ legacy: '127.0.0.1:3000' }}\n\
             routes:\n- {{ name: \"${{CARGO_PKG_NAME}}\", upstream: legacy, {route} }}\n"
        );
        std::fs::write(&path, document).unwrap();
        let loaded = config::load(&path, &environment::variable);
        loaded.unwrap_or_else(|report| panic!("{report}"))
    };
    let text = |route: &str| gates(&load(route)).into_iter().next().unwrap();
    assert_eq!(text("match: /a, gate: a"), "sluice /a: a");
    assert_eq!(text("match: /a, gate: { not: a }"), "sluice /a: not a");
    assert_eq!(text("match: /b, gate: { any: [a, b] }"), "sluice /b: any(a, b)");
    assert_eq!(
        text(
            "match: { path: /b/**, host: a.example, methods: [GET] }, gate: { all: [a, { flag: b, is: off }] }, mode: shadow"
        ),
        "sluice a.example /b/** GET: all(a, b is off) (shadow)"
    );
    let recorded = ConfigAudit::new(
        None,
        &ControlFixture::new(LifecyclePolicy::default(), "version: 1").control,
    )
    .of_document(&load("match: /a, gate: a"));
    assert!(recorded.variables.keys().eq(["CARGO_PKG_NAME"]), "{recorded:?}");
}

fn control_plane() -> ControlFixture {
    ControlFixture::new(LifecyclePolicy::default(), "{ version: 1, flags: { board: {} } }")
}

fn config_events(fixture: &ControlFixture) -> usize {
    let is_config = |event| {
        matches!(
            event,
            Event::ConfigChanged | Event::PolicyChanged | Event::OperatorsChanged
        )
    };
    fixture
        .log()
        .iter()
        .filter(|entry| is_config(entry.event))
        .count()
}

#[test]
fn what_was_recorded_counts_only_with_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = control_plane();
    let config = recorded("aaa", &["board: a"], &[("ann", "1")], 7);
    let record = |fixture: &ControlFixture| {
        let audit = ConfigAudit::new(Some(folder.path()), &fixture.control);
        audit.record(&fixture.control, config.clone(), Some(config.operators.clone()));
        config_events(fixture)
    };
    assert_eq!(record(&fixture), 3);
    assert_eq!(record(&fixture), 3, "nothing has changed");
    // The file is left, and the log of the store is another one: shorter, and then of the same length.
    let restored = control_plane();
    assert_eq!(record(&restored), 3);
    let other = ControlFixture::new(LifecyclePolicy::default(), "{ version: 1, flags: { list: {} } }");
    assert_eq!(record(&other), 3);
    assert_eq!(record(&other), 3, "and then it is bound to that log");
}

#[test]
fn entries_that_could_not_be_written_are_written_later() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = control_plane();
    let audit = ConfigAudit::new(Some(folder.path()), &fixture.control);
    let record = |document: &str| {
        let config = recorded(document, &[], &[("ann", "1")], 7);
        audit.record(&fixture.control, config.clone(), Some(config.operators));
    };
    record("aaa");
    fixture.store.hooks.0.store(true, Ordering::Relaxed);
    let warnings = Warnings::default();
    let log = tracing_subscriber::registry().with(warnings.clone());
    tracing::subscriber::with_default(log, || {
        record("bbb");
        audit.record_operators(&fixture.control, BTreeMap::new());
        for _ in 0..3 {
            audit.retry(&fixture.control);
        }
    });
    assert_eq!(warnings.0.load(Ordering::Relaxed), 1, "not at each retry");
    assert_eq!(config_events(&fixture), 3);
    fixture.store.hooks.0.store(false, Ordering::Relaxed);
    audit.retry(&fixture.control);
    let log = fixture.log();
    let [.., config, operators] = &log[..] else {
        panic!("{log:?}")
    };
    assert_eq!(
        (&config.details["before"], &config.details["after"]),
        (&json!("aaa"), &json!("bbb"))
    );
    assert_eq!(operators.details["removed"], json!(["ann"]));
    audit.retry(&fixture.control);
    assert_eq!(fixture.log().len(), log.len(), "once");
    let again = ConfigAudit::new(Some(folder.path()), &fixture.control);
    assert_eq!(again.state.lock().recorded, audit.state.lock().recorded);
}
