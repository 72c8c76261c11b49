//! Guarantees of this store only: its directory, its file, and its behaviour on a full disk.

use std::fs;
use std::path::PathBuf;

use changes::{ChangeSource, Entry, Event, Key, Write};
use rules::Timestamp;
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use super::*;

pub(super) fn entry(request_id: &str) -> Entry {
    let at = Timestamp(0);
    Entry::new(
        at,
        Event::TenantChanged,
        ChangeSource::Api,
        "ada".to_owned(),
        request_id.to_owned(),
    )
}

pub(super) fn change(name: &str, length: usize) -> Commit {
    let write = Write {
        key: Key::Tenant(name.to_owned()),
        value: Some((&json!({ "note": "x".repeat(length) })).into()),
    };
    Commit {
        writes: vec![write],
        audit: vec![entry(name)],
    }
}

fn filled(changes: u64) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let store = SqliteStore::open(&path).unwrap();
    for at in 0..changes {
        store
            .commit(Some(Revision(at)), &change(&format!("t{at}"), 50))
            .unwrap();
    }
    (directory, path)
}

fn text_of(opened: Result<SqliteStore, StoreError>) -> String {
    opened.unwrap_err().to_string()
}

#[test]
fn commits_are_present_after_a_reopen() {
    let (_directory, path) = filled(20);
    let store = SqliteStore::open(&path).unwrap();
    let loaded = store.load().unwrap();
    assert_eq!((loaded.revision, loaded.records.len()), (Revision(20), 20));
    assert_eq!(store.audit_head().unwrap().0, 20);
    assert_eq!(
        store.watch(Revision(19), Duration::ZERO).unwrap().records.len(),
        1
    );
}

#[test]
fn a_directory_is_used_by_one_process() {
    let (_directory, path) = filled(1);
    let first = SqliteStore::open(&path).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(StoreError::InUse)));
    drop(first);
    SqliteStore::open(&path).unwrap();
}

#[test]
fn commits_are_on_the_disk_before_they_return() {
    let (_directory, path) = filled(1);
    let store = SqliteStore::open(&path).unwrap();
    let writer = store.writer.lock();
    let pragma = |name: &str| -> String {
        writer
            .connection
            .query_row(
                &format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"),
                [],
                |row| row.get(0),
            )
            .unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("synchronous"), "2", "FULL");
    assert_eq!(pragma("recursive_triggers"), "1");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let (_directory, path) = filled(1);
    let _store = SqliteStore::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    for file in fs::read_dir(&path).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.path());
    }
}

#[test]
fn log_entries_cannot_be_altered_removed_or_replaced() {
    let (_directory, path) = filled(3);
    let store = SqliteStore::open(&path).unwrap();
    let writer = store.writer.lock();
    for statement in [
        "UPDATE audit SET text = '{}' WHERE id = 2",
        "DELETE FROM audit WHERE id = 3",
        "REPLACE INTO audit (id, revision, previous, hash, text) VALUES (3, 3, x'00', x'00', '{}')",
        "INSERT INTO audit (id, revision, previous, hash, text) VALUES (9, 3, x'00', x'00', '{}')",
    ] {
        let refused = writer.connection.execute(statement, []).unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{statement}: {refused}");
    }
}

#[test]
fn a_tampered_log_is_not_opened() {
    let (_directory, path) = filled(5);
    let file = Connection::open(path.join("sluice.db")).unwrap();
    file.execute_batch(
        "DROP TRIGGER audit_is_not_altered;
         UPDATE audit SET text = replace(text, 'ada', 'bob') WHERE id = 3;",
    )
    .unwrap();
    drop(file);
    let refused = text_of(SqliteStore::open(&path));
    assert!(refused.contains("entry 3 was altered"), "{refused}");
}

#[test]
fn a_truncated_or_empty_log_is_not_opened() {
    for (statement, expected) in [
        (
            "DELETE FROM audit WHERE id > 3",
            "ends with entry 3, and ended with 5",
        ),
        ("DELETE FROM audit", "ends with entry 0, and ended with 5"),
        (
            "DELETE FROM record WHERE name = 't4'",
            "it is at revision 4, and was at 5",
        ),
        ("DELETE FROM record", "it is at revision 0, and was at 5"),
    ] {
        let (_directory, path) = filled(5);
        let alter = |file: &Path| {
            let file = Connection::open(file).unwrap();
            let alter = format!("DROP TRIGGER audit_is_not_removed; {statement};");
            file.execute_batch(&alter).unwrap();
        };
        let backup = path.join("backup");
        SqliteStore::open(&path).unwrap().backup(&backup).unwrap();
        alter(&path.join("sluice.db"));
        let refused = text_of(SqliteStore::open(&path));
        assert!(refused.contains(expected), "{statement}: {refused}");
        // A backup has no head file; its log and its records are compared with each other.
        alter(&backup);
        fs::create_dir(path.join("other")).unwrap();
        fs::copy(&backup, path.join("other/sluice.db")).unwrap();
        let refused = text_of(SqliteStore::open(&path.join("other")));
        assert!(refused.contains("missing"), "{statement}: {refused}");
        let refused = SqliteStore::restore(&backup, &path.join("third"), &RestoredBy::tester()).unwrap_err();
        assert!(refused.to_string().contains("missing"), "{statement}: {refused}");
    }
}

#[test]
fn the_log_of_a_damaged_store_is_readable_and_unwritable() {
    let (_directory, path) = filled(5);
    let file = Connection::open(path.join("sluice.db")).unwrap();
    let alter = "DROP TRIGGER audit_is_not_altered; UPDATE audit SET text = replace(text, 'ada', 'bob') WHERE id = 3;";
    file.execute_batch(alter).unwrap();
    drop(file);
    let damage = text_of(SqliteStore::open(&path));
    let before = fs::read(path.join("sluice.db")).unwrap();
    let left = DamagedStore::open(&path, &damage);
    let page = left.audit(&AuditFilter::default(), None, 10).unwrap();
    assert_eq!(page.entries.len(), 5);
    assert!(page.entries[2].text.contains("bob"));
    assert_eq!(left.audit_after(2, 1).unwrap().entries[0].id, 3);
    let refused = [
        left.load().map(drop),
        left.commit(None, &change("t", 1)).map(drop),
        left.backup(&path.join("backup")),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
    }
    drop(left);
    assert_eq!(fs::read(path.join("sluice.db")).unwrap(), before);
    // A file that is not a store shows no log, and no store is created from it.
    fs::remove_file(path.join("sluice.db")).unwrap();
    let left = DamagedStore::open(&path, "gone");
    assert!(matches!(left.audit_head(), Err(StoreError::Corrupt(_))));
    assert!(!path.join("sluice.db").exists());
}

#[test]
fn an_altered_record_is_not_loaded() {
    let (_directory, path) = filled(5);
    let file = Connection::open(path.join("sluice.db")).unwrap();
    file.execute_batch("UPDATE record SET value = '{}' WHERE name = 't3'")
        .unwrap();
    drop(file);
    let refused = SqliteStore::open(&path).unwrap().load().unwrap_err();
    assert!(refused.to_string().contains("\"t3\""), "{refused}");
    assert!(refused.help().unwrap().contains("backup"));
}

#[test]
fn a_damaged_file_is_neither_opened_nor_recreated() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("is empty", |file| fs::write(file, b"").unwrap()),
        ("file is not a database", |file| {
            fs::write(file, vec![b'x'; 8192]).unwrap()
        }),
        ("malformed", |file| {
            let bytes = fs::read(file).unwrap();
            fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("its log exists", |file| {
            fs::rename(file, file.with_file_name("sluice.db-wal")).unwrap();
        }),
    ];
    for (expected, damage) in damages {
        let (_directory, path) = filled(50);
        damage(&path.join("sluice.db"));
        for _ in 0..2 {
            let refused = text_of(SqliteStore::open(&path));
            assert!(refused.starts_with("the store is damaged: "), "{refused}");
            assert!(refused.contains(expected), "{refused}");
            assert!(refused.contains("sluice.db"), "{refused}");
        }
    }
}

#[test]
fn a_flipped_byte_is_detected_or_harmless() {
    let (_directory, path) = filled(40);
    let file = path.join("sluice.db");
    let good = fs::read(&file).unwrap();
    let read = || -> Result<_, StoreError> {
        let store = SqliteStore::open(&path)?;
        Ok((store.load()?, store.audit_after(0, 1000)?))
    };
    let expected = read().unwrap();
    let (mut noticed, mut harmless) = (0, 0);
    for at in (0..good.len()).step_by(good.len() / 200) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs::write(&file, &bad).unwrap();
        match read() {
            Ok(found) => {
                assert_eq!(found, expected, "the byte at {at}");
                harmless += 1;
            }
            Err(StoreError::Corrupt(_) | StoreError::TooNew { .. }) => noticed += 1,
            Err(other) => panic!("the byte at {at}: {other}"),
        }
        for left in ["sluice.db-wal", "sluice.db-shm"] {
            let _ = fs::remove_file(path.join(left));
        }
    }
    assert!(
        noticed > 20 && harmless > 0,
        "{noticed} noticed, {harmless} harmless"
    );
}

#[test]
fn an_unfinished_new_store_is_created_again() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("sluice.db.new"), b"half of it").unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    assert_eq!(store.load().unwrap(), Loaded::default());
    assert!(!directory.path().join("sluice.db.new").exists());
}

#[test]
fn a_full_disk_rejects_whole_changes_until_it_has_space() {
    let (_directory, path) = filled(10);
    let store = SqliteStore::open(&path).unwrap();
    let limit = |pages: u32| {
        let writer = store.writer.lock();
        let limit = format!("PRAGMA max_page_count = {pages}");
        let _: i64 = writer.connection.query_row(&limit, [], |row| row.get(0)).unwrap();
    };
    let before = (store.load().unwrap(), store.audit_head().unwrap());
    limit(1);
    for _ in 0..3 {
        let refused = store
            .commit(Some(Revision(10)), &change("large", 200_000))
            .unwrap_err();
        assert!(matches!(refused, StoreError::Full(_)), "{refused}");
        assert!(refused.help().unwrap().contains("space"));
        assert_eq!((store.load().unwrap(), store.audit_head().unwrap()), before);
    }
    limit(u32::MAX - 1);
    assert_eq!(
        store
            .commit(Some(Revision(10)), &change("large", 200_000))
            .unwrap(),
        Revision(11)
    );
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.load().unwrap().records.len(), 11);
}

#[test]
fn a_backup_beside_changes_is_complete_and_opens() {
    let (directory, path) = filled(50);
    let store = SqliteStore::open(&path).unwrap();
    let to = directory.path().join("backup.db");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for at in 50..150 {
                store
                    .commit(Some(Revision(at)), &change(&format!("t{at}"), 2000))
                    .unwrap();
            }
        });
        store.backup(&to).unwrap();
        writer.join().unwrap();
    });
    let refused = store.backup(&to).unwrap_err();
    assert!(refused.to_string().contains("exists already"), "{refused}");
    let restored = directory.path().join("restored");
    fs::create_dir(&restored).unwrap();
    fs::copy(&to, restored.join("sluice.db")).unwrap();
    let copy = SqliteStore::open(&restored).unwrap();
    let loaded = copy.load().unwrap();
    assert!((50..=150).contains(&loaded.revision.0));
    assert_eq!(loaded.records.len() as u64, loaded.revision.0);
    assert_eq!(copy.audit_head().unwrap().0, loaded.revision.0);
    copy.commit(Some(loaded.revision), &change("after", 1)).unwrap();
    let left: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 3, "nothing is left beside it: {left:?}");
}

#[test]
fn an_interrupted_commit_leaves_nothing() {
    let (_directory, path) = filled(1);
    let store = SqliteStore::open(&path).unwrap();
    let many = Commit {
        writes: (0..5_000)
            .flat_map(|at| change(&format!("many{at}"), 50).writes)
            .collect(),
        audit: vec![entry("many")],
    };
    let asked = std::cell::Cell::new(0);
    let interrupted = || {
        asked.set(asked.get() + 1);
        asked.get() == 3
    };
    let given_up = store.commit_unless(Some(Revision(1)), &many, &interrupted);
    assert!(matches!(given_up, Err(StoreError::Interrupted)), "{given_up:?}");
    assert_eq!(asked.get(), 3, "nothing is written after it gave up");
    assert_eq!(store.load().unwrap().records.len(), 1);
    store.commit(Some(Revision(1)), &change("next", 50)).unwrap();
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.load().unwrap().records.len(), 2);
    assert_eq!(store.commit(Some(Revision(2)), &many).unwrap(), Revision(3));
    assert_eq!(store.load().unwrap().records.len(), 5_002);
}

#[test]
fn the_log_notes_a_clock_that_ran_back() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let memory = crate::store::MemoryStore::new();
    let entry = |seconds: i64| {
        let at = Timestamp(1_800_000_000_000 + seconds * 1_000);
        Entry::new(at, Event::FlagKilled, ChangeSource::Api, "ada".into(), "r".into())
    };
    for store in [&store as &dyn Store, &memory] {
        for seconds in [0, 100, 50, 200, 0, 10] {
            let commit = Commit {
                writes: Vec::new(),
                audit: vec![entry(seconds)],
            };
            store.commit(None, &commit).unwrap();
        }
        let page = store.audit_after(0, 10).unwrap();
        let noted: Vec<_> = page
            .entries
            .iter()
            .map(|sealed| sealed.entry().unwrap().details.get("clock_ran_back_ms").cloned())
            .collect();
        // By less than a minute, requests may be committed in another order.
        assert_eq!(noted, [None, None, None, None, Some(json!(200_000)), None]);
        changes::verify((0, changes::GENESIS), &page.entries).unwrap();
    }
}

#[test]
fn a_check_finds_an_index_that_disagrees_with_the_log() {
    let (_directory, path) = filled(40);
    let file = path.join("sluice.db");
    // The key of a flag in the index, which is there in a page of its own and in the table as part of a text.
    let mut bytes = fs::read(&file).unwrap();
    let connection = Connection::open(&file).unwrap();
    let root: u32 = connection
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'audit_actor'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    drop(connection);
    let root = usize::try_from(root).unwrap();
    let page = &mut bytes[(root - 1) * 4096..root * 4096];
    let key = page.windows(3).rposition(|text| text == b"ada").unwrap();
    page[key] ^= 1;
    fs::write(&file, bytes).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(
        store.check(CheckExtent::Pages).ok(),
        Some(()),
        "the pages are well-formed"
    );
    assert_eq!(store.found_damage(), None);
    let damage = store.check(CheckExtent::Whole).unwrap_err();
    assert!(matches!(damage, StoreError::Corrupt(_)), "{damage}");
    assert!(store.found_damage().unwrap().contains("audit_actor"), "{damage}");
}

/// Returns what was committed to a store after a revision and an entry.
fn replica_since(store: &dyn Store, revision: Revision, entry: u64) -> Replica {
    Replica {
        records: store.changes_since(revision).unwrap().records,
        entries: store.audit_after(entry, 1_000).unwrap().entries,
    }
}

#[test]
fn a_replica_equals_its_store() {
    let (_directory, path) = filled(40);
    let source = SqliteStore::open(&path).unwrap();
    let removal = Commit {
        writes: vec![Write {
            key: source.load().unwrap().records[0].key.clone(),
            value: None,
        }],
        audit: vec![entry("removal")],
    };
    source
        .commit(Some(source.load().unwrap().revision), &removal)
        .unwrap();
    let other = tempfile::tempdir().unwrap();
    let copy = SqliteStore::open(other.path()).unwrap();
    // A part, and then the rest.
    let whole = replica_since(&source, Revision(0), 0);
    let part = Replica {
        records: whole
            .records
            .iter()
            .filter(|record| record.revision <= Revision(20))
            .cloned()
            .collect(),
        entries: whole.entries[..20].to_vec(),
    };
    let revision = copy.replicate(Revision(0), &part).unwrap();
    let rest = replica_since(&source, revision, 20);
    copy.replicate(revision, &rest).unwrap();
    assert_eq!(copy.load().unwrap(), source.load().unwrap());
    assert_eq!(
        copy.changes_since(Revision(0)).unwrap(),
        source.changes_since(Revision(0)).unwrap()
    );
    assert_eq!(copy.audit_head().unwrap(), source.audit_head().unwrap());
    drop(copy);
    let copy = SqliteStore::open(other.path()).unwrap();
    assert_eq!(copy.load().unwrap(), source.load().unwrap());
}

#[test]
fn a_replica_that_does_not_follow_is_not_written() {
    let (_directory, path) = filled(3);
    let source = SqliteStore::open(&path).unwrap();
    let other = tempfile::tempdir().unwrap();
    let copy = SqliteStore::open(other.path()).unwrap();
    let mut replica = replica_since(&source, Revision(0), 0);
    assert!(matches!(
        copy.replicate(Revision(7), &replica),
        Err(StoreError::Conflict { .. })
    ));
    replica.entries.remove(1);
    assert!(matches!(
        copy.replicate(Revision(0), &replica),
        Err(StoreError::Corrupt(_))
    ));
    assert_eq!(copy.load().unwrap(), Loaded::default());
    assert_eq!(copy.audit_head().unwrap(), (0, changes::GENESIS));
}
