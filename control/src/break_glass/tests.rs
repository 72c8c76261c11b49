use super::*;
use crate::{ChangeSource, Event};

fn origin(at: i64) -> KillOrigin {
    KillOrigin {
        by: "uid:0".into(),
        request_id: "r-1".into(),
        at: Timestamp(at),
    }
}

fn flags(break_glass: &BreakGlass) -> Vec<String> {
    break_glass.kills().into_iter().map(|kill| kill.flag).collect()
}

fn closed(break_glass: &BreakGlass) -> String {
    match break_glass.availability() {
        KillAvailability::Unavailable { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_kill_survives_the_process_and_expires() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let first = BreakGlass::open(&path);
    for (flag, duration_ms) in [("a", 5_000), ("b", DEFAULT_KILL_MS), ("c", DEFAULT_KILL_MS)] {
        first.kill(flag, duration_ms, "incident 7", &origin(0)).unwrap();
    }
    assert!(first.restore("c", &origin(10)).unwrap());
    assert!(!first.restore("c", &origin(10)).unwrap());
    drop(first);

    let again = BreakGlass::open(&path);
    assert_eq!(flags(&again), ["a", "b"]);
    assert_eq!(again.kills()[0].until, Timestamp(5_000));
    assert_eq!(again.refresh(Timestamp(4_999)), KillChanges::default());
    assert_eq!(again.refresh(Timestamp(5_000)).expired, ["a"]);
    drop(again);
    assert_eq!(flags(&BreakGlass::open(&path)), ["b"]);
}

#[test]
fn kills_are_in_the_journal_with_user_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let break_glass = BreakGlass::open(&folder.path().join("journal"));
    break_glass.kill("a", 60_000, "incident 7", &origin(7)).unwrap();
    break_glass.refresh(Timestamp(100_000));
    let reported: Vec<_> = break_glass
        .entries()
        .unwrap()
        .iter()
        .map(|sealed| {
            let entry = sealed.entry().unwrap();
            (entry.event, entry.source, entry.actor, entry.reason)
        })
        .collect();
    let reason = Some("incident 7".to_owned());
    assert_eq!(
        reported,
        [
            (
                Event::FlagKilled,
                ChangeSource::BreakGlass,
                "uid:0".to_owned(),
                reason
            ),
            (
                Event::FlagRestored,
                ChangeSource::Scheduler,
                "sluice".to_owned(),
                None
            ),
        ]
    );
}

#[test]
fn a_kill_has_a_reason_and_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let break_glass = BreakGlass::open(&folder.path().join("journal"));
    let long = "x".repeat(MAX_REASON + 1);
    for (duration_ms, reason) in [
        (0, "x"),
        (999, "x"),
        (MAX_KILL_MS + 1, "x"),
        (1_000, " "),
        (1_000, "x\u{1b}[31m"),
        (1_000, "x\u{202e}y"),
        (1_000, long.as_str()),
    ] {
        let killed = break_glass.kill("a", duration_ms, reason, &origin(0));
        assert!(killed.is_err(), "{duration_ms}");
    }
    assert_eq!(flags(&break_glass), Vec::<String>::new());
    assert!(break_glass.kill("a", MAX_KILL_MS, "x", &origin(0)).is_ok());
}

#[test]
fn an_incomplete_line_is_truncated_an_altered_one_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let break_glass = BreakGlass::open(&path);
    for flag in ["a", "b"] {
        break_glass.kill(flag, 60_000, "x", &origin(0)).unwrap();
    }
    drop(break_glass);
    let whole = std::fs::read_to_string(&path).unwrap();
    for cut in [1, 50] {
        std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let break_glass = BreakGlass::open(&path);
        assert_eq!(flags(&break_glass), ["a"], "cut by {cut}");
        break_glass.kill("c", 60_000, "x", &origin(1)).unwrap();
        drop(break_glass);
        assert_eq!(flags(&BreakGlass::open(&path)), ["a", "c"]);
    }
    let (first, second) = whole.split_once('\n').unwrap();
    for (text, expected, killed) in [
        (
            whole.replace("uid:0", "uid:1"),
            "entry 1 was altered",
            &[] as &[&str],
        ),
        (second.to_owned(), "entry 1 is missing", &[]),
        ("no entry\n".to_owned(), "line 1", &[]),
        (format!("{first}\nno entry\n"), "line 2", &["a"]),
        (
            format!("{whole}{second}"),
            "entry 3 is missing: entry 2 is in its place",
            &["a", "b"],
        ),
    ] {
        std::fs::write(&path, &text).unwrap();
        let break_glass = BreakGlass::open(&path);
        assert_eq!(flags(&break_glass), killed, "what can be read up to the fault");
        assert!(closed(&break_glass).contains(expected), "{expected}");
        let refused = break_glass.kill("c", 60_000, "x", &origin(1)).unwrap_err();
        assert!(refused.to_string().contains(expected), "{refused}");
        break_glass.refresh(Timestamp(2));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "kept as evidence");
        assert_eq!(
            break_glass.refresh(Timestamp(60_000)).expired,
            killed,
            "they end in their time"
        );
    }
}

#[test]
fn a_moved_journal_is_recreated_with_the_current_kills() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let first = BreakGlass::open(&path);
    for (flag, until) in [("a", 60_000), ("b", 5_000)] {
        first.kill(flag, until, "x", &origin(0)).unwrap();
    }
    drop(first);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text + "no entry\n").unwrap();
    let break_glass = BreakGlass::open(&path);
    assert!(closed(&break_glass).contains("line 3"));
    std::fs::rename(&path, folder.path().join("evidence")).unwrap();
    assert_eq!(break_glass.refresh(Timestamp(9_000)).expired, ["b"]);
    assert_eq!(break_glass.availability(), KillAvailability::Available);
    assert_eq!(flags(&break_glass), ["a"]);

    std::fs::rename(&path, folder.path().join("moved while it was in use")).unwrap();
    break_glass.refresh(Timestamp(9_001));
    break_glass.kill("c", 60_000, "x", &origin(9_002)).unwrap();
    drop(break_glass);
    let again = BreakGlass::open(&path);
    assert_eq!(
        (flags(&again), again.availability()),
        (vec!["a".into(), "c".into()], KillAvailability::Available)
    );
    assert_eq!(again.kills()[0].until, Timestamp(60_000));
}

#[test]
fn another_process_follows_the_journal_and_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let keeper = BreakGlass::open(&path);
    keeper.kill("a", 60_000, "x", &origin(0)).unwrap();
    let other = BreakGlass::open(&path);
    assert_eq!(
        (flags(&other), other.availability()),
        (vec!["a".into()], KillAvailability::OtherProcess)
    );
    let refused = other.kill("b", 60_000, "x", &origin(1)).unwrap_err();
    assert!(matches!(refused, BreakGlassError::OtherProcess), "{refused}");
    assert!(!other.refresh(Timestamp(1)).changed);

    keeper.kill("b", 5_000, "x", &origin(1)).unwrap();
    assert!(other.refresh(Timestamp(2)).changed);
    assert_eq!(flags(&other), ["a", "b"]);
    keeper.restore("a", &origin(3)).unwrap();
    other.refresh(Timestamp(4));
    assert_eq!(flags(&other), ["b"]);
    assert_eq!(other.refresh(Timestamp(5_001)).expired, ["b"]);
    assert_eq!(keeper.refresh(Timestamp(5_001)).expired, ["b"]);
    assert_eq!(keeper.entries().unwrap().len(), 4, "one end, by who keeps it");

    drop(keeper);
    other.refresh(Timestamp(6_000));
    assert_eq!(other.availability(), KillAvailability::Available);
    other.kill("c", 60_000, "x", &origin(6_001)).unwrap();
    drop(other);
    assert_eq!(flags(&BreakGlass::open(&path)), ["c"], "and the chain is whole");
}

#[test]
fn a_failed_write_is_truncated_before_the_next_entry() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let break_glass = BreakGlass::open(&path);
    break_glass.kill("a", 60_000, "x", &origin(0)).unwrap();
    for left in ["{\"id\":2,", "{}\n"] {
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text + left).unwrap();
        break_glass.kill("b", 60_000, "x", &origin(0)).unwrap();
    }
    drop(break_glass);
    assert_eq!(flags(&BreakGlass::open(&path)), ["a", "b"]);
}
