#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn recorded(document: &str, gates: &[&str], operators: &[(&str, &str)], soak: i64) -> RecordedConfig {
    RecordedConfig {
        document: document.to_owned(),
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
fn what_was_recorded_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = recorded("aaa", &["board: a"], &[("ann", "1")], 7);
    write_file(&folder.path().join(FILE_NAME), &config).unwrap();
    assert_eq!(
        *ConfigAudit::new(Some(folder.path())).recorded.lock(),
        Some(config)
    );
    assert_eq!(*ConfigAudit::new(None).recorded.lock(), None);
}
