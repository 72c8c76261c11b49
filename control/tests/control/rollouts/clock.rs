//! A system clock that jumps: no stage gains or loses time, and no count is lost.

use super::*;

/// The actions of the audit log with this event.
fn corrections(course: &Course) -> usize {
    let log = course.fixture.log();
    let corrected = log
        .iter()
        .filter(|entry| entry.event == changes::Event::StageTimeCorrected);
    corrected.count()
}

#[test]
fn a_clock_that_jumps_ends_no_stage_early_or_late() {
    for jump in [HOUR, 30 * SECOND, -30 * SECOND, -HOUR, 400 * 24 * HOUR] {
        let mut course = Course::start(&plan("rollback"));
        course.run(20 * 60, HEALTHY, "running");
        course.jump(jump);
        course.run(20 * 60, HEALTHY, "running");
        // Back to the true time.
        course.jump(-jump);
        course.run(20 * 60 - 5, HEALTHY, "running");
        assert_eq!(course.stage(), Some(0), "{jump}");
        course.run(30, HEALTHY, "running");
        assert_eq!(course.stage(), Some(1), "{jump}");
        assert_eq!(corrections(&course), 2, "{jump}");
    }
}

#[test]
fn a_pause_after_a_jump_keeps_the_true_time() {
    for jump in [HOUR, -HOUR] {
        let mut course = Course::start(&plan("rollback"));
        course.run(20 * 60, HEALTHY, "running");
        course.jump(jump);
        let at = Timestamp(course.now);
        let pause = Change::PauseRollout { flag: "board".into() };
        let request = Request {
            at,
            ..admin_request(pause)
        };
        course.fixture.control.apply(&request).unwrap();
        course.run(60, HEALTHY, "paused");
        resume(&course);
        course.run(39 * 60, HEALTHY, "running");
        assert_eq!(course.stage(), Some(0), "{jump}");
        course.run(2 * 60, HEALTHY, "running");
        assert_eq!(course.stage(), Some(1), "{jump}");
    }
}

#[test]
fn the_clock_of_a_stage_goes_on_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut course = Course::start(&plan("rollback"));
    course.run(20 * 60, HEALTHY, "running");
    course.restart(&folder.path().join("evidence"));
    course.now += 35 * 60 * SECOND;
    course.run(6 * 60, HEALTHY, "running");
    assert_eq!((course.stage(), corrections(&course)), (Some(1), 0));
}

#[test]
fn samples_are_ten_seconds_of_true_time_apart() {
    let mut plan = plan("pause");
    plan["checks"] = json!([memory_check("above", "pause")]);
    let mut course = Course::start(&plan);
    course.run(10, HEALTHY, "running");
    // Three samples within two seconds, while the clock is set forward by 10 s each time.
    for _ in 0..3 {
        course.now += SECOND;
        course.jump(10 * SECOND);
        course.tick();
        course.sample(Ok(0.95));
    }
    course.advance();
    assert_eq!((course.state(), verdict(&course, 0)), ("running", "inconclusive"));
    // Nor does a clock that is set back keep samples from counting.
    course.jump(-HOUR);
    for _ in 0..2 {
        course.run(10, HEALTHY, "running");
        course.sample(Ok(0.95));
    }
    course.run(10, HEALTHY, "running");
    assert_eq!(course.state(), "paused");
}

#[test]
fn counts_of_minutes_survive_a_clock_that_jumps() {
    for jump in [3 * HOUR, -3 * HOUR, 400 * 24 * HOUR, -400 * 24 * HOUR] {
        let mut course = Course::start(&plan("notify"));
        course.run(300, HEALTHY, "running");
        let before = course.rollouts.minutes("board");
        let newest = |minutes: &[control::MinuteReport]| minutes.last().unwrap().start.0;
        let requests = |minutes: &[control::MinuteReport]| -> u32 {
            let arms = minutes.iter().flat_map(|minute| &minute.arms);
            arms.map(|arm| arm.requests).sum()
        };
        course.jump(jump);
        course.run(300, HEALTHY, "running");
        let after = course.rollouts.minutes("board");
        let slot = 2 * u32::try_from(TENANTS).unwrap() * REQUESTS;
        assert_eq!(requests(&after), requests(&before) + 60 * slot, "{jump}");
        assert!((4..=6).contains(&(after.len() - before.len())), "{jump}");
        assert!((newest(&after) - course.now).abs() <= 60 * SECOND, "{jump}");
        course.jump(-jump);
        course.run(60, HEALTHY, "running");
        let back = course.rollouts.minutes("board");
        assert_eq!(back[..before.len() - 1], before[..before.len() - 1], "{jump}");
        assert!(
            back.windows(2).all(|pair| pair[0].start < pair[1].start),
            "{jump}"
        );
    }
}

#[test]
fn the_history_of_units_survives_a_clock_that_jumps() {
    for jump in [48 * HOUR, -48 * HOUR] {
        let mut course = Course::start(&plan("pause"));
        course.run(20 * 60, HEALTHY, "running");
        course.jump(jump);
        course.run(60, HEALTHY, "running");
        course.jump(-jump);
        for _ in 0..60 {
            if course.stage() == Some(0) {
                course.run(60, HEALTHY, "running");
            }
        }
        assert_eq!(course.stage(), Some(1), "{jump}");
        // The baselines of the next stage have the requests before it: with them a harm that begins with it is new.
        let paused = course.run(300, (0.2, 0.0), "running");
        assert!(paused.is_some_and(|seconds| seconds <= 120), "{paused:?}");
    }
}

#[test]
fn readings_out_of_order_add_no_time() {
    let mut course = Course::start(&plan("rollback"));
    for _ in 0..HOUR / SECOND / 10 - 1 {
        course.run(10, HEALTHY, "running");
        // A request whose reading is 4 s old when it is measured.
        course
            .clocks
            .set(course.now - 4 * SECOND, course.now - 4 * SECOND);
        control::JudgeRollouts::follow_clock(&course.rollouts, Timestamp(course.now - 4 * SECOND));
    }
    assert_eq!((course.stage(), corrections(&course)), (Some(0), 0));
    course.run(20, HEALTHY, "running");
    assert_eq!((course.stage(), corrections(&course)), (Some(1), 0));
}

#[test]
fn readings_of_many_threads_count_once() {
    let course = Course::start(&plan("rollback"));
    // Each reading is 5 ms after the one before it.
    let (start, readings) = (course.now, std::sync::atomic::AtomicU64::new(0));
    let clocks = move || {
        let at = 5 * readings.fetch_add(1, Ordering::Relaxed);
        std::thread::yield_now();
        control::ClockReading {
            system: Timestamp(start + i64::try_from(at).unwrap()),
            monotonic: std::time::Duration::from_millis(at),
        }
    };
    let control = Arc::clone(&course.fixture.control);
    let rollouts = Rollouts::new(Arc::clone(&control), None, Arc::new(clocks));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    control::JudgeRollouts::follow_clock(&rollouts, Timestamp(0));
                }
            });
        }
    });
    assert_eq!(corrections(&course), 0);
}

#[test]
fn a_request_that_waited_corrects_nothing() {
    let mut course = Course::start(&plan("rollback"));
    course.run(60, HEALTHY, "running");
    let received = Timestamp(course.now - 30 * SECOND);
    let followed = control::JudgeRollouts::follow_clock(&course.rollouts, received);
    assert_eq!(followed.now, Timestamp(course.now));
    course.run(60, HEALTHY, "running");
    assert_eq!(corrections(&course), 0);
}

#[test]
fn small_steps_of_the_clock_add_up() {
    // Each step is too small for a correction of its own: by seconds a minute, and by almost a second each slot.
    for (slots, step) in [(12, SECOND), (1, 900), (12, -SECOND), (1, -900)] {
        let mut course = Course::start(&plan("rollback"));
        let true_time = |course: &Course| course.now - course.jumped;
        let (begun, mut slot) = (true_time(&course), 0);
        while course.stage() == Some(0) && slot < 1_000 {
            course.now += 5 * SECOND;
            slot += 1;
            if slot % slots == 0 {
                course.jump(step);
            }
            course.count_healthy();
            if slot % 2 == 0 {
                course.advance();
            }
        }
        let lasted = true_time(&course) - begun;
        let allowed = HOUR - 5 * SECOND..=HOUR + 15 * SECOND;
        assert!(allowed.contains(&lasted), "{step}: {lasted}");
        let sum = usize::try_from(slot / slots * step.abs() / SECOND).unwrap();
        assert!((sum / 10..=sum / 5).contains(&corrections(&course)), "{step}");
    }
}

#[test]
fn a_clock_that_is_slewed_is_corrected_rarely() {
    let mut course = Course::start(&plan("rollback"));
    // By 500 millionths, the largest rate of NTP: 1.8 s in an hour.
    for _ in 0..HOUR / SECOND / 20 - 1 {
        course.run(20, HEALTHY, "running");
        course.jump(10);
    }
    assert_eq!((course.stage(), corrections(&course)), (Some(0), 0));
}

#[test]
fn no_stage_ends_by_a_time_that_is_not_corrected() {
    // Reports have a verdict also after a jump.
    let mut plan = plan_with_reports();
    plan["checks"].as_array_mut().unwrap().remove(0);
    let mut course = Course::start(&plan);
    course.run(20 * 60, HEALTHY, "running");
    course.jump(2 * HOUR);
    let failing = &course.fixture.store.hooks.1;
    failing.store(1, Ordering::Relaxed);
    course.advance();
    assert_eq!((course.stage(), failing.load(Ordering::Relaxed)), (Some(0), 0));
    // Nor by a look that a person asks for.
    failing.store(1, Ordering::Relaxed);
    let followed = control::JudgeRollouts::follow_clock(&course.rollouts, Timestamp(course.now));
    assert!(followed.uncorrected.contains_key("board"));
    let managed = course.read(Clone::clone);
    let look = control::JudgeRollouts::look(&course.rollouts, "board", &managed, "look", &followed);
    assert_eq!((look, course.stage()), (control::Look::NoStep, Some(0)));
    course.run(60, HEALTHY, "running");
    assert_eq!((course.stage(), corrections(&course)), (Some(0), 1));
}

#[test]
fn a_failed_correction_does_not_hold_up_a_pause() {
    let mut course = Course::start(&plan_with_reports());
    course.run(20 * 60, HEALTHY, "running");
    report(&course, "acme", "slow");
    report(&course, "globex", "slow");
    course.jump(2 * HOUR);
    course.fixture.store.hooks.1.store(1, Ordering::Relaxed);
    assert!(course.advance());
    assert_eq!((course.state(), corrections(&course)), ("paused", 0));
    course.run(10, HEALTHY, "paused");
    let passed_ms = course.read(|plan| plan.run.clock.passed_ms(Timestamp(course.now)));
    assert!((20 * 60 * SECOND - passed_ms).abs() <= 10 * SECOND, "{passed_ms}");
    assert_eq!(corrections(&course), 1);
}

#[test]
fn the_patience_of_people_ends_by_true_time() {
    for jump in [72 * HOUR, -72 * HOUR] {
        let mut plan = plan("pause");
        plan["stages"][0]["for"] = json!("1m");
        plan["minimum"] = json!({ "requests": 100_000_000, "tenants": 3 });
        plan["patience"] = json!("30m");
        let mut course = Course::start(&plan);
        let outbox = outbox();
        assert!(notices(&course, &outbox).is_empty());
        course.run(10 * 60, HEALTHY, "running");
        let since = course.report().inconclusive_since.unwrap();
        course.jump(jump);
        course.run(20 * 60, HEALTHY, "running");
        assert!(notices(&course, &outbox).is_empty(), "{jump}");
        // Shown by the clock of now.
        let moved = course.report().inconclusive_since.unwrap();
        assert_eq!(moved.0 - since.0, jump);
        course.run(2 * 60, HEALTHY, "running");
        let notices = notices(&course, &outbox);
        assert!(
            notices.len() == 1 && notices[0].starts_with("inconclusive its stage could have ended"),
            "{notices:?}"
        );
    }
}
