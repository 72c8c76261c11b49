//! Detection of lost commits.

use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;
use crate::store::sqlite::tests::change;
use crate::store::{SqliteStore, Store};

const FILE: &str = "sluice.db";
const LOG: &str = "sluice.db-wal";

/// A store that was killed, with acknowledged changes of which some are only in the log beside its file.
struct Killed {
    folder: TempDir,
}

impl Killed {
    /// Of `changes` that were committed, those from the second on are only in the log.
    fn after(changes: u64) -> Self {
        Self::of("t", changes)
    }

    fn of(name: &str, changes: u64) -> Self {
        let killed = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let alive = killed.folder.path().join("alive");
        let store = SqliteStore::open(&alive).unwrap();
        for at in 0..changes {
            let commit = change(&format!("{name}{at}"), 900);
            store.commit(Some(Revision(at)), &commit).unwrap();
        }
        fs::create_dir(killed.data()).unwrap();
        for file in [FILE, LOG, HEAD] {
            fs::copy(alive.join(file), killed.data().join(file)).unwrap();
        }
        killed
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn open(&self) -> Result<Revision, StoreError> {
        Ok(SqliteStore::open(&self.data())?.load()?.revision)
    }

    /// Returns the content of the directory, without the files that SQLite creates for readers.
    fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let files = fs::read_dir(self.data()).unwrap().map(|file| {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        });
        files
            .filter(|(name, bytes)| !name.ends_with("-shm") && !bytes.is_empty())
            .collect()
    }

    /// Checks that it is not opened, reports the damage, and is not changed.
    fn is_damaged(&self, what: &str, expected: &str) {
        let before = self.contents();
        for _ in 0..2 {
            let refused = self.open().unwrap_err();
            assert!(matches!(refused, StoreError::Corrupt(_)), "{what}: {refused}");
            assert!(refused.to_string().contains(expected), "{what}: {refused}");
            assert!(self.contents() == before, "{what}: it was touched");
        }
    }
}

/// Flips a bit at a position in percent of the file.
fn turn(file: &Path, hundredths: usize) {
    let mut bytes = fs::read(file).unwrap();
    let at = bytes.len() * hundredths / 100;
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_killed_store_opens_with_all_acknowledged_commits() {
    assert_eq!(Killed::after(0).open().unwrap(), Revision(0));
    assert_eq!(Killed::after(9).open().unwrap(), Revision(9));
}

#[test]
fn acknowledged_changes_lost_with_a_log_are_detected() {
    type Damage = fn(&Path);
    let damages: [(&str, &str, Damage); 9] = [
        ("a bit of its middle", "was at 9 after", |data| {
            turn(&data.join(LOG), 50)
        }),
        ("a bit of its head", "was at 9 after", |data| {
            turn(&data.join(LOG), 0)
        }),
        ("a bit of its end", "was at 9 after", |data| {
            turn(&data.join(LOG), 99)
        }),
        ("all of it", "was at 9 after", |data| {
            fs::remove_file(data.join(LOG)).unwrap()
        }),
        ("its end", "was at 9 after", |data| {
            let log = OpenOptions::new().write(true).open(data.join(LOG)).unwrap();
            log.set_len(20_000).unwrap();
        }),
        ("another's in its place", "the one of its last commit", |data| {
            let other = Killed::of("other", 30);
            fs::copy(other.data().join(LOG), data.join(LOG)).unwrap();
        }),
        ("an older store in its place", "was at 9 after", |data| {
            let other = Killed::after(3);
            for file in [FILE, LOG] {
                fs::copy(other.data().join(file), data.join(file)).unwrap();
            }
        }),
        ("file and log", "is missing", |data| {
            for file in [FILE, LOG] {
                fs::remove_file(data.join(file)).unwrap();
            }
        }),
        ("moved without its head file", "is missing beside it", |data| {
            fs::remove_file(data.join(HEAD)).unwrap();
        }),
    ];
    for (what, expected, damage) in damages {
        let killed = Killed::after(9);
        damage(&killed.data());
        killed.is_damaged(what, expected);
    }
}

#[test]
fn another_store_at_the_same_revision_is_detected() {
    let (killed, other) = (Killed::after(9), Killed::of("other", 12));
    for file in [FILE, LOG] {
        fs::copy(other.data().join(file), killed.data().join(file)).unwrap();
    }
    killed.is_damaged("another store", "entry 9 of its audit log is not the one");
}

#[test]
fn the_first_commit_is_in_the_file_without_a_log() {
    let killed = Killed::after(1);
    fs::remove_file(killed.data().join(LOG)).unwrap();
    assert_eq!(killed.open().unwrap(), Revision(1));
}

#[test]
fn a_start_writes_the_log_back() {
    let killed = Killed::after(9);
    let store = SqliteStore::open(&killed.data()).unwrap();
    assert_eq!(fs::metadata(killed.data().join(LOG)).unwrap().len(), 0);
    assert_eq!(store.load().unwrap().revision, Revision(9));
}

#[test]
fn one_copy_of_the_head_suffices_and_none_is_damage() {
    let known = |killed: &Killed| HeadFile::open(&killed.data()).unwrap().unwrap().1.revision;
    let damage = |killed: &Killed, offset: u64| {
        let file = OpenOptions::new()
            .write(true)
            .open(killed.data().join(HEAD))
            .unwrap();
        file.write_all_at(b"torn", offset + 20).unwrap();
    };
    for first in COPY_OFFSETS {
        let killed = Killed::after(9);
        assert_eq!(known(&killed), Revision(9));
        damage(&killed, first);
        assert!((8..=9).contains(&known(&killed).0));
        for second in COPY_OFFSETS {
            damage(&killed, second);
        }
        killed.is_damaged("both copies", "can't be read");
    }
}

#[test]
fn an_entry_without_a_change_is_in_the_head() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    for at in 0..2 {
        store.commit(Some(Revision(at)), &change("t", 10)).unwrap();
    }
    for _ in 0..3 {
        let mut refusal = change("refused", 1);
        refusal.writes.clear();
        store.commit(None, &refusal).unwrap();
    }
    let (_, head) = HeadFile::open(folder.path()).unwrap().unwrap();
    assert_eq!((head.revision, head.id), (Revision(2), 5));
}

#[test]
fn copies_of_the_head_alternate_after_a_sync() {
    let folder = tempfile::tempdir().unwrap();
    let head = |revision| StoreHead {
        revision: Revision(revision),
        id: revision,
        hash: [7; 32],
    };
    let mut file = HeadFile::make(folder.path(), &head(1)).unwrap();
    let mut offsets = Vec::new();
    for (revision, until) in [
        (2, Durability::Disk),
        (3, Durability::System),
        (4, Durability::System),
        (5, Durability::Disk),
        (6, Durability::Disk),
    ] {
        offsets.push(file.offsets[0]);
        file.write(&head(revision), until);
        let (opened, known) = HeadFile::open(folder.path()).unwrap().unwrap();
        assert_eq!(known, head(revision));
        drop(opened);
    }
    let [first, second] = COPY_OFFSETS;
    assert_eq!(offsets, [first, second, second, second, first]);
}
