use super::*;

fn asker(at: i64) -> Asker {
    Asker {
        by: "uid:0".into(),
        request_id: "r-1".into(),
        at: Timestamp(at),
    }
}

fn flags(break_glass: &BreakGlass) -> Vec<String> {
    break_glass.kills().into_iter().map(|kill| kill.flag).collect()
}

#[test]
fn a_kill_outlives_the_process_and_ends_in_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let first = BreakGlass::open(&path).unwrap();
    for (flag, duration_ms) in [("a", 5_000), ("b", DEFAULT_KILL_MS), ("c", DEFAULT_KILL_MS)] {
        first.kill(flag, duration_ms, "incident 7", &asker(0)).unwrap();
    }
    assert!(first.restore("c", &asker(10)).unwrap());
    assert!(!first.restore("c", &asker(10)).unwrap());
    drop(first);

    let again = BreakGlass::open(&path).unwrap();
    assert_eq!(flags(&again), ["a", "b"]);
    assert_eq!(again.next_expiry(), Some(Timestamp(5_000)));
    assert_eq!(again.expire(Timestamp(4_999)), Vec::<String>::new());
    assert_eq!(again.expire(Timestamp(5_000)), ["a"]);
    drop(again);
    assert_eq!(flags(&BreakGlass::open(&path).unwrap()), ["b"]);
}

#[test]
fn what_was_done_is_remembered_with_who_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let break_glass = BreakGlass::open(&folder.path().join("journal")).unwrap();
    break_glass.kill("a", 60_000, "incident 7", &asker(7)).unwrap();
    break_glass.expire(Timestamp(100_000));
    let told: Vec<_> = break_glass
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
        told,
        [
            (Event::FlagKilled, Source::BreakGlass, "uid:0".to_owned(), reason),
            (Event::FlagRestored, Source::Scheduler, "sluice".to_owned(), None),
        ]
    );
}

#[test]
fn a_kill_has_a_reason_and_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let break_glass = BreakGlass::open(&folder.path().join("journal")).unwrap();
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
        let killed = break_glass.kill("a", duration_ms, reason, &asker(0));
        assert!(killed.is_err(), "{duration_ms}");
    }
    assert_eq!(flags(&break_glass), Vec::<String>::new());
    assert!(break_glass.kill("a", MAX_KILL_MS, "x", &asker(0)).is_ok());
}

#[test]
fn half_a_line_was_never_said_and_an_altered_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let break_glass = BreakGlass::open(&path).unwrap();
    for flag in ["a", "b"] {
        break_glass.kill(flag, 60_000, "x", &asker(0)).unwrap();
    }
    drop(break_glass);
    let whole = std::fs::read_to_string(&path).unwrap();
    for cut in [1, 50] {
        std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let break_glass = BreakGlass::open(&path).unwrap();
        assert_eq!(flags(&break_glass), ["a"], "cut by {cut}");
        break_glass.kill("c", 60_000, "x", &asker(1)).unwrap();
        drop(break_glass);
        assert_eq!(flags(&BreakGlass::open(&path).unwrap()), ["a", "c"]);
    }
    let (_, second) = whole.split_once('\n').unwrap();
    for (text, expected) in [
        (whole.replace("uid:0", "uid:1"), "entry 1 was altered"),
        (second.to_owned(), "entry 1 is missing"),
        ("no entry\n".to_owned(), "line 1"),
    ] {
        std::fs::write(&path, &text).unwrap();
        let refused = BreakGlass::open(&path).unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "kept as evidence");
    }
}

#[test]
fn what_a_failed_write_left_does_not_stand_before_the_next_entry() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let break_glass = BreakGlass::open(&path).unwrap();
    break_glass.kill("a", 60_000, "x", &asker(0)).unwrap();
    for left in ["{\"id\":2,", "{}\n"] {
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text + left).unwrap();
        break_glass.kill("b", 60_000, "x", &asker(0)).unwrap();
    }
    drop(break_glass);
    assert_eq!(flags(&BreakGlass::open(&path).unwrap()), ["a", "b"]);
}
