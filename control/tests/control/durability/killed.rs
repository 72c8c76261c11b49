//! Kills a writer under load repeatedly.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use control::SqliteStore;
use testkit::Dice;

use crate::durability::acknowledged::Acknowledged;
use crate::durability::model::Model;
use crate::durability::writer::task;

const ROUNDS: u64 = 300;
/// The number of rounds on one store before a new one is created.
const ROUNDS_OF_A_STORE: u64 = 30;
const LANES: u64 = 2;

/// The moment at which a writer is killed.
enum Moment {
    /// After a time since its start: while it creates, opens or recovers the store, or later.
    Early(Duration),
    /// After a number of acknowledgements and a time.
    Late(usize, Duration),
}

impl Moment {
    fn roll(dice: &mut Dice) -> Self {
        if dice.below(4) == 0 {
            return Self::Early(Duration::from_micros(dice.below(60_000)));
        }
        let after = usize::try_from(1 + dice.below(40)).unwrap();
        Self::Late(after, Duration::from_micros(dice.below(5_000)))
    }
}

/// Starts a writer, kills it, and returns its acknowledgements.
fn round(directory: &Path, number: u64, moment: &Moment) -> Acknowledged {
    let mut child = task("write", directory, number, None).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut acknowledged = Acknowledged::default();
    let pause = match *moment {
        Moment::Early(pause) => pause,
        Moment::Late(count, pause) => {
            while acknowledged.changes.len() < count {
                let Some(line) = lines.next() else { break };
                acknowledged.take(&line.unwrap());
            }
            pause
        }
    };
    // The moment is random; the sleep waits for no condition.
    thread::sleep(pause);
    child.kill().unwrap();
    child.wait().unwrap();
    for line in lines {
        acknowledged.take(&line.unwrap());
    }
    assert!(acknowledged.besides.is_empty(), "{}", acknowledged.besides);
    acknowledged
}

fn rounds_of_a_store(dice: &mut Dice, acknowledged: &AtomicU64, found: &AtomicU64) {
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let directory = parent.path().join("data");
    let mut model = Model::default();
    for number in 0..ROUNDS_OF_A_STORE {
        let said = round(&directory, number, &Moment::roll(dice));
        let before = model.changes.len();
        model.follow(&SqliteStore::open(&directory).unwrap(), &said);
        acknowledged.fetch_add(said.changes.len() as u64, Ordering::Relaxed);
        found.fetch_add((model.changes.len() - before) as u64, Ordering::Relaxed);
    }
    // The whole log once more, from the beginning.
    let everything = Acknowledged {
        changes: model.changes,
        ..Acknowledged::default()
    };
    Model::default().follow(&SqliteStore::open(&directory).unwrap(), &everything);
}

#[test]
fn a_killed_writer_loses_no_acknowledged_change() {
    let (acknowledged, found) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for lane in 0..LANES {
            let (acknowledged, found) = (&acknowledged, &found);
            scope.spawn(move || {
                let mut dice = Dice::new(lane);
                for _ in 0..ROUNDS / ROUNDS_OF_A_STORE / LANES {
                    rounds_of_a_store(&mut dice, acknowledged, found);
                }
            });
        }
    });
    let (acknowledged, found) = (acknowledged.into_inner(), found.into_inner());
    println!("{ROUNDS} rounds: {acknowledged} changes acknowledged, {found} found");
    assert!(
        acknowledged > ROUNDS * 10,
        "there was no load: {acknowledged} changes"
    );
    assert!(found >= acknowledged);
}
