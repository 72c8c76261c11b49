//! The identity of runs and notices, over restored backups and crashes.

use super::*;

#[test]
fn the_evidence_of_another_run_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evidence");
    let mut course = Course::start(&plan("pause"));
    course.run(60, HEALTHY, "running");
    course.rollouts.write(&file).unwrap();
    // A store that was restored from a backup has the same revisions, and another plan with the same stages and checks.
    let mut other_plan = plan("pause");
    other_plan["stages"][0]["for"] = json!("2h");
    let mut other = Course::start(&other_plan);
    let revision = |course: &Course| course.fixture.control.read(|state, _| state.revision);
    assert_eq!(revision(&other), revision(&course));
    other.restart_with(&file);
    other.run(10, HEALTHY, "running");
    let report = other.rollouts.report("board").unwrap();
    assert_eq!(report.treatment.totals.requests, TENANTS * u64::from(REQUESTS));
}

#[test]
fn each_start_is_another_run() {
    let mut course = Course::start(&plan("pause"));
    let id = |course: &Course| course.read(|plan| plan.run.id);
    let first = id(&course);
    course.run(60, HEALTHY, "running");
    let flag = || "board".to_owned();
    course
        .fixture
        .apply(Change::CancelRollout { flag: flag() })
        .unwrap();
    let plan = plan("pause");
    course
        .fixture
        .apply(Change::SetPlan { flag: flag(), plan })
        .unwrap();
    let set = id(&course);
    course
        .fixture
        .apply(Change::StartRollout { flag: flag() })
        .unwrap();
    let started = id(&course);
    assert!(first != set && first != started && set != started);
}

#[test]
fn evidence_of_another_form_is_collected_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evidence");
    let mut course = Course::start(&plan("pause"));
    course.run(60, HEALTHY, "running");
    course.rollouts.write(&file).unwrap();
    let written = std::fs::read(&file).unwrap();
    let head = written.iter().position(|byte| *byte == b'\n').unwrap();
    std::fs::write(&file, &written[head + 1..]).unwrap();
    course.restart_with(&file);
    assert_eq!(course.rollouts.report("board"), None);
}

/// Returns the ids of the notices that wait for the receiver, and confirms them.
fn ids(course: &Course, outbox: &control::Outbox) -> Vec<String> {
    let now = Timestamp(course.now);
    outbox.collect(&course.fixture.control, now).unwrap();
    let mut ids = Vec::new();
    while let Some(notice) = outbox.due("hook", now) {
        outbox.record("hook", &notice.id, Ok(()), (now, 0.0));
        ids.push(notice.id);
    }
    outbox.save(&course.fixture.control).unwrap();
    ids
}

#[test]
fn a_notice_after_a_crash_has_the_same_id() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evidence");
    let mut course = Course::start(&plan("notify"));
    let outbox = outbox();
    course.run(60, HEALTHY, "running");
    ids(&course, &outbox);
    course.rollouts.write(&file).unwrap();
    course.run(300, (0.2, 0.005), "running");
    let first = ids(&course, &outbox);
    let run = course.read(|plan| plan.run.id);
    let [id] = &first[..] else { panic!("{first:?}") };
    assert!(id.starts_with(&format!("rollout-{run}-")), "{id}");
    assert!(id.ends_with("-0-fails-errors-1"), "{id}");
    // The process was killed before it wrote its evidence again.
    course.restart_with(&file);
    course.run(300, (0.2, 0.005), "running");
    assert_eq!(ids(&course, &outbox), first);
}

#[test]
fn a_condition_that_begins_again_has_another_id() {
    let mut course = Course::start(&plan_with_reports());
    let outbox = outbox();
    ids(&course, &outbox);
    let mut found = Vec::new();
    for _ in 0..2 {
        let closes = ["acme", "globex"].map(|org| report(&course, org, "no save"));
        course.run(30, HEALTHY, "running");
        assert_eq!(course.state(), "paused");
        for close in closes {
            course.fixture.apply(close).unwrap();
        }
        resume(&course);
        course.run(30, HEALTHY, "running");
        found.extend(
            ids(&course, &outbox)
                .into_iter()
                .filter(|id| id.contains("fails")),
        );
    }
    let before_times = |id: &String| id.rsplit_once('-').unwrap().0.to_owned();
    let same = before_times(&found[0]);
    assert!(same.ends_with("-0-fails-reports"), "{same}");
    assert_eq!(found, [1, 2].map(|times| format!("{same}-{times}")));
}

#[test]
fn an_id_does_not_repeat_after_lost_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let mut course = Course::start(&plan("notify"));
    let outbox = outbox();
    ids(&course, &outbox);
    course.run(300, (0.2, 0.005), "running");
    let first = ids(&course, &outbox);
    assert_eq!(first.len(), 1);
    // The file is lost, or of another form.
    course.restart_with(&folder.path().join("none"));
    course.run(300, HEALTHY, "running");
    course.run(600, (0.2, 0.005), "running");
    let second = ids(&course, &outbox);
    assert_eq!(second.len(), 1);
    assert_ne!(first, second);
}

#[test]
fn a_notice_is_not_lost_in_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evidence");
    let mut course = Course::start(&plan("notify"));
    let first = outbox();
    ids(&course, &first);
    course.run(300, (0.2, 0.005), "running");
    // Killed after the evidence was written, and before the outbox wrote what it has collected.
    let lost = outbox();
    lost.collect(&course.fixture.control, Timestamp(course.now))
        .unwrap();
    let id = lost.due("hook", Timestamp(course.now)).unwrap().id;
    course.rollouts.write(&file).unwrap();
    course.restart_with(&file);
    course.run(60, (0.2, 0.005), "running");
    assert_eq!(ids(&course, &first), [id]);
}

#[test]
fn a_notice_that_is_saved_is_not_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evidence");
    let mut course = Course::start(&plan("notify"));
    let outbox = outbox();
    ids(&course, &outbox);
    course.run(300, (0.2, 0.005), "running");
    assert_eq!(ids(&course, &outbox).len(), 1);
    course.rollouts.write(&file).unwrap();
    course.restart_with(&file);
    course.run(60, (0.2, 0.005), "running");
    assert!(ids(&course, &outbox).is_empty());
}

#[test]
fn without_a_receiver_no_notice_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evidence");
    let mut course = Course::start(&plan("notify"));
    course.run(300, (0.2, 0.005), "running");
    course.rollouts.write(&file).unwrap();
    let mut other = Course::start(&plan("notify"));
    other.restart_with(&file);
    assert!(ids(&other, &outbox()).is_empty());
}
