//! The writer process and its start.

use std::io::{self, BufRead, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use control::{Revision, SqliteStore, Store, StoreError};

use crate::durability::acknowledged::{Acknowledged, Line};
use crate::durability::change::Change;
use crate::durability::model::Model;

const TASK: &str = "SLUICE_STORE_TASK";
const DIRECTORY: &str = "SLUICE_STORE_DIRECTORY";
const ROUND: &str = "SLUICE_STORE_ROUND";
const WRITERS: u64 = 4;
/// A number of changes that no writer reaches.
const MAX_CHANGES: u64 = 100_000;
/// The number of changes tried on a failing disk.
const TRIED: u64 = 600;
const GIVEN_UP: u64 = 6;

/// Returns the command that runs a task of this binary in a directory.
pub(crate) fn task(name: &str, directory: &Path, round: u64, through: Option<Command>) -> Command {
    let exe = std::env::current_exe().unwrap();
    let mut command = match through {
        Some(mut shell) => {
            shell.arg(exe);
            shell
        }
        None => Command::new(exe),
    };
    command
        .args([
            "--exact",
            "durability::writer::acknowledged_changes_of_a_writer_stay",
            "--nocapture",
        ])
        .env(TASK, name)
        .env(DIRECTORY, directory)
        .env(ROUND, round.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Prints a line with one write.
fn tell(line: &str) {
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

/// By itself a short run; started by `task`, one side of the other tests and of `scripts/faults/store`.
#[test]
fn acknowledged_changes_of_a_writer_stay() {
    let round = std::env::var(ROUND).map_or(0, |round| round.parse().unwrap());
    let directory = std::env::var_os(DIRECTORY);
    let directory = directory.as_deref().map(Path::new);
    match (std::env::var(TASK).as_deref(), directory) {
        (Ok("write"), Some(directory)) => write_until_killed(directory, round),
        (Ok("fail"), Some(directory)) => write_while_refused(directory, round),
        (Ok("check"), Some(directory)) => check(directory),
        _ => {
            let directory = tempfile::tempdir().unwrap();
            let store = SqliteStore::open(directory.path()).unwrap();
            let mut acknowledged = Acknowledged::default();
            write(&store, 0, 0, 40, |change| acknowledged.changes.push(change));
            drop(store);
            Model::default().follow(&SqliteStore::open(directory.path()).unwrap(), &acknowledged);
            assert_eq!(acknowledged.changes.len(), 40);
        }
    }
}

/// Makes changes one after the other, each at the newest revision, also of other writers.
fn write(store: &dyn Store, round: u64, writer: u64, count: u64, mut acknowledge: impl FnMut(Change)) {
    let mut revision = store.load().unwrap().revision;
    for number in 0..count {
        let change = Change {
            round,
            writer,
            number,
        };
        let commit = change.commit();
        loop {
            match store.commit(Some(revision), &commit) {
                Ok(made) => {
                    revision = made;
                    break;
                }
                Err(StoreError::Conflict { current, .. }) => revision = current,
                Err(error) => panic!("{error}"),
            }
        }
        acknowledge(change);
    }
}

fn write_until_killed(directory: &Path, round: u64) {
    let store = SqliteStore::open(directory).unwrap();
    let store = &store;
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                write(store, round, writer, MAX_CHANGES, |change| {
                    tell(&format!("done {}", change.text()))
                });
            });
        }
        // A reader, so that the log is written back at varying positions.
        scope.spawn(|| {
            let mut seen = 0;
            while seen < MAX_CHANGES {
                let later = Revision(seen + 8);
                seen = store
                    .watch(later, std::time::Duration::from_millis(20))
                    .unwrap()
                    .revision
                    .0;
                store.load().unwrap();
            }
        });
    });
}

/// Writes on a failing disk, checks that rejected changes are absent, and ends as if killed.
fn write_while_refused(directory: &Path, round: u64) {
    let store = SqliteStore::open(directory).unwrap();
    let mut refusals = 0;
    for number in 0..TRIED {
        let change = Change {
            round,
            writer: number,
            number,
        };
        let before = (store.load().unwrap(), store.audit_head().unwrap());
        match store.commit(Some(before.0.revision), &change.commit()) {
            Ok(_) => {
                refusals = 0;
                tell(&format!("done {}", change.text()));
            }
            Err(error @ (StoreError::Full(_) | StoreError::Io(_))) => {
                refusals += 1;
                tell(&format!("refused {}", change.text()));
                if refusals == 1 {
                    tell(&format!("because {error}"));
                }
                assert_eq!((store.load().unwrap(), store.audit_head().unwrap()), before);
            }
            Err(error) => panic!("{error}"),
        }
        if refusals == GIVEN_UP {
            break;
        }
    }
    tell("end");
    std::process::abort();
}

/// Compares the store with the lines of a writer, from standard input.
fn check(directory: &Path) {
    let mut acknowledged = Acknowledged::default();
    for line in io::stdin().lock().lines() {
        acknowledged.take(&line.unwrap());
    }
    let store = SqliteStore::open(directory).unwrap();
    let mut model = Model::default();
    model.follow(&store, &acknowledged);
    acknowledged.nothing_else_is_in(&model);
    assert!(
        acknowledged.lines.contains(&Line::End),
        "the writer did not come to its end"
    );
    let after = Change {
        round: u64::MAX,
        writer: 0,
        number: 0,
    };
    store
        .commit(Some(store.load().unwrap().revision), &after.commit())
        .unwrap();
    let reported = (
        acknowledged.changes.len(),
        acknowledged.refused.len(),
        acknowledged.again,
    );
    tell(&format!(
        "kept {} acknowledged, {} refused, {} acknowledged after a refusal",
        reported.0, reported.1, reported.2
    ));
}
