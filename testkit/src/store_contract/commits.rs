//! Commits: ordered, compared, whole.

use std::sync::Barrier;
use std::thread;

use control::{Commit, Key, Loaded, Record, Revision, Store, StoreError, Write};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::written::{commit, commit_entries, commit_number, entry, put, tenant};

pub fn an_empty_store_is_at_revision_zero(store: &dyn Store) {
    assert_eq!(store.load().unwrap(), Loaded::default());
    assert_eq!(store.audit_head().unwrap(), (0, control::GENESIS));
}

pub fn each_commit_makes_the_next_revision(store: &dyn Store) {
    for number in 0..20 {
        assert_eq!(commit_number(store, "acme", number), Revision(number + 1));
        assert_eq!(store.load().unwrap().revision, Revision(number + 1));
    }
}

pub fn committed_records_are_loaded_in_key_order(store: &dyn Store) {
    let named = |name: &str| {
        [
            Key::Segment(name.to_owned()),
            Key::Definition(name.to_owned()),
            Key::State(name.to_owned()),
            Key::Tenant(name.to_owned()),
        ]
    };
    let mut keys: Vec<Key> = ["b", "a", "é", "Z", "a.b", "10", "9"]
        .iter()
        .flat_map(|name| named(name))
        .collect();
    keys.push(Key::Head);
    let (first, second) = keys.split_at(keys.len() / 2);
    for (at, part) in [second, first].into_iter().enumerate() {
        let writes = part
            .iter()
            .map(|key| put(key.clone(), json!({ "part": at })))
            .collect();
        commit(store, at as u64, writes);
    }
    let loaded = store.load().unwrap();
    keys.sort();
    let found: Vec<Key> = loaded.records.iter().map(|record| record.key.clone()).collect();
    assert_eq!(found, keys);
    for record in loaded.records {
        let part = record.revision.0 - 1;
        assert_eq!(record.value, Some((&json!({ "part": part })).into()));
    }
}

pub fn commit_at_an_unexpected_revision_changes_nothing(store: &dyn Store) {
    commit_number(store, "acme", 0);
    commit_number(store, "acme", 1);
    let before = (store.load().unwrap(), store.audit_head().unwrap());
    for expected in [0, 1, 3, u64::MAX].map(Revision) {
        let late = Commit {
            writes: vec![put(tenant("acme"), json!({})), put(tenant("other"), json!({}))],
            audit: vec![entry("late")],
        };
        let refused = store.commit(Some(expected), &late).unwrap_err();
        assert!(
            matches!(refused, StoreError::Conflict { expected: e, current: Revision(2) } if e == expected),
            "{refused}"
        );
    }
    assert_eq!((store.load().unwrap(), store.audit_head().unwrap()), before);
}

pub fn one_of_many_commits_at_a_revision_succeeds(store: &dyn Store) {
    const CLIENTS: usize = 8;
    for round in 0..10 {
        let start = Barrier::new(CLIENTS);
        let contend = |client: usize| {
            start.wait();
            let writes = vec![put(tenant("acme"), json!({ "client": client }))];
            let audit = vec![entry(&client.to_string())];
            store.commit(Some(Revision(round)), &Commit { writes, audit })
        };
        let contend = &contend;
        let results: Vec<_> = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| scope.spawn(move || contend(client)))
                .collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        let winners: Vec<usize> = (0..results.len()).filter(|at| results[*at].is_ok()).collect();
        assert_eq!(winners.len(), 1);
        let loaded = store.load().unwrap();
        assert_eq!(loaded.revision, Revision(round + 1));
        assert_eq!(
            loaded.records[0].value,
            Some((&json!({ "client": winners[0] })).into())
        );
    }
}

pub fn commit_without_expected_revision_succeeds_at_any(store: &dyn Store) {
    commit_number(store, "acme", 0);
    let writes = vec![put(tenant("other"), json!({}))];
    let audit = vec![entry("any")];
    assert_eq!(
        store.commit(None, &Commit { writes, audit }).unwrap(),
        Revision(2)
    );
}

pub fn a_commit_of_entries_alone_keeps_the_revision(store: &dyn Store) {
    assert_eq!(commit_entries(store, vec![entry("before")]), Revision(0));
    commit_number(store, "acme", 0);
    assert_eq!(commit_entries(store, vec![entry("a"), entry("b")]), Revision(1));
    assert_eq!(store.load().unwrap().revision, Revision(1));
    assert_eq!(store.audit_head().unwrap().0, 4);
    let refused = store.commit(
        Some(Revision(0)),
        &Commit {
            writes: Vec::new(),
            audit: vec![entry("late")],
        },
    );
    assert!(matches!(refused, Err(StoreError::Conflict { .. })));
}

pub fn last_of_several_writes_of_a_key_applies(store: &dyn Store) {
    let last = put(tenant("acme"), json!({ "last": true }));
    let removed = Write {
        key: tenant("acme"),
        value: None,
    };
    commit(store, 0, vec![put(tenant("acme"), json!({})), removed, last]);
    let acme = Record {
        key: tenant("acme"),
        value: Some((&json!({ "last": true })).into()),
        revision: Revision(1),
    };
    assert_eq!(store.load().unwrap().records, [acme]);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

pub fn any_json_value_and_name_survives_a_round_trip(store: &dyn Store) {
    let config = Config {
        cases: 100,
        failure_persistence: None,
        ..Config::default()
    };
    let names = any::<String>().prop_filter("SQLite's texts end nowhere", |name| !name.contains('\0'));
    TestRunner::new(config)
        .run(&(names, any_value()), |(name, value)| {
            let writes = vec![put(Key::Definition(name.clone()), value.clone())];
            let revision = store
                .commit(
                    None,
                    &Commit {
                        writes,
                        audit: Vec::new(),
                    },
                )
                .unwrap();
            let changed = store.changes_since(Revision(revision.0 - 1)).unwrap().records;
            let expected = Record {
                key: Key::Definition(name),
                value: Some((&value).into()),
                revision,
            };
            prop_assert_eq!(changed, [expected]);
            Ok(())
        })
        .unwrap();
}
