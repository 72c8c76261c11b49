#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use control::{Change, Control, LastGood as Kept, LifecyclePolicy, MemoryStore};
use rules::Lifecycle;
use serde_json::{Value, json};
use testkit::{RecordingPlane, admin_request, adopt_document, open_control};

use super::states::{StatesFile, StatesKeeper};
use super::{LastGood, read};

fn apply(control: &Control, change: Change) -> Kept {
    let applied = control.apply(&admin_request(change)).unwrap();
    assert!(applied.changed);
    applied.last_good
}

fn kill() -> Change {
    Change::Kill { flag: "board".into() }
}

fn restore() -> Change {
    Change::Restore { flag: "board".into() }
}

fn put_tenant(org: &str) -> Change {
    Change::PutTenant {
        org: org.into(),
        record: json!({}),
    }
}

/// Creates a control plane with the flag `board` at ga.
fn control() -> Control {
    let plane = Arc::new(RecordingPlane::default());
    let control = open_control(Arc::new(MemoryStore::new()), LifecyclePolicy::default(), &plane);
    let document =
        json!({ "version": 1, "flags": { "board": { "lifecycle": "ga" } }, "tenants": { "acme": {} } });
    apply(&control, adopt_document(&document.to_string()));
    control
}

/// Returns true if the flag is killed in the last good document, with the states beside it.
fn is_killed(directory: &Path) -> bool {
    read(directory).unwrap().flags["board"].enabled == Some(false)
}

#[test]
fn a_kill_is_on_the_disk_before_it_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let control = control();
    let states = StatesFile::new(folder.path());
    let keeper = StatesKeeper::start(Arc::clone(&states)).unwrap();
    control.set_keep_states(keeper.handle());
    let mut last_good = LastGood::new(folder.path(), states);
    last_good.write_if_due(&control);
    last_good.next_write = Instant::now().checked_add(Duration::from_secs(3_600));
    assert!(!is_killed(folder.path()));
    assert_eq!(apply(&control, put_tenant("globex")), Kept::Unaffected);
    // A busy machine may take longer than the wait; the kill is then not answered as written.
    let answered = apply(&control, kill());
    assert_eq!(answered == Kept::Written, is_killed(folder.path()));
    testkit::eventually("the states", || is_killed(folder.path()).then_some(()));
    last_good.write_if_due(&control);
    let document: Value =
        serde_json::from_slice(&std::fs::read(super::path(folder.path())).unwrap()).unwrap();
    assert_eq!(
        document["flags"]["board"].get("enabled"),
        None,
        "the document rests"
    );
    assert_eq!(document["tenants"].get("globex"), None);

    last_good.write_now(&control);
    assert!(!StatesFile::exists(folder.path()), "the document has the states");
    assert!(is_killed(folder.path()));
    apply(&control, restore());
    testkit::eventually("the states", || (!is_killed(folder.path())).then_some(()));
}

#[test]
fn a_kill_succeeds_if_the_states_can_not_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let control = control();
    let gone = folder.path().join("gone");
    let keeper = StatesKeeper::start(StatesFile::new(&gone)).unwrap();
    control.set_keep_states(keeper.handle());
    assert_eq!(apply(&control, kill()), Kept::NotWritten);
    assert!(control.read(|state, _| !state.flag("board").unwrap().is_enabled()));
    std::fs::create_dir(&gone).unwrap();
    apply(&control, restore());
    testkit::eventually("the states of the next change", || {
        StatesFile::exists(&gone).then_some(())
    });
}

#[test]
fn older_states_do_not_undo_a_newer_document() {
    let folder = tempfile::tempdir().unwrap();
    let control = control();
    let states = StatesFile::new(folder.path());
    let keeper = StatesKeeper::start(Arc::clone(&states)).unwrap();
    control.set_keep_states(keeper.handle());
    apply(&control, kill());
    testkit::eventually("the states", || StatesFile::exists(folder.path()).then_some(()));
    drop(keeper);
    // The states of the restore are not written, but the document is.
    apply(&control, restore());
    LastGood::new(folder.path(), states).write_now(&control);
    assert!(!is_killed(folder.path()));
}

#[test]
fn states_are_never_older_than_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let control = control();
    let states = StatesFile::new(folder.path());
    apply(&control, kill());
    let killed = control.read(|state, _| state.clone());
    states.write(&killed).unwrap();
    // The process ends after the document is written, and before the file of states is removed.
    apply(&control, restore());
    let restored = control.read(|state, _| state.clone());
    states.refresh(&restored).unwrap();
    super::write_atomically(&super::path(folder.path()), &restored.document).unwrap();
    assert!(StatesFile::exists(folder.path()) && !is_killed(folder.path()));
    // A thread that writes older states is slower than the document.
    LastGood::new(folder.path(), Arc::clone(&states)).write_now(&control);
    states.write(&killed).unwrap();
    assert!(!StatesFile::exists(folder.path()) && !is_killed(folder.path()));
    // Newer states are written, and stay when an older document is written late.
    apply(&control, kill());
    states.write(&control.read(|state, _| state.clone())).unwrap();
    states.refresh(&restored).unwrap();
    states.remove_up_to(restored.revision).unwrap();
    assert!(is_killed(folder.path()));
}

#[test]
fn states_are_merged_into_the_document_of_a_lost_store() {
    let folder = tempfile::tempdir().unwrap();
    let control = control();
    let states = StatesFile::new(folder.path());
    LastGood::new(folder.path(), Arc::clone(&states)).write_now(&control);
    let keeper = StatesKeeper::start(states).unwrap();
    control.set_keep_states(keeper.handle());
    apply(&control, kill());
    apply(
        &control,
        Change::SetState {
            flag: "board".into(),
            to: Lifecycle::Beta,
            cascade: false,
            ga_default: control::GaDefault::On,
            urgent: None,
        },
    );
    let is_merged = || {
        let board = Arc::clone(&read(folder.path()).unwrap().flags["board"]);
        let lifecycle = board.lifecycle.map(|lifecycle| lifecycle.value);
        (board.enabled == Some(false) && lifecycle == Some(Lifecycle::Beta)).then_some(())
    };
    testkit::eventually("both states", is_merged);
    drop(keeper);
    super::merge(folder.path(), &read(folder.path()).unwrap());
    assert!(!StatesFile::exists(folder.path()));
    assert_eq!(is_merged(), Some(()));
}

#[test]
fn the_stages_of_a_plan_are_in_the_last_good_document() {
    let folder = tempfile::tempdir().unwrap();
    let stages = json!({ "stages": [{ "name": "quarter", "percentage": 25 }] });
    let mut document =
        config::FlagsDocument::parse("document", b"{ \"version\": 1, \"flags\": { \"board\": {} } }")
            .unwrap();
    let board = Arc::make_mut(document.flags.get_mut("board").unwrap());
    board.exposure = config::read_exposure(&stages);
    assert!(board.exposure.is_some());
    super::write_atomically(&super::path(folder.path()), &document).unwrap();
    assert_eq!(read(folder.path()).unwrap(), document);
}

/// A control plane whose flag `board` has a plan of one stage, and a change that starts it.
fn planned() -> (Control, Change) {
    let control = control();
    let plan = json!({
        "stages": [{ "name": "quarter", "percentage": 25, "for": "1h" }],
        "checks": [{ "name": "errors", "error_rate": { "above": "1%" } }],
    });
    let flag = || "board".to_owned();
    apply(&control, Change::SetPlan { flag: flag(), plan });
    (control, Change::StartRollout { flag: flag() })
}

/// Returns the number of stages in force in the last good document, with the states beside it.
fn stages(directory: &Path) -> usize {
    let board = Arc::clone(&read(directory).unwrap().flags["board"]);
    board
        .exposure
        .as_ref()
        .map_or(0, |exposure| exposure.stages.value.len())
}

#[test]
fn the_stages_in_force_are_on_the_disk_with_the_states() {
    let folder = tempfile::tempdir().unwrap();
    let (control, start) = planned();
    let states = StatesFile::new(folder.path());
    LastGood::new(folder.path(), Arc::clone(&states)).write_now(&control);
    let keeper = StatesKeeper::start(states).unwrap();
    control.set_keep_states(keeper.handle());
    assert_eq!(stages(folder.path()), 0);
    assert_ne!(apply(&control, start), Kept::Unaffected);
    testkit::eventually("the stage", || (stages(folder.path()) == 1).then_some(()));
    // A later document keeps them, and the end of the plan removes them.
    super::merge(folder.path(), &read(folder.path()).unwrap());
    assert_eq!(stages(folder.path()), 1);
    apply(&control, Change::CancelRollout { flag: "board".into() });
    testkit::eventually("no stage", || (stages(folder.path()) == 0).then_some(()));
}

#[test]
fn stages_that_do_not_fit_the_document_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (control, start) = planned();
    let states = StatesFile::new(folder.path());
    LastGood::new(folder.path(), states).write_now(&control);
    apply(&control, start);
    let unknown = json!({ "flags": { "board": {
        "killed": true,
        "exposure": { "stages": [
            { "name": "quarter", "percentage": 25, "audience": { "segment": "later" } },
        ] },
    } } });
    std::fs::write(
        folder.path().join(control::LAST_GOOD_STATES_FILE),
        unknown.to_string(),
    )
    .unwrap();
    assert!(is_killed(folder.path()));
    assert_eq!(stages(folder.path()), 0);
}

#[test]
fn the_default_of_a_completed_plan_is_with_the_states() {
    let folder = tempfile::tempdir().unwrap();
    let control = control();
    let flag = || "board".to_owned();
    let plan = json!({
        "stages": [{ "name": "all", "percentage": 100, "for": "1h" }],
        "checks": [{ "name": "errors", "error_rate": { "above": "1%" } }],
        "finish": { "default": "on" },
    });
    apply(&control, Change::SetPlan { flag: flag(), plan });
    apply(&control, Change::StartRollout { flag: flag() });
    let states = StatesFile::new(folder.path());
    LastGood::new(folder.path(), Arc::clone(&states)).write_now(&control);
    assert_eq!(stages(folder.path()), 1);
    let advance = Change::AdvanceRollout {
        flag: flag(),
        evidence: Vec::new(),
    };
    let forced = control::Request {
        force: true,
        ..admin_request(advance)
    };
    control.apply(&forced).unwrap();
    states.write(&control.read(|state, _| state.clone())).unwrap();
    let board = Arc::clone(&read(folder.path()).unwrap().flags["board"]);
    assert!(board.exposure.is_none() && board.default.is_some());
}
