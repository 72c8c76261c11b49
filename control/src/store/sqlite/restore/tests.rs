//! Restores of backups.

use std::collections::BTreeSet;

use changes::{Key, Write};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::store::{AuditFilter, Commit, SqliteStore, Store};

/// A store that was killed in the middle of its work: its file, a log beside it, and a backup from before.
struct Killed {
    folder: TempDir,
}

impl Killed {
    fn new() -> Self {
        let killed = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let alive = killed.path("alive");
        let store = SqliteStore::open(&alive).unwrap();
        change(&store, 0..10);
        store.backup(&killed.path("backup")).unwrap();
        change(&store, 10..20);
        fs::create_dir(killed.data()).unwrap();
        for file in ["sluice.db", "sluice.db-wal", "sluice.db-shm", "sluice.head"] {
            fs::copy(alive.join(file), killed.data().join(file)).unwrap();
        }
        killed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn restore(&self) -> Result<Restored, RestoreError> {
        SqliteStore::restore(&self.path("backup"), &self.data(), &RestoredBy::tester())
    }
}

fn change(store: &SqliteStore, revisions: std::ops::Range<u64>) {
    for revision in revisions {
        let write = Write {
            key: Key::Tenant(format!("t{}", revision % 7)),
            value: Some((&json!({ "note": "x".repeat(900), "at": revision })).into()),
        };
        let commit = Commit {
            writes: vec![write],
            audit: vec![crate::store::sqlite::tests::entry(&format!("r{revision}"))],
        };
        store.commit(Some(Revision(revision)), &commit).unwrap();
    }
}

fn files(folder: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let contents = |name: String| (name.clone(), fs::read(folder.join(name)).unwrap());
    files(folder).into_iter().map(contents).collect()
}

#[test]
fn a_backup_beside_a_foreign_log_is_not_opened() {
    let killed = Killed::new();
    fs::copy(killed.path("backup"), killed.data().join("sluice.db")).unwrap();
    for _ in 0..2 {
        let refused = SqliteStore::open(&killed.data()).unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt(_)), "{refused}");
        assert!(refused.to_string().contains("beside the log"), "{refused}");
        assert!(refused.help().unwrap().contains("sluice restore"));
    }
    let restored = killed.restore().unwrap();
    assert_eq!(restored.revision, Revision(10));
    assert_eq!(
        SqliteStore::open(&killed.data())
            .unwrap()
            .load()
            .unwrap()
            .revision,
        Revision(10)
    );
}

#[test]
fn a_killed_store_opens_with_its_own_log() {
    let killed = Killed::new();
    let store = SqliteStore::open(&killed.data()).unwrap();
    assert_eq!(store.load().unwrap().revision, Revision(20));
}

#[test]
fn an_inherited_log_is_written_back_before_a_commit() {
    let killed = Killed::new();
    let log = killed.data().join("sluice.db-wal");
    assert!(log.metadata().unwrap().len() > 0);
    let _store = SqliteStore::open(&killed.data()).unwrap();
    assert_eq!(log.metadata().unwrap().len(), 0);
    let file_alone = killed.path("alone");
    fs::create_dir(&file_alone).unwrap();
    for file in ["sluice.db", "sluice.head"] {
        fs::copy(killed.data().join(file), file_alone.join(file)).unwrap();
    }
    let alone = SqliteStore::open(&file_alone).unwrap();
    assert_eq!(alone.load().unwrap().revision, Revision(20));
}

#[test]
fn a_restored_backup_replaces_the_files_and_keeps_them() {
    let killed = Killed::new();
    let before = contents(&killed.data());
    let backup = fs::read(killed.path("backup")).unwrap();
    let restored = killed.restore().unwrap();
    let aside = restored.aside.clone().unwrap();
    assert_eq!(aside, killed.data().join("replaced-1"));
    assert_eq!(contents(&aside), before);
    let names = ["replaced-1", "sluice.db", "sluice.lock"].map(ToOwned::to_owned);
    assert_eq!(files(&killed.data()), BTreeSet::from(names));
    assert_eq!(fs::read(killed.path("backup")).unwrap(), backup);

    let store = SqliteStore::open(&killed.data()).unwrap();
    assert_eq!(store.load().unwrap().revision, Revision(10));
    assert_eq!(restored.head, store.audit_head().unwrap());
    let entry = store.audit(&AuditFilter::default(), None, 1).unwrap().entries[0]
        .entry()
        .unwrap();
    assert_eq!(
        (entry.event, entry.actor.as_str()),
        (Event::StoreRestored, "uid:1000")
    );
    let head = |name: &str| {
        entry.details[name]
            .as_str()
            .unwrap()
            .split_once(':')
            .unwrap()
            .0
            .to_owned()
    };
    assert_eq!(
        (head("restored_head"), head("replaced_head")),
        ("10".to_owned(), "20".to_owned())
    );
    change(&store, 10..12);
    drop(store);
    // The files that were moved away can be opened again.
    let store = SqliteStore::open(&aside).unwrap();
    assert_eq!(store.load().unwrap().revision, Revision(20));
    drop(store);
    assert_eq!(
        killed.restore().unwrap().aside,
        Some(killed.data().join("replaced-2"))
    );
}

#[test]
fn a_missing_directory_is_created() {
    let killed = Killed::new();
    let to = killed.path("a/b");
    let restored = SqliteStore::restore(&killed.path("backup"), &to, &RestoredBy::tester()).unwrap();
    assert_eq!((restored.revision, restored.aside), (Revision(10), None));
    assert_eq!(
        SqliteStore::open(&to).unwrap().load().unwrap().revision,
        Revision(10)
    );
}

#[test]
fn a_store_in_use_is_not_replaced() {
    let killed = Killed::new();
    let store = SqliteStore::open(&killed.data()).unwrap();
    let refused = killed.restore().unwrap_err();
    assert!(
        matches!(refused, RestoreError::Store(StoreError::InUse)),
        "{refused}"
    );
    change(&store, 20..21);
}

#[test]
fn an_incomplete_backup_moves_no_file() {
    type Damage = fn(&Path);
    fn sql(file: &Path, sql: &str) {
        Connection::open(file).unwrap().execute_batch(sql).unwrap();
    }
    let damages: [(&str, Damage); 9] = [
        ("No such file", |file| fs::remove_file(file).unwrap()),
        ("not written by sluice", |file| fs::write(file, b"").unwrap()),
        ("not a database", |file| fs::write(file, [b'x'; 8192]).unwrap()),
        ("malformed", |file| {
            let bytes = fs::read(file).unwrap();
            fs::write(file, &bytes[..bytes.len() - 3 * 4096]).unwrap();
        }),
        ("not written by sluice", |file| {
            sql(file, "PRAGMA application_id = 7")
        }),
        ("in format 99", |file| sql(file, "PRAGMA user_version = 99")),
        ("entry 3 was altered", |file| {
            let alter = "DROP TRIGGER audit_is_not_altered;
                 UPDATE audit SET text = replace(text, 'ada', 'bob') WHERE id = 3;";
            sql(file, alter);
        }),
        ("\"t3\" of kind 4 differs from what was written", |file| {
            sql(file, "UPDATE record SET value = '{}' WHERE name = 't3'");
        }),
        ("is beside it", |file| {
            fs::write(with_end(file, "-wal"), b"x").unwrap()
        }),
    ];
    for (expected, damage) in damages {
        let killed = Killed::new();
        damage(&killed.path("backup"));
        let before = contents(&killed.data());
        let refused = killed.restore().unwrap_err().to_string();
        assert!(refused.contains(expected), "{expected}: {refused}");
        let checked = SqliteStore::check_backup(&killed.path("backup"));
        assert!(
            checked.is_err() || expected == "is beside it",
            "{expected} is found without a restore, too"
        );
        let mut after = contents(&killed.data());
        after.retain(|(name, _)| name != "sluice.lock");
        assert_eq!(after, before, "{expected}");
        let store = SqliteStore::open(&killed.data()).unwrap();
        assert_eq!(store.load().unwrap().revision, Revision(20));
    }
}

#[test]
fn a_valid_backup_passes_the_check_unchanged() {
    let killed = Killed::new();
    let apart = killed.path("apart");
    fs::create_dir(&apart).unwrap();
    fs::copy(killed.path("backup"), apart.join("backup")).unwrap();
    let before = contents(&apart);
    SqliteStore::check_backup(&apart.join("backup")).unwrap();
    assert_eq!(contents(&apart), before);
    // Of an older format only pages and indexes are checked.
    let connection = Connection::open(killed.path("backup")).unwrap();
    connection.execute_batch("PRAGMA user_version = 1").unwrap();
    drop(connection);
    SqliteStore::check_backup(&killed.path("backup")).unwrap();
}

#[test]
fn an_unfinished_restore_is_reported_and_repeated() {
    // The files after a loss of power after each step.
    for moved in 0..=3 {
        let killed = Killed::new();
        fs::copy(killed.path("backup"), killed.data().join("sluice.db.restored")).unwrap();
        let aside = killed.data().join("replaced-1");
        fs::create_dir(&aside).unwrap();
        for file in ["sluice.db", "sluice.db-wal", "sluice.db-shm"].iter().take(moved) {
            fs::rename(killed.data().join(file), aside.join(file)).unwrap();
        }
        let refused = SqliteStore::open(&killed.data()).unwrap_err();
        assert!(refused.to_string().contains("not finished"), "{refused}");
        killed.restore().unwrap();
        let store = SqliteStore::open(&killed.data()).unwrap();
        assert_eq!(store.load().unwrap().revision, Revision(10));
        let kept = |name: &str| {
            ["replaced-1", "replaced-2"].map(|folder| killed.data().join(folder).join(name).exists())
        };
        for file in ["sluice.db", "sluice.db-wal", "sluice.db-shm"] {
            assert!(kept(file).contains(&true), "{file} is lost");
        }
    }
}

#[test]
fn the_last_good_document_is_moved_aside_with_its_store() {
    let killed = Killed::new();
    let of_content = ["last-good.json", "last-good-states.json"];
    for name in of_content {
        fs::write(killed.data().join(name), "newer than the backup").unwrap();
    }
    fs::write(killed.data().join("observations.json"), "{}").unwrap();
    let aside = killed.restore().unwrap().aside.unwrap();
    for name in of_content {
        assert!(
            !killed.data().join(name).exists() && aside.join(name).exists(),
            "{name}"
        );
    }
    assert!(killed.data().join("observations.json").exists());
}
