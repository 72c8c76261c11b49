//! A failed check that only notifies recovers by itself; one that pauses needs a person.

use super::*;

fn recovered_at(course: &Course) -> Option<Timestamp> {
    course.report().checks[0].recovered_at
}

#[test]
fn a_notify_check_recovers_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evidence");
    let mut course = Course::start(&plan("notify"));
    let outbox = outbox();
    notices(&course, &outbox);
    course.run(5 * 60, (0.05, 0.005), "running");
    assert_eq!(verdict(&course, 0), "fail");
    assert_eq!(
        notices(&course, &outbox),
        ["check_failing the check errors fails"]
    );
    // It fails as long as the harm lasts, and people are not notified again.
    course.run(HOUR / SECOND, (0.05, 0.005), "running");
    course.restart(&file);
    assert_eq!((verdict(&course, 0), course.stage()), ("fail", Some(0)));
    assert_eq!(notices(&course, &outbox), Vec::<String>::new());
    let reason = course.first_test().reason;
    assert_eq!(reason, verdicts::Reason::Recovering);
    // Nine healthy minutes are no recovery.
    course.run(9 * 60, HEALTHY, "running");
    assert_eq!((verdict(&course, 0), recovered_at(&course)), ("fail", None));
    course.run(16 * 60, HEALTHY, "running");
    assert_eq!(
        course.stage(),
        Some(1),
        "the stage ends when its check has recovered"
    );
}

#[test]
fn a_recovery_is_shown_and_a_later_failure_notified() {
    let mut plan = plan("notify");
    plan["stages"][0]["for"] = json!("1d");
    let mut course = Course::start(&plan);
    let outbox = outbox();
    notices(&course, &outbox);
    let needed = |course: &Course| course.first_test().needed;
    course.run(60, HEALTHY, "running");
    let before = needed(&course);
    for _ in 0..2 {
        course.run(5 * 60, (0.05, 0.005), "running");
        assert_eq!(verdict(&course, 0), "fail");
        assert_eq!(
            notices(&course, &outbox),
            ["check_failing the check errors fails"]
        );
        course.run(25 * 60, HEALTHY, "running");
        assert_eq!(verdict(&course, 0), "pass");
        assert!(recovered_at(&course).is_some_and(|at| course.now - at.0 < 25 * 60 * SECOND));
    }
    // Each time has the same alpha.
    assert!((needed(&course) - before).abs() < 1e-9);
}

#[test]
fn a_notify_check_of_opted_in_tenants_recovers() {
    let mut course = Course::start(&plan("notify"));
    course.run_with_opted_in(5 * 60, HEALTHY, Some(0.2), "running");
    assert_eq!(verdict(&course, 0), "fail");
    course.run_with_opted_in(25 * 60, HEALTHY, Some(0.003), "running");
    assert_eq!(verdict(&course, 0), "pass");
}

#[test]
fn a_resumption_renews_a_failure_of_opted_in_tenants() {
    let mut course = Course::start(&plan("pause"));
    course.run_with_opted_in(5 * 60, HEALTHY, Some(0.2), "running");
    assert_eq!(course.state(), "paused");
    resume(&course);
    assert_eq!(
        course.run_with_opted_in(5 * 60, HEALTHY, Some(0.003), "running"),
        None
    );
}

#[test]
fn a_notify_query_recovers_after_three_samples() {
    let mut plan = plan("pause");
    plan["checks"] = json!([memory_check("above", "notify")]);
    let mut course = Course::start(&plan);
    course.run(10, HEALTHY, "running");
    let mut sample = |value: f64| {
        course.sample(Ok(value));
        course.run(10, HEALTHY, "running");
        (verdict(&course, 0), recovered_at(&course).is_some())
    };
    let values = [0.95, 0.95, 0.95, 0.5, 0.5, 0.95, 0.5, 0.5];
    let expected = [
        "inconclusive",
        "inconclusive",
        "fail",
        "fail",
        "fail",
        "fail",
        "fail",
        "fail",
    ];
    assert_eq!(values.map(&mut sample), expected.map(|verdict| (verdict, false)));
    assert_eq!(sample(0.5), ("pass", true));
}

#[test]
fn a_failure_that_pauses_stays_until_a_person_resumes() {
    let mut course = Course::start(&plan("pause"));
    course.run(5 * 60, (0.05, 0.005), "running");
    course.run(HOUR / SECOND, HEALTHY, "paused");
    assert_eq!((course.state(), verdict(&course, 0)), ("paused", "fail"));
}

/// A plan of one stage without control.
fn whole(then: &str) -> Value {
    json!({
        "stages": [{ "name": "all", "percentage": 100, "for": "2h" }],
        "checks": [{ "name": "errors", "error_rate": { "above": "1%" }, "then": then }],
    })
}

#[test]
fn a_late_harm_at_100_percent_is_notified_in_minutes() {
    let mut course = Course::start(&whole("notify"));
    course.run(2 * HOUR / SECOND - 60, (0.005, 0.0), "running");
    assert_eq!(verdict(&course, 0), "pass");
    course.run(180, (0.05, 0.0), "running");
    assert_eq!((course.state(), verdict(&course, 0)), ("running", "fail"));
}

#[test]
fn a_late_harm_at_100_percent_holds_the_stage_up() {
    let mut course = Course::start(&whole("pause"));
    course.run(2 * HOUR / SECOND - 180, (0.005, 0.0), "running");
    assert_eq!(verdict(&course, 0), "pass");
    // For half an hour it may be an outage that hits both arms: neither a failure nor a pass.
    assert_eq!(course.run(30 * 60, (0.05, 0.0), "running"), None);
    assert_eq!(verdict(&course, 0), "inconclusive");
}

#[test]
fn a_complete_failure_fails_by_its_bad_answers() {
    // Tenants, requests of each in a slot, and the times in seconds between which the check fails.
    for (tenants, requests, seconds) in [(10, 10, 5..=15), (10, 1, 30..=90), (3, 1, 180..=300)] {
        let mut course = Course::start(&whole("pause"));
        let mut slots = |errors: f64, most: i64| {
            for slot in 1..=most {
                course.now += 5 * SECOND;
                let mut units = course.units(TREATMENT, ArmName::Treatment, errors);
                units.truncate(tenants);
                for unit in &mut units {
                    unit.counted.truncate(requests);
                    unit.requests = u32::try_from(requests).unwrap();
                    let failed = unit.counted.iter().filter(|counted| counted.is_error).count();
                    unit.errors = u32::try_from(failed).unwrap();
                }
                course.count(units);
                course.advance();
                if course.state() != "running" {
                    return Some(slot * 5);
                }
            }
            None
        };
        assert_eq!(slots(0.003, 720), None);
        let failed = slots(1.0, 120);
        let is_in_time = failed.is_some_and(|failed| seconds.contains(&failed));
        assert!(is_in_time, "{tenants} tenants, {requests} requests: {failed:?}");
    }
}
