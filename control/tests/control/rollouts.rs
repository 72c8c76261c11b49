//! The controller of rollout plans: it counts the arms, judges the checks, and takes each step once.

mod clock;
mod identity;
mod recovery;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use control::{
    ArmName, Change, Control, CountedRequest, LifecyclePolicy, MetricSource, ObservedOverlap, ObservedSlot,
    ObservedUnit, Request, Rollouts, StageReport,
};
use rules::Timestamp;
use serde_json::{Value, json};
use testkit::{ControlFixture, HOUR, START, SetClocks, admin_request};

const DOCUMENT: &str = r#"
version: 1
flags:
  board: { lifecycle: ga, revertible: true }
"#;
const SECOND: i64 = 1_000;
/// Tenants of each arm, and the requests of each in a slot: 20 requests a second in each arm.
const TENANTS: u64 = 10;
const REQUESTS: u32 = 10;
const TREATMENT: u64 = 0;
const CONTROL: u64 = 100;
const OPTED_IN: u64 = 200;

/// A control plane with a running plan, its controller, and a clock.
struct Course {
    fixture: ControlFixture,
    rollouts: Rollouts,
    now: i64,
    /// The sum of the jumps of the clock.
    jumped: i64,
    clocks: Arc<SetClocks>,
    /// A small generator of random numbers (xorshift, Marsaglia 2003), so that a test is the same each time.
    random: u64,
}

impl Course {
    fn start(plan: &Value) -> Self {
        let policy = LifecyclePolicy {
            metrics: MetricSource::Prometheus,
            ..LifecyclePolicy::default()
        };
        let fixture = ControlFixture::new(policy, DOCUMENT);
        let flag = || "board".to_owned();
        let plan = plan.clone();
        fixture.apply(Change::SetPlan { flag: flag(), plan }).unwrap();
        let clocks = SetClocks::new(START, START);
        let rollouts = Rollouts::new(Arc::clone(&fixture.control), None, clocks.read());
        let mut course = Self {
            fixture,
            rollouts,
            now: START,
            jumped: 0,
            clocks,
            random: 0x9E37_79B9_7F4A_7C15,
        };
        // Requests are counted before the start: each unit is compared with its own history.
        course.wait(HOUR / SECOND);
        let start = Change::StartRollout { flag: flag() };
        let request = Request {
            at: Timestamp(course.now),
            ..admin_request(start)
        };
        course.fixture.control.apply(&request).unwrap();
        course
    }

    /// Lets time pass before the start.
    fn wait(&mut self, seconds: i64) {
        for _ in 0..seconds / 5 {
            self.now += 5 * SECOND;
            let mut units = self.units(TREATMENT, ArmName::Excluded, 0.005);
            units.extend(self.units(CONTROL, ArmName::Excluded, 0.005));
            units.extend(self.units(OPTED_IN, ArmName::Excluded, 0.005));
            self.count(units);
        }
    }

    fn count(&self, units: Vec<ObservedUnit>) {
        self.count_slot(ObservedSlot {
            units,
            ..ObservedSlot::default()
        });
    }

    fn count_slot(&self, slot: ObservedSlot) {
        *self.fixture.plane.slots.lock() = vec![ObservedSlot {
            flag: "board".into(),
            ..slot
        }];
        self.tick();
        self.rollouts.count();
    }

    /// Lets the controller look at the checks. Returns true if it took a step.
    fn advance(&self) -> bool {
        self.tick();
        self.rollouts.advance()
    }

    /// Counts a slot of healthy requests.
    fn count_healthy(&mut self) {
        let (treatment, control) = HEALTHY;
        let mut units = self.units(TREATMENT, ArmName::Treatment, treatment);
        units.extend(self.units(CONTROL, ArmName::Control, control));
        self.count(units);
    }

    /// Moves the clocks to the time of the test.
    fn tick(&self) {
        self.clocks.set(self.now, self.now - self.jumped);
    }

    /// Sets the system clock forward or back.
    fn jump(&mut self, by: i64) {
        self.now += by;
        self.jumped += by;
    }

    /// Returns true with this probability.
    fn chance(&mut self, probability: f64) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let upper = u32::try_from(self.random >> 32).unwrap();
        f64::from(upper) < probability * f64::from(u32::MAX)
    }

    fn units(&mut self, first: u64, arm: ArmName, errors: f64) -> Vec<ObservedUnit> {
        let mut units = Vec::new();
        for unit in first..first + TENANTS {
            let counted: Vec<CountedRequest> = (0..REQUESTS)
                .map(|_| CountedRequest {
                    bucket: Some(200),
                    is_error: self.chance(errors),
                })
                .collect();
            let failed = counted.iter().filter(|counted| counted.is_error).count();
            units.push(ObservedUnit {
                unit,
                tenant: unit,
                arm,
                requests: REQUESTS,
                errors: u32::try_from(failed).unwrap(),
                counted,
            });
        }
        units
    }

    /// Lets time pass with these shares of errors. Returns the seconds until the plan has left this state.
    fn run(&mut self, seconds: i64, (treatment, control): (f64, f64), state: &str) -> Option<i64> {
        self.run_with_opted_in(seconds, (treatment, control), None, state)
    }

    /// Lets time pass like `run`, with requests of tenants that opted in.
    fn run_with_opted_in(
        &mut self,
        seconds: i64,
        (treatment, control): (f64, f64),
        opted_in: Option<f64>,
        state: &str,
    ) -> Option<i64> {
        let begun = self.now;
        for slot in 1..=seconds / 5 {
            self.now = begun + slot * 5 * SECOND;
            let mut units = self.units(TREATMENT, ArmName::Treatment, treatment);
            units.extend(self.units(CONTROL, ArmName::Control, control));
            if let Some(errors) = opted_in {
                units.extend(self.units(OPTED_IN, ArmName::OptedIn, errors));
            }
            self.count(units);
            if slot % 2 == 0 {
                self.advance();
            }
            if self.state() != state {
                return Some((self.now - begun) / SECOND);
            }
        }
        None
    }

    fn read<R>(&self, read: impl FnOnce(&changes::ManagedPlan) -> R) -> R {
        read_plan(&self.fixture.control, read)
    }

    fn state(&self) -> &'static str {
        self.read(|plan| plan.state().as_str())
    }

    fn stage(&self) -> Option<usize> {
        self.read(|plan| plan.run.stage)
    }

    /// Returns the report about the stage in force.
    fn report(&self) -> StageReport {
        self.rollouts.report("board").unwrap()
    }

    /// Returns the statistical test of the first check.
    fn first_test(&self) -> verdicts::Verdict {
        self.report().checks[0].test.unwrap()
    }

    /// Answers the first query that is due.
    fn sample(&self, value: Result<f64, String>) {
        let due = self.rollouts.queries().remove(0);
        self.rollouts.sample(&due, Timestamp(self.now), value);
    }

    /// Another process continues with the evidence in a file.
    fn restart(&mut self, file: &Path) {
        self.rollouts.write(file).unwrap();
        self.restart_with(file);
    }

    /// Another process begins with the evidence in a file.
    fn restart_with(&mut self, file: &Path) {
        // Another process has another monotonic clock.
        self.clocks = SetClocks::new(self.now, 0);
        self.jumped = self.now;
        let control = Arc::clone(&self.fixture.control);
        self.rollouts = Rollouts::new(control, Some(file), self.clocks.read());
    }
}

fn read_plan<R>(control: &Control, read: impl FnOnce(&changes::ManagedPlan) -> R) -> R {
    control.read(|state, _| read(state.flag("board").unwrap().state.plan.as_deref().unwrap()))
}

fn plan(then: &str) -> Value {
    json!({
        "stages": [
            { "name": "half", "percentage": 50, "for": "1h" },
            { "name": "all", "percentage": 100, "for": "1h" },
        ],
        "checks": [{ "name": "errors", "error_rate": { "above": "1%" }, "then": then }],
    })
}

/// A check of a query that fails above, or below, 0.9.
fn memory_check(bound: &str, then: &str) -> Value {
    json!({ "name": "memory", "prometheus": { "query": "max(m)", bound: 0.9 }, "then": then })
}

#[test]
fn errors_of_the_treatment_arm_pause_the_plan() {
    let mut course = Course::start(&plan("pause"));
    let paused = course.run(300, (0.05, 0.005), "running");
    assert_eq!(course.state(), "paused");
    assert!(paused.unwrap() <= 120, "{paused:?}");
    // A pause keeps the stage in force.
    assert_eq!(course.stage(), Some(0));
    assert_eq!(
        course.read(|plan| plan.run.halt.clone().unwrap().check.unwrap()),
        "errors"
    );
}

#[test]
fn a_failing_check_rolls_back_by_a_kill() {
    let mut course = Course::start(&plan("rollback"));
    let rolled_back = course.run(300, (0.2, 0.005), "running");
    assert!(rolled_back.unwrap() <= 60, "{rolled_back:?}");
    assert_eq!(course.state(), "rolled_back");
    let is_enabled = course
        .fixture
        .control
        .read(|state, _| state.flag("board").unwrap().is_enabled());
    assert!(!is_enabled);
}

#[test]
fn a_healthy_plan_advances_when_its_time_has_passed() {
    let mut course = Course::start(&plan("rollback"));
    assert_eq!(course.run(HOUR / SECOND - 10, (0.003, 0.003), "running"), None);
    assert_eq!(course.stage(), Some(0));
    course.run(60, (0.003, 0.003), "running");
    assert_eq!((course.state(), course.stage()), ("running", Some(1)));
    // Nobody is held back at 100 %.
    let completed = course.run(2 * HOUR / SECOND, (0.003, 0.0), "running");
    assert_eq!((course.state(), completed.is_some()), ("completed", true));
}

#[test]
fn a_restart_continues_with_the_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evidence");
    let (mut whole, mut restarted) = (Course::start(&plan("pause")), Course::start(&plan("pause")));
    for seconds in [20, 30, 15] {
        whole.run(seconds, (0.02, 0.005), "running");
        restarted.run(seconds, (0.02, 0.005), "running");
        assert_eq!(whole.rollouts.report("board"), restarted.rollouts.report("board"));
        restarted.restart(&file);
        assert_eq!(whole.rollouts.report("board"), restarted.rollouts.report("board"));
    }
}

#[test]
fn evidence_that_cannot_be_read_is_collected_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evidence");
    std::fs::write(&file, b"not evidence").unwrap();
    let mut course = Course::start(&plan("pause"));
    let control = Arc::clone(&course.fixture.control);
    course.rollouts = Rollouts::new(control, Some(&file), course.clocks.read());
    assert_eq!(course.rollouts.report("board"), None);
    assert_eq!(course.run(60, (0.003, 0.003), "running"), None);
    let report = course.report();
    assert_eq!(
        report.treatment.totals.requests,
        11 * TENANTS * u64::from(REQUESTS)
    );
}

#[test]
fn three_samples_of_a_query_roll_back() {
    let mut plan = plan("pause");
    plan["checks"]
        .as_array_mut()
        .unwrap()
        .push(memory_check("above", "rollback"));
    let mut course = Course::start(&plan);
    let value = |course: &Course, value: Result<f64, String>| {
        let due = course.rollouts.queries();
        assert_eq!((due.len(), due[0].query.as_str()), (1, "max(m)"));
        course.rollouts.sample(&due[0], Timestamp(course.now), value);
    };
    assert!(course.rollouts.queries().is_empty(), "the stage has not begun");
    let verdict = |course: &Course| course.report().checks[1].clone();
    assert_eq!(course.run(10, (0.003, 0.003), "running"), None);
    assert_eq!(verdict(&course).verdict.as_str(), "inconclusive");
    for found in [
        Ok(0.95),
        Ok(0.95),
        Err("no connection".to_owned()),
        Ok(0.95),
        Ok(0.91),
    ] {
        value(&course, found);
        assert_eq!(course.run(10, (0.003, 0.003), "running"), None);
        assert_eq!(verdict(&course).verdict.as_str(), "inconclusive");
    }
    // The samples survive a restart.
    let folder = tempfile::tempdir().unwrap();
    course.restart(&folder.path().join("evidence"));
    value(&course, Ok(0.92));
    assert!(course.run(10, (0.003, 0.003), "running").is_some());
    assert_eq!(course.state(), "rolled_back");
    assert!(course.rollouts.queries().is_empty());
}

#[test]
fn a_metric_that_cannot_be_read_is_inconclusive() {
    let mut plan = plan("pause");
    plan["checks"] = json!([memory_check("below", "rollback")]);
    let mut course = Course::start(&plan);
    course.run(10, (0.0, 0.0), "running");
    for attempt in 1..=5 {
        course.sample(Err("the query has no series".into()));
        assert_eq!(course.run(10, (0.0, 0.0), "running"), None);
        let report = course.report();
        let query = report.checks[0].query.clone().unwrap();
        assert_eq!(report.checks[0].verdict.as_str(), "inconclusive");
        assert_eq!(query.error.as_deref(), Some("the query has no series"));
        assert_eq!(query.is_unreadable_for_long, attempt == 5);
    }
    course.sample(Ok(0.95));
    course.run(10, (0.0, 0.0), "running");
    assert_eq!(verdict(&course, 0), "pass");
    // A value that was read long ago says nothing.
    course.run(70, (0.0, 0.0), "running");
    assert_eq!(verdict(&course, 0), "inconclusive");
}

#[test]
fn a_unit_in_both_arms_of_a_slot_is_left_out() {
    let mut course = Course::start(&plan("pause"));
    course.advance();
    // In the slot in which the stage was entered, and when a long request ends: its unit was in control when it began.
    course.now += 5 * SECOND;
    let mut units = course.units(TREATMENT, ArmName::Treatment, 0.0);
    units.extend(course.units(TREATMENT, ArmName::Control, 0.0).drain(..1));
    units.extend(course.units(CONTROL, ArmName::Control, 0.0));
    course.count(units);
    let report = course.report();
    assert_eq!((report.uncounted.moved, report.uncounted.invalid_slots), (1, 0));
    assert_eq!(
        report.treatment.totals.requests,
        (TENANTS - 1) * u64::from(REQUESTS)
    );
    assert_eq!(report.control.totals.requests, TENANTS * u64::from(REQUESTS));
}

#[test]
fn a_paused_plan_takes_no_step() {
    let mut course = Course::start(&plan("rollback"));
    let pause = Change::PauseRollout { flag: "board".into() };
    course.fixture.control.apply(&admin_request(pause)).unwrap();
    assert_eq!(course.run(300, (0.5, 0.0), "paused"), None);
}

#[test]
fn errors_of_opted_in_tenants_fail_absolute_checks() {
    let mut course = Course::start(&plan("pause"));
    let paused = course.run_with_opted_in(600, (0.003, 0.003), Some(0.2), "running");
    assert_eq!(course.state(), "paused");
    assert!(paused.unwrap() <= 120, "{paused:?}");
    let report = course.report();
    let [check] = &report.checks[..] else {
        panic!("one check");
    };
    let opted_in = check.opted_in.unwrap();
    assert!(opted_in.treatment.bad > 0 && opted_in.control.requests == 0);
    // They are in neither arm.
    assert_eq!(
        check.test.unwrap().treatment.tenants,
        u32::try_from(TENANTS).unwrap()
    );
    assert_ne!(check.test.unwrap().status, verdicts::Status::Fail);
}

#[test]
fn opted_in_tenants_do_not_count_in_comparisons() {
    let plan = json!({
        "stages": [{ "name": "half", "percentage": 50, "for": "1h" }],
        "checks": [{ "name": "worse", "error_rate": { "worse_than_control": "20%" }, "then": "pause" }],
    });
    let mut course = Course::start(&plan);
    assert_eq!(
        course.run_with_opted_in(600, (0.005, 0.005), Some(0.5), "running"),
        None
    );
    assert_eq!(course.report().checks[0].opted_in, None);
}

#[test]
fn healthy_opted_in_tenants_let_a_plan_advance() {
    let mut course = Course::start(&plan("rollback"));
    course.run_with_opted_in(HOUR / SECOND + 60, (0.003, 0.003), Some(0.003), "running");
    assert_eq!((course.state(), course.stage()), ("running", Some(1)));
    // At 100 % they are a part of treatment.
    course.run_with_opted_in(60, (0.003, 0.0), Some(0.003), "running");
    let report = course.report();
    let test = report.checks[0].test.unwrap();
    assert_eq!(test.treatment.tenants, 2 * u32::try_from(TENANTS).unwrap());
    assert_eq!(report.checks[0].opted_in, None);
}

#[test]
fn the_report_names_tenants_with_errors_and_other_plans() {
    let folder = tempfile::tempdir().unwrap();
    let mut course = Course::start(&plan("notify"));
    let names = (0..TENANTS).map(|tenant| (tenant, format!("tenant-{tenant}")));
    *course.fixture.plane.tenant_names.lock() = names.collect();
    course.run(60, (0.005, 0.005), "running");
    let mut units = course.units(TREATMENT + 7, ArmName::Treatment, 1.0);
    units.truncate(1);
    course.now += 5 * SECOND;
    let overlap = ObservedOverlap {
        flag: "theme".into(),
        requests: 8,
        treated_by_both: 5,
    };
    course.count_slot(ObservedSlot {
        units,
        overlaps: vec![overlap],
        ..ObservedSlot::default()
    });
    let report = course.report();
    let first = &report.tenants[0];
    assert_eq!(first.tenant.as_deref(), Some("tenant-7"));
    assert!(first.errors >= u64::from(REQUESTS) && first.surplus == 0);
    let errors: u64 = report.tenants.iter().map(|tenant| tenant.errors).sum();
    assert_eq!(errors, report.treatment.totals.errors);
    let [confounded] = &report.confounded[..] else {
        panic!("one flag is confounded: {report:?}");
    };
    assert_eq!(confounded.flag, "theme");
    let requests = report.treatment.totals.requests + report.control.totals.requests;
    assert!((confounded.share * requests as f64 - 5.0).abs() < 1e-9);
    // Names and counts are in the file.
    course.restart(&folder.path().join("evidence"));
    assert_eq!(course.report(), report);
}

#[test]
fn minutes_are_kept_by_arm_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut course = Course::start(&plan("notify"));
    let before = course.rollouts.minutes("board");
    assert!(before.len() >= 60);
    assert!(
        before
            .iter()
            .all(|minute| minute.arms.len() == 1 && minute.arms[0].arm == ArmName::Excluded)
    );
    course.run(180, (0.005, 0.005), "running");
    let minutes = course.rollouts.minutes("board");
    let full = &minutes[minutes.len() - 2];
    let arms: Vec<ArmName> = full.arms.iter().map(|arm| arm.arm).collect();
    assert_eq!(arms, [ArmName::Treatment, ArmName::Control]);
    assert_eq!(
        full.arms[0].requests,
        12 * u32::try_from(TENANTS).unwrap() * REQUESTS
    );
    assert!(full.arms[0].latency.is_some());
    course.restart(&folder.path().join("evidence"));
    assert_eq!(course.rollouts.minutes("board"), minutes);
    assert_eq!(course.rollouts.minutes("unknown"), []);
}

/// A plan with a check of errors and one of reports from two orgs.
fn plan_with_reports() -> Value {
    let mut plan = plan("pause");
    let reports = json!({ "name": "reports", "reports": { "same_cause": 2 }, "then": "pause" });
    plan["checks"].as_array_mut().unwrap().push(reports);
    plan
}

/// Reports a problem, and returns the change that closes the report.
fn report(course: &Course, org: &str, cause: &str) -> Change {
    let report = Change::Report {
        flag: "board".into(),
        org: org.into(),
        cause: cause.into(),
        ticket: None,
        text: None,
    };
    course.fixture.apply(report).unwrap();
    Change::CloseReport {
        flag: "board".into(),
        report: course.fixture.control.read(|state, _| state.revision.0),
    }
}

fn resume(course: &Course) {
    let resume = Change::ResumeRollout { flag: "board".into() };
    let request = Request {
        at: Timestamp(course.now),
        ..admin_request(resume)
    };
    course.fixture.control.apply(&request).unwrap();
}

/// A plan with a second test, of which nothing is known.
fn plan_with_latency() -> Value {
    let mut plan = plan("pause");
    let slow = json!({ "name": "slow", "p95": { "above": "2s" }, "then": "pause" });
    plan["checks"].as_array_mut().unwrap().push(slow);
    plan
}

#[test]
fn a_resumed_plan_runs_on_while_it_is_healthy() {
    let mut course = Course::start(&plan_with_latency());
    assert!(course.run(300, (0.05, 0.005), "running").is_some());
    let before = course.report();
    resume(&course);
    // A restart between the resumption and the first look.
    let folder = tempfile::tempdir().unwrap();
    course.restart(&folder.path().join("evidence"));
    assert_eq!(course.run(20, (0.003, 0.003), "running"), None);
    let after = course.report();
    let (failed, anew) = (before.checks[0].test.unwrap(), after.checks[0].test.unwrap());
    assert!(anew.treatment.requests < failed.treatment.requests, "{anew:?}");
    // Half of the alpha is left.
    assert!((anew.needed - failed.needed - 2.0_f64.ln()).abs() < 1e-9);
    let (one, other) = (before.checks[1].test.unwrap(), after.checks[1].test.unwrap());
    assert!(other.treatment.requests > one.treatment.requests, "{other:?}");
    assert!((other.needed - one.needed).abs() < 1e-9);
    assert!(after.treatment.totals.requests > before.treatment.totals.requests);
    course.restart(&folder.path().join("evidence"));
    course.run(2 * HOUR / SECOND, (0.003, 0.003), "running");
    assert_eq!((course.stage(), course.state()), (Some(1), "completed"));
}

#[test]
fn a_harm_that_goes_on_pauses_a_resumed_plan_again() {
    let mut course = Course::start(&plan("pause"));
    for _ in 0..3 {
        let paused = course.run(300, (0.05, 0.005), "running");
        assert!((15..=150).contains(&paused.unwrap()), "{paused:?}");
        assert_eq!(course.state(), "paused");
        resume(&course);
    }
}

#[test]
fn reports_from_two_orgs_pause_the_plan() {
    let mut course = Course::start(&plan_with_reports());
    report(&course, "acme", "no save");
    report(&course, "acme", "No Save ");
    report(&course, "globex", "slow");
    assert_eq!(course.run(60, (0.003, 0.003), "running"), None);
    let close = report(&course, "globex", "NO SAVE");
    assert_eq!(course.run(60, (0.003, 0.003), "running"), Some(10));
    assert_eq!(course.state(), "paused");
    let check = course.read(|plan| plan.run.halt.clone().unwrap().check);
    assert_eq!(check.as_deref(), Some("reports"));
    let found = |course: &Course| course.report().checks[1].clone();
    assert_eq!(found(&course).verdict.as_str(), "fail");
    assert_eq!(found(&course).reports.unwrap().reporting, 2);

    // The check passes again at once when the reports are closed, and a restart makes no difference.
    let folder = tempfile::tempdir().unwrap();
    course.restart(&folder.path().join("evidence"));
    assert_eq!(found(&course).verdict.as_str(), "fail");
    course.fixture.apply(close).unwrap();
    assert_eq!(found(&course).verdict.as_str(), "pass");
    resume(&course);
    assert_eq!(course.run(60, (0.003, 0.003), "running"), None);
}

#[test]
fn reports_pause_a_plan_before_any_request() {
    let course = Course::start(&plan_with_reports());
    report(&course, "acme", "no save");
    report(&course, "globex", "no save");
    assert!(course.advance());
    assert_eq!(course.state(), "paused");
}

#[test]
fn a_resumption_by_a_person_keeps_evidence_without_failure() {
    let mut course = Course::start(&plan("pause"));
    course.run(60, (0.003, 0.003), "running");
    let pause = Change::PauseRollout { flag: "board".into() };
    course.fixture.control.apply(&admin_request(pause)).unwrap();
    let before = course.first_test();
    resume(&course);
    course.run(10, (0.003, 0.003), "running");
    let after = course.first_test();
    assert!(after.treatment.requests > before.treatment.requests);
    assert!((after.needed - before.needed).abs() < 1e-9);
}

#[test]
fn three_new_samples_fail_a_resumed_query_again() {
    let mut plan = plan("pause");
    plan["checks"]
        .as_array_mut()
        .unwrap()
        .push(memory_check("above", "pause"));
    let mut course = Course::start(&plan);
    course.run(10, (0.003, 0.003), "running");
    for _ in 0..2 {
        for sample in 1..=3 {
            course.sample(Ok(0.95));
            let paused = course.run(10, (0.003, 0.003), "running");
            assert_eq!(paused.is_some(), sample == 3, "sample {sample}");
        }
        resume(&course);
        assert_eq!(course.run(10, (0.003, 0.003), "running"), None);
    }
}

fn verdict(course: &Course, check: usize) -> &'static str {
    let report = course.report();
    report.checks[check].verdict.as_str()
}

fn invalid_slots(course: &Course) -> u64 {
    course.report().uncounted.invalid_slots
}

const HEALTHY: (f64, f64) = (0.003, 0.003);

#[test]
fn a_clock_that_jumps_makes_checks_inconclusive() {
    for jump in [HOUR, -HOUR, 400 * 24 * HOUR] {
        let mut course = Course::start(&plan("rollback"));
        course.run(20 * 60, HEALTHY, "running");
        assert_eq!((verdict(&course, 0), invalid_slots(&course)), ("pass", 0));
        course.jump(jump);
        // The look may come before the count.
        course.advance();
        assert_eq!(verdict(&course, 0), "inconclusive", "{jump}");
        course.run(9 * 60, HEALTHY, "running");
        assert_eq!((verdict(&course, 0), course.stage()), ("inconclusive", Some(0)));
        assert_eq!(invalid_slots(&course), 1, "{jump}");
        course.run(2 * 60, HEALTHY, "running");
        // The evidence goes on with every slot, and passes in the end.
        let late = course.report().uncounted.late_slots;
        assert_eq!((late, course.stage()), (0, Some(0)), "{jump}");
        // The jump is no time of the stage.
        course.run(29 * 60, HEALTHY, "running");
        assert_eq!(course.stage(), Some(1), "{jump}");
    }
}

#[test]
fn a_harm_is_found_after_a_clock_that_jumps() {
    for jump in [HOUR, -HOUR] {
        let mut course = Course::start(&plan("rollback"));
        course.run(60, HEALTHY, "running");
        course.jump(jump);
        let rolled_back = course.run(300, (0.2, 0.005), "running");
        assert!(rolled_back.unwrap() <= 60, "{rolled_back:?}");
        assert_eq!(course.state(), "rolled_back");
    }
}

#[test]
fn a_clock_set_back_during_a_restart_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let mut course = Course::start(&plan("pause"));
    course.run(20 * 60, HEALTHY, "running");
    // A restart within a slot loses nothing, and counts nothing twice.
    course.restart(&folder.path().join("evidence"));
    let units = course.units(TREATMENT, ArmName::Treatment, 0.003);
    course.count(units);
    course.run(60, HEALTHY, "running");
    assert_eq!((verdict(&course, 0), invalid_slots(&course)), ("pass", 0));
    // So does an outage.
    course.restart(&folder.path().join("evidence"));
    course.now += 5 * 60 * SECOND;
    course.run(60, HEALTHY, "running");
    assert_eq!((verdict(&course, 0), invalid_slots(&course)), ("pass", 0));
    course.restart(&folder.path().join("evidence"));
    course.jump(-HOUR);
    course.run(60, HEALTHY, "running");
    assert_eq!((verdict(&course, 0), invalid_slots(&course)), ("inconclusive", 1));
}

#[test]
fn counts_that_do_not_add_up_are_inconclusive() {
    let mut course = Course::start(&plan("pause"));
    course.run(20 * 60, HEALTHY, "running");
    let before = course.report().treatment.totals;
    let mut units = course.units(TREATMENT, ArmName::Treatment, 0.003);
    units[0].requests = 1;
    course.now += 5 * SECOND;
    course.count(units);
    course.advance();
    assert_eq!((verdict(&course, 0), invalid_slots(&course)), ("inconclusive", 1));
    assert_eq!(course.report().treatment.totals, before);
    course.run(11 * 60, HEALTHY, "running");
    assert_eq!(verdict(&course, 0), "pass");
}

#[test]
fn an_edit_of_later_stages_keeps_the_alpha() {
    let folder = tempfile::tempdir().unwrap();
    let mut course = Course::start(&plan("pause"));
    course.run(60, HEALTHY, "running");
    let before = course.report();
    let mut edited = plan("pause");
    let stage = json!({ "name": "most", "percentage": 80, "for": "1h" });
    edited["stages"].as_array_mut().unwrap().insert(1, stage);
    let flag = "board".to_owned();
    let edit = Change::SetPlan { flag, plan: edited };
    course.fixture.control.apply(&admin_request(edit)).unwrap();
    assert_eq!(course.read(|plan| plan.plan.stages.len()), 3);
    for _ in 0..2 {
        course.run(20, HEALTHY, "running");
        let after = course.report();
        assert_eq!(after.since, before.since);
        assert!(after.treatment.totals.requests > before.treatment.totals.requests);
        let needed = |report: &StageReport| report.checks[0].test.unwrap().needed;
        assert!((needed(&after) - needed(&before)).abs() < 1e-9);
        course.restart(&folder.path().join("evidence"));
    }
}

#[test]
fn the_time_of_inconclusive_checks_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan("pause");
    plan["minimum"] = json!({ "requests": 1_000_000 });
    plan["stages"][0]["for"] = json!("1m");
    let mut course = Course::start(&plan);
    let since = |course: &Course| course.report().inconclusive_since;
    course.run(50, HEALTHY, "running");
    assert_eq!(since(&course), None);
    course.run(10, HEALTHY, "running");
    let begun = Timestamp(course.now);
    assert_eq!(since(&course), Some(begun));
    course.restart(&folder.path().join("evidence"));
    course.run(60, HEALTHY, "running");
    assert_eq!(since(&course), Some(begun));
    // A failure ends it.
    course.run(300, (0.2, 0.005), "running");
    assert_eq!((course.state(), since(&course)), ("paused", None));
}

/// Returns an outbox with one receiver.
fn outbox() -> control::Outbox {
    let sink = config::NotificationSink {
        name: "hook".into(),
        target: config::SinkTarget::Slack {
            url: "https://hooks.example/1".into(),
        },
        events: Vec::new(),
    };
    control::Outbox::open(vec![sink], None)
}

/// Returns the events and details that a receiver would get since the last call.
fn notices(course: &Course, outbox: &control::Outbox) -> Vec<String> {
    outbox
        .collect(&course.fixture.control, Timestamp(course.now))
        .unwrap();
    let sink = "hook";
    let mut found = Vec::new();
    while let Some(notice) = outbox.due(sink, Timestamp(course.now)) {
        found.push(format!("{} {}", notice.event.as_str(), notice.detail));
        outbox.record(sink, &notice.id, Ok(()), (Timestamp(course.now), 0.0));
    }
    outbox.save(&course.fixture.control).unwrap();
    found
}

#[test]
fn waits_of_a_plan_are_notified_once() {
    let mut plan = plan("notify");
    plan["stages"][0]["for"] = json!("1m");
    plan["patience"] = json!("5m");
    plan["minimum"] = json!({ "requests": 1_000_000, "tenants": 3 });
    let mut course = Course::start(&plan);
    let outbox = outbox();
    assert!(notices(&course, &outbox).is_empty(), "nothing older is news");
    course.run(300, (0.003, 0.003), "running");
    assert!(notices(&course, &outbox).is_empty(), "not before the patience");
    course.run(120, (0.003, 0.003), "running");
    let told = notices(&course, &outbox);
    assert!(
        told.len() == 1 && told[0].starts_with("inconclusive its stage could have ended"),
        "{told:?}"
    );
    // A restart of the process repeats nothing.
    let folder = tempfile::tempdir().unwrap();
    course.restart(&folder.path().join("evidence"));
    course.run(60, (0.003, 0.003), "running");
    assert!(notices(&course, &outbox).is_empty());
    course.run(300, (0.2, 0.003), "running");
    assert_eq!(
        notices(&course, &outbox),
        ["check_failing the check errors fails"]
    );
}

#[test]
fn a_held_up_step_is_notified_once_and_not_audited() {
    let mut plan = plan("pause");
    plan["stages"][0]["for"] = json!("1m");
    let mut course = Course::start(&plan);
    let outbox = outbox();
    notices(&course, &outbox);
    let open = Change::OpenIncident {
        flag: "board".into(),
        incident: "INC-9".into(),
    };
    course.fixture.apply(open).unwrap();
    let entries = course.fixture.log().len();
    course.run(600, (0.003, 0.003), "running");
    assert_eq!(course.stage(), Some(0));
    assert_eq!(
        notices(&course, &outbox),
        ["waiting its rollout can't go on: open incidents: INC-9"]
    );
    assert_eq!(course.fixture.log().len(), entries);
    let close = Change::CloseIncident {
        flag: "board".into(),
        incident: "INC-9".into(),
    };
    course.fixture.apply(close).unwrap();
    course.run(20, (0.003, 0.003), "running");
    assert_eq!(course.stage(), Some(1));
}

#[test]
fn a_step_waits_while_requests_fail_unmeasured() {
    let mut plan = plan("pause");
    plan["stages"][0]["for"] = json!("1m");
    plan["checks"] = json!([{ "name": "slow", "p95": { "above": "2s" }, "then": "pause" }]);
    let mut course = Course::start(&plan);
    let outbox = outbox();
    notices(&course, &outbox);
    let observe = |course: &Course, errors: u64| {
        *course.fixture.plane.observations.lock() = vec![control::FlagObservation {
            flag: "board".into(),
            decisions: errors,
            errors,
            ..control::FlagObservation::default()
        }];
    };
    observe(&course, 3);
    course.run(600, HEALTHY, "running");
    assert_eq!(course.stage(), Some(0));
    let refusals = control::JudgeRollouts::refusals(&course.rollouts, "board");
    assert_eq!(
        refusals
            .iter()
            .map(|refusal| refusal.code.as_str())
            .collect::<Vec<_>>(),
        ["FLAG_ERRORS"]
    );
    let found = notices(&course, &outbox);
    assert!(
        found.len() == 1 && found[0].starts_with("waiting its rollout can't go on: 3 requests"),
        "{found:?}"
    );
    let entries = course.fixture.log().len();
    // The errors count for a day.
    course.now += 25 * HOUR;
    course.run(900, HEALTHY, "running");
    assert_eq!(
        (course.stage(), course.fixture.log().len()),
        (Some(1), entries + 1)
    );
}

/// The state, the stage, the percentage, the verdicts and the reasons of a plan, each reason with the seconds since when.
type Reading = (
    &'static str,
    usize,
    f64,
    Vec<&'static str>,
    Vec<(&'static str, i64)>,
);

/// Returns the readings of the plan.
fn reading(course: &Course) -> Reading {
    let reading = course.rollouts.readings().remove(0);
    let waits = reading.waits.into_iter();
    let waits = waits.map(|(reason, since)| (reason, (course.now - since.0) / SECOND));
    let verdicts = reading.checks.into_iter().map(|(_, verdict)| verdict).collect();
    (
        reading.state,
        reading.stage,
        reading.percent,
        verdicts,
        waits.collect(),
    )
}

#[test]
fn a_plan_waits_for_one_reason_after_the_other() {
    let mut plan = plan("notify");
    plan["stages"][0]["advance"] = json!("manual");
    let mut course = Course::start(&plan);
    let begun = reading(&course);
    assert_eq!(
        begun,
        ("running", 1, 50.0, vec!["inconclusive"], vec![("time", 0)])
    );
    course.run(HOUR / SECOND, (0.003, 0.003), "running");
    course.run(HOUR / SECOND, (0.003, 0.003), "running");
    let (_, _, _, verdicts, waits) = reading(&course);
    assert_eq!((verdicts, waits), (vec!["pass"], vec![("person", HOUR / SECOND)]));

    // Another process finds the time from the plan.
    let folder = tempfile::tempdir().unwrap();
    course.restart(&folder.path().join("evidence"));
    assert_eq!(reading(&course).4, [("person", HOUR / SECOND)]);

    let pause = Change::PauseRollout {
        flag: "board".to_owned(),
    };
    let at = Timestamp(course.now);
    course
        .fixture
        .control
        .apply(&Request {
            at,
            ..admin_request(pause)
        })
        .unwrap();
    course.now += 7 * SECOND;
    course.tick();
    let (state, _, percent, _, waits) = reading(&course);
    assert_eq!((state, percent, waits), ("paused", 50.0, vec![("person", 7)]));
}

#[test]
fn a_plan_without_requests_waits_for_its_check() {
    let mut course = Course::start(&plan("notify"));
    course.now += 3 * HOUR;
    course.count(Vec::new());
    course.advance();
    let (_, stage, _, verdicts, waits) = reading(&course);
    assert_eq!((stage, verdicts), (1, vec!["inconclusive"]));
    assert_eq!(waits, [("inconclusive", 2 * HOUR / SECOND)]);
}

#[test]
fn a_plan_waits_for_its_approval_and_its_start() {
    let fixture = ControlFixture::new(LifecyclePolicy::default(), DOCUMENT);
    let mut plan = plan("notify");
    plan["approvals"] = json!(["qa-owner"]);
    let flag = || "board".to_owned();
    fixture
        .apply(Change::SetPlan {
            flag: flag(),
            plan: plan.clone(),
        })
        .unwrap();
    let clocks = SetClocks::new(START + 9 * SECOND, 0);
    let rollouts = Rollouts::new(Arc::clone(&fixture.control), None, clocks.read());
    let draft = rollouts.readings().remove(0);
    assert_eq!((draft.state, draft.stage, draft.percent), ("draft", 0, 0.0));
    assert_eq!(draft.waits, [("approval", Timestamp(START))]);
    plan.as_object_mut().unwrap().remove("approvals");
    fixture.apply(Change::SetPlan { flag: flag(), plan }).unwrap();
    let approved = rollouts.readings().remove(0);
    assert_eq!(
        (approved.state, approved.waits),
        ("approved", vec![("start", Timestamp(START))])
    );
}
