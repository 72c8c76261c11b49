//! Changes since a revision, and waiting for them.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use control::{Changes, Key, Record, Revision, Store};
use serde_json::json;

use super::written::{commit, commit_entries, commit_number, entry, put, remove, tenant};

/// A timeout that no passing test reaches.
const LONG: Duration = Duration::from_secs(30);

fn names(changes: &Changes) -> Vec<(u64, &str)> {
    let name = |record| match record {
        &Record {
            key: Key::Tenant(ref name),
            revision,
            ..
        } => (revision.0, name.as_str()),
        other => panic!("{other:?} was not written"),
    };
    changes.records.iter().map(name).collect()
}

pub fn changes_are_listed_since_any_revision(store: &dyn Store) {
    commit(
        store,
        0,
        vec![
            put(tenant("c"), json!(1)),
            put(tenant("a"), json!(1)),
            put(tenant("b"), json!(1)),
        ],
    );
    commit(store, 1, vec![put(tenant("b"), json!(2))]);
    commit(
        store,
        2,
        vec![put(tenant("d"), json!(3)), put(tenant("a"), json!(3))],
    );
    let expected: [&[(u64, &str)]; 4] = [
        &[(1, "c"), (2, "b"), (3, "a"), (3, "d")],
        &[(2, "b"), (3, "a"), (3, "d")],
        &[(3, "a"), (3, "d")],
        &[],
    ];
    for (since, expected) in expected.into_iter().enumerate() {
        let changes = store.changes_since(Revision(since as u64)).unwrap();
        assert_eq!(changes.revision, Revision(3));
        assert_eq!(names(&changes), expected, "since {since}");
    }
}

pub fn removed_record_is_listed_and_no_longer_loaded(store: &dyn Store) {
    commit(
        store,
        0,
        vec![put(tenant("a"), json!({})), put(tenant("b"), json!({}))],
    );
    commit(store, 1, vec![remove(tenant("a")), remove(tenant("never-was"))]);
    let gone = |name: &str| Record {
        key: tenant(name),
        value: None,
        revision: Revision(2),
    };
    let changes = store.changes_since(Revision(1)).unwrap();
    assert_eq!(changes.records, [gone("a"), gone("never-was")]);
    let loaded = store.load().unwrap();
    assert_eq!(loaded.revision, Revision(2));
    assert_eq!(loaded.records.len(), 1);
    assert_eq!(loaded.records[0].key, tenant("b"));
    commit(store, 2, vec![put(tenant("a"), json!({ "again": true }))]);
    assert_eq!(store.load().unwrap().records.len(), 2);
}

pub fn no_changes_are_listed_since_the_newest_revision(store: &dyn Store) {
    commit_number(store, "acme", 0);
    for since in [1, 2, u64::MAX] {
        let changes = store.changes_since(Revision(since)).unwrap();
        assert_eq!(
            changes,
            Changes {
                revision: Revision(1),
                records: Vec::new()
            }
        );
    }
}

pub fn a_watcher_is_woken_by_the_next_commit(store: &dyn Store) {
    thread::scope(|scope| {
        let (reported, hears) = mpsc::channel();
        for _ in 0..3 {
            let reported = reported.clone();
            scope.spawn(move || {
                let mut since = Revision(0);
                while since < Revision(20) {
                    let begun = Instant::now();
                    let changes = store.watch(since, LONG).unwrap();
                    assert!(begun.elapsed() < LONG, "not woken");
                    assert!(changes.revision > since, "woken for nothing");
                    assert!(changes.records.iter().all(|record| record.revision > since));
                    since = changes.revision;
                }
                reported.send(since).unwrap();
            });
        }
        for number in 0..20 {
            commit_number(store, "acme", number);
        }
        for _ in 0..3 {
            assert_eq!(hears.recv_timeout(LONG).unwrap(), Revision(20));
        }
    });
}

pub fn a_watcher_of_an_old_revision_does_not_wait(store: &dyn Store) {
    commit_number(store, "acme", 0);
    let begun = Instant::now();
    assert_eq!(store.watch(Revision(0), LONG).unwrap().records.len(), 1);
    assert!(begun.elapsed() < LONG);
}

pub fn watcher_returns_at_its_timeout(store: &dyn Store) {
    commit_number(store, "acme", 0);
    let patience = Duration::from_millis(20);
    let begun = Instant::now();
    let changes = store.watch(Revision(1), patience).unwrap();
    assert!(begun.elapsed() >= patience);
    assert_eq!(
        changes,
        Changes {
            revision: Revision(1),
            records: Vec::new()
        }
    );
}

pub fn a_watcher_is_not_woken_by_entries_alone(store: &dyn Store) {
    let patience = Duration::from_millis(50);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let begun = Instant::now();
            (store.watch(Revision(0), patience).unwrap(), begun.elapsed())
        });
        commit_entries(store, vec![entry("refused")]);
        let (changes, waited) = watcher.join().unwrap();
        assert!(waited >= patience);
        assert_eq!(changes, Changes::default());
    });
}
