//! A full disk, simulated by a limit on the size of files (`ulimit -f`), so that writes fail in the middle. `scripts/faults/store` does the same on a file system that is full.

use std::io::{BufRead, BufReader};
use std::process::Command;

use control::{SqliteStore, Store};

use crate::durability::acknowledged::{Acknowledged, Line};
use crate::durability::change::Change;
use crate::durability::model::Model;
use crate::durability::writer::task;

#[test]
fn on_a_full_disk_acknowledged_changes_stay() {
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let directory = parent.path().join("data");
    let mut limited = Command::new("sh");
    // In blocks of 512 bytes. Without the trap the signal ends the writer before it can report the error.
    limited.args(["-c", "trap '' XFSZ; ulimit -f 600; exec \"$@\"", "sh"]);
    let mut child = task("fail", &directory, 0, Some(limited)).spawn().unwrap();
    let mut acknowledged = Acknowledged::default();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        acknowledged.take(&line.unwrap());
    }
    child.wait().unwrap();
    assert!(
        acknowledged.lines.contains(&Line::End),
        "{}",
        acknowledged.besides
    );
    assert!(acknowledged.changes.len() > 10, "{}", acknowledged.changes.len());
    assert!(acknowledged.refused.len() >= 6, "{}", acknowledged.refused.len());

    let store = SqliteStore::open(&directory).unwrap();
    let mut model = Model::default();
    model.follow(&store, &acknowledged);
    acknowledged.nothing_else_is_in(&model);
    let after = Change {
        round: 1,
        writer: 0,
        number: 0,
    };
    let revision = store.load().unwrap().revision;
    store.commit(Some(revision), &after.commit()).unwrap();
}
