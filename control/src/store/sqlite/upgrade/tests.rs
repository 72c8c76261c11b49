//! Stores of older and newer formats. The suite of the binary has stores that releases wrote.

use std::fs;

use super::super::{RestoredBy, SqliteStore, directory, schema};
use super::*;
use crate::store::Store as _;

/// The directory of a store of an older format.
fn of_format(format: usize) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut file = Connection::open(directory.path().join("sluice.db")).unwrap();
    schema::mark(&file).unwrap();
    schema::migrate_to(&mut file, format).unwrap();
    file.close().unwrap();
    directory
}

#[test]
fn an_older_store_is_backed_up_and_opened() {
    for format in 1..schema::NEWEST {
        let store = of_format(format);
        drop(SqliteStore::open(store.path()).unwrap());
        let backup = store.path().join(format!("format-{format}.backup.db"));
        let kept = directory::open(&backup, directory::Purpose::Read).unwrap();
        assert_eq!(schema::version(&kept).unwrap(), format);
        SqliteStore::check_backup(&backup).unwrap();
        // The second time there is nothing to upgrade.
        drop(SqliteStore::open(store.path()).unwrap());
        assert!(!store.path().join(format!("format-{format}.backup-2.db")).exists());
    }
}

#[test]
fn a_backup_of_an_earlier_upgrade_is_kept() {
    let store = of_format(1);
    let earlier = store.path().join("format-1.backup.db");
    fs::write(&earlier, "changes that are in no other file").unwrap();
    drop(SqliteStore::open(store.path()).unwrap());
    assert_eq!(
        fs::read_to_string(&earlier).unwrap(),
        "changes that are in no other file"
    );
    SqliteStore::check_backup(&store.path().join("format-1.backup-2.db")).unwrap();
}

#[test]
fn without_a_backup_a_store_is_not_upgraded() {
    let store = of_format(1);
    for number in 1..=MAX_BACKUPS {
        fs::write(backup(store.path(), 1, number), "").unwrap();
    }
    let refused = SqliteStore::open(store.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Io(_)), "{refused}");
    let file = directory::open(&store.path().join("sluice.db"), directory::Purpose::Read).unwrap();
    assert_eq!(schema::version(&file).unwrap(), 1);
}

#[test]
fn an_older_version_names_the_restore_command() {
    let store = tempfile::tempdir().unwrap();
    let known = schema::NEWEST;
    let backup = store.path().join(format!("format-{known}.backup.db"));
    SqliteStore::open(store.path()).unwrap().backup(&backup).unwrap();
    let newer = Connection::open(store.path().join("sluice.db")).unwrap();
    newer
        .pragma_update(None, "user_version", u32::try_from(known + 1).unwrap())
        .unwrap();
    newer.close().unwrap();
    let refused = || SqliteStore::open(store.path()).unwrap_err().to_string();
    let directory = store.path().display();
    let with = format!("`sluice restore {} --to {directory}`", backup.display());
    assert!(refused().contains(&with), "{}", refused());
    SqliteStore::restore(&backup, store.path(), &RestoredBy::tester()).unwrap();
    drop(SqliteStore::open(store.path()).unwrap());
}
