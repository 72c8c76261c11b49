//! Conditions under which the log is written back.

use changes::{Key, Revision, Write};
use serde_json::json;

use super::*;
use crate::store::{Commit, SqliteStore, Store};

/// Creates a commit of a number of bytes.
fn grow(store: &SqliteStore, bytes: usize) {
    let write = Write {
        key: Key::Tenant("acme".to_owned()),
        value: Some((&json!({ "note": "x".repeat(bytes) })).into()),
    };
    let commit = Commit {
        writes: vec![write],
        audit: vec![crate::store::sqlite::tests::entry("grow")],
    };
    let revision = store.load().unwrap().revision;
    store.commit(Some(revision), &commit).unwrap();
}

fn log(store: &SqliteStore) -> (i64, i64) {
    let log = checkpoint(&store.writer.lock().connection, Mode::Noop).unwrap();
    (log.frames, log.written_back)
}

#[test]
fn a_long_log_is_written_back_and_restarted() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    grow(&store, 1_000_000);
    let (short, written_back) = log(&store);
    assert!(
        short < MANY_FRAMES && written_back == 0,
        "{short}, {written_back}"
    );
    for _ in 0..5 {
        grow(&store, 1_000_000);
    }
    grow(&store, 5_000_000);
    let (long, written_back) = log(&store);
    assert!(
        long > MANY_FRAMES && written_back == long,
        "{long}, {written_back}"
    );
    grow(&store, 1);
    assert!(log(&store).0 < MANY_FRAMES);
    assert_eq!(store.load().unwrap().revision, Revision(8));
}

#[test]
fn the_log_is_not_written_back_while_readers_are_active() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    grow(&store, 2_000_000);
    let begin = Revision(1);
    store
        .readers
        .read(|old| {
            assert_eq!(crate::store::sqlite::records::newest(old)?, begin);
            let mut revision = begin;
            for name in ["a", "b", "c"] {
                let write = Write {
                    key: Key::Tenant(name.to_owned()),
                    value: Some((&json!({ "note": "x".repeat(5_000_000) })).into()),
                };
                let commit = Commit {
                    writes: vec![write],
                    audit: vec![crate::store::sqlite::tests::entry("grow")],
                };
                revision = store.commit(Some(revision), &commit)?;
            }
            let (long, written_back) = log(&store);
            assert!(
                long > 3 * MANY_FRAMES && written_back == 0,
                "{long}, {written_back}"
            );
            assert_eq!(
                crate::store::sqlite::records::newest(old)?,
                begin,
                "the reader sees what it saw"
            );
            Ok(())
        })
        .unwrap();
    grow(&store, 1);
    let (long, written_back) = log(&store);
    assert_eq!(long, written_back);
}
