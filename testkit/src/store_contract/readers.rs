//! Readers beside a writer: records of one commit are seen together.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use control::{Commit, Json, Key, Record, Revision, Store};
use serde_json::json;

use super::written::{entry, put, remove, tenant};

const COMMITS: u64 = 60;
const RECORDS: u64 = 40;

/// Each commit writes the same number into all records.
fn write_all(store: &dyn Store, done: &AtomicBool) {
    for number in 0..COMMITS {
        let writes = (0..RECORDS)
            .map(|at| put(tenant(&format!("t{at}")), json!(number)))
            .collect();
        let audit = vec![entry(&number.to_string())];
        store
            .commit(Some(Revision(number)), &Commit { writes, audit })
            .unwrap();
    }
    done.store(true, Ordering::Release);
}

fn check_atomic(revision: Revision, records: &[Record]) {
    if revision == Revision(0) {
        assert!(records.is_empty());
        return;
    }
    assert_eq!(records.len() as u64, RECORDS, "at {revision:?}");
    for record in records {
        assert_eq!(record.revision, revision);
        assert_eq!(record.value, Some((&json!(revision.0 - 1)).into()));
    }
}

pub fn commits_are_atomic_for_readers(store: &dyn Store) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = Revision(0);
                while !done.load(Ordering::Acquire) {
                    let loaded = store.load().unwrap();
                    check_atomic(loaded.revision, &loaded.records);
                    let changes = store.changes_since(Revision(0)).unwrap();
                    check_atomic(changes.revision, &changes.records);
                    assert!(
                        last <= loaded.revision && loaded.revision <= changes.revision,
                        "went back"
                    );
                    last = changes.revision;
                }
            });
        }
        write_all(store, &done);
    });
    assert_eq!(store.load().unwrap().revision, Revision(COMMITS));
}

pub fn changes_since_a_revision_lead_to_the_newest_state(store: &dyn Store) {
    thread::scope(|scope| {
        let follower = scope.spawn(|| {
            let mut state: BTreeMap<Key, Json> = BTreeMap::new();
            let mut since = Revision(0);
            while since < Revision(COMMITS) {
                let changes = store.watch(since, std::time::Duration::from_secs(30)).unwrap();
                for record in changes.records {
                    match record.value {
                        Some(value) => state.insert(record.key, value),
                        None => state.remove(&record.key),
                    };
                }
                since = changes.revision;
            }
            state
        });
        for number in 0..COMMITS {
            let put = put(tenant(&format!("t{}", number % 7)), json!(number));
            let remove = remove(tenant(&format!("t{}", (number * 3 + 1) % 7)));
            let commit = Commit {
                writes: vec![put, remove],
                audit: Vec::new(),
            };
            store.commit(Some(Revision(number)), &commit).unwrap();
        }
        let loaded = store.load().unwrap().records;
        let loaded: BTreeMap<_, _> = loaded
            .into_iter()
            .map(|record| (record.key, record.value.unwrap()))
            .collect();
        assert_eq!(follower.join().unwrap(), loaded);
    });
}
