//! The sentences of the design's section on verdicts, each as a test on slots.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use verdicts::{
    Arm, Baseline, Check, DEFAULT_CAP, Ingested, InvalidSlot, Minimum, Reason, Slot, Stage, StageConfig,
    Status, Tally, UnitCount, Verdict,
    histogram::{Histogram, bucket},
};

const FIRST: u64 = 1000;
const ERRORS: Check = Check::ErrorRateAbove { rate: 0.01 };
const WORSE: Check = Check::ErrorRateWorse { ratio: 1.2 };
const SLOW: Check = Check::LatencyAbove {
    quantile: 0.95,
    bound: Duration::from_secs(2),
};
const SLOWER: Check = Check::LatencyWorse {
    quantile: 0.95,
    ratio: 1.2,
};

fn config(has_control: bool) -> StageConfig {
    StageConfig {
        first_slot: FIRST,
        share: if has_control { 0.5 } else { 1.0 },
        has_control,
        at_once: Vec::new(),
        minimum: Minimum {
            requests: 500,
            tenants: 3,
        },
        cap: DEFAULT_CAP,
        alpha: 0.005 / 16.0,
        checks: vec![ERRORS, WORSE, SLOW, SLOWER],
    }
}

fn baseline(errors: u64) -> Baseline {
    let latency = Histogram::new([
        (bucket(Duration::from_millis(100)), 9_400),
        (bucket(Duration::from_millis(300)), 600),
    ]);
    Baseline {
        day: Tally {
            requests: 10_000,
            errors,
            latency,
        },
        recent: Tally::default(),
    }
}

/// Twelve tenants, the even ones in treatment, with 50 errors in 10,000 requests on the day before.
fn stage(config: StageConfig) -> Stage {
    Stage::new(config, (0..24).map(|unit| (unit, baseline(50))))
}

fn count(unit: u64, arm: Arm, requests: u32, errors: u32, slow: u32, millis: u64) -> UnitCount {
    UnitCount {
        unit,
        tenant: unit,
        arm,
        requests: u64::from(requests),
        errors: u64::from(errors),
        capped_requests: requests,
        capped_errors: errors,
        latency: Histogram::new([
            (bucket(Duration::from_millis(100)), requests - slow),
            (bucket(Duration::from_millis(millis)), slow),
        ]),
    }
}

/// A slot of `tenants` tenants; `of` gives errors, slow requests and their milliseconds.
fn slot(number: u64, tenants: u64, of: impl Fn(u64, Arm) -> (u32, u32, u64)) -> Slot {
    let units = (0..tenants).map(|unit| {
        let arm = if unit % 2 == 0 {
            Arm::Treatment
        } else {
            Arm::Control
        };
        let (errors, slow, millis) = of(unit, arm);
        count(unit, arm, 20, errors, slow, millis)
    });
    Slot {
        number,
        counter_fell: false,
        units: units.collect(),
    }
}

fn all_in_treatment(slot: Slot) -> Slot {
    let units = slot.units.into_iter().map(|count| UnitCount {
        arm: Arm::Treatment,
        ..count
    });
    Slot {
        units: units.collect(),
        ..slot
    }
}

/// Healthy: one error in 200 requests, one slow request in 20.
fn healthy(number: u64, unit: u64) -> (u32, u32, u64) {
    (u32::from((number * 7 + unit).is_multiple_of(10)), 1, 300)
}

fn run(
    stage: &mut Stage,
    slots: std::ops::Range<u64>,
    tenants: u64,
    of: impl Fn(u64, u64, Arm) -> (u32, u32, u64),
) -> Vec<Verdict> {
    let last = slots.end - 1;
    for number in slots {
        let slot = slot(number, tenants, |unit, arm| of(number, unit, arm));
        assert_eq!(stage.ingest(&slot), Ingested::Counted);
    }
    stage.look(last)
}

fn statuses(verdicts: &[Verdict]) -> Vec<(Status, Reason)> {
    verdicts
        .iter()
        .map(|verdict| (verdict.status, verdict.reason))
        .collect()
}

#[test]
fn a_healthy_stage_passes_every_check() {
    let mut stage = stage(config(true));
    let verdicts = run(&mut stage, FIRST..FIRST + 400, 24, |number, unit, _| {
        healthy(number, unit)
    });
    assert_eq!(
        statuses(&verdicts),
        [(Status::Pass, Reason::Met); 4],
        "{verdicts:#?}"
    );
    assert!((verdicts[0].value.unwrap() - 0.005).abs() < 0.001);
    assert!((verdicts[3].value.unwrap() - 1.0).abs() < 0.1);
    assert_eq!(verdicts[0].treatment.tenants, 12);
}

#[test]
fn twenty_percent_errors_fail_within_three_slots() {
    let mut stage = stage(config(true));
    run(&mut stage, FIRST..FIRST + 100, 24, |number, unit, _| {
        healthy(number, unit)
    });
    let verdicts = run(&mut stage, FIRST + 100..FIRST + 103, 24, |number, unit, arm| {
        if arm == Arm::Treatment {
            (4, 1, 300)
        } else {
            healthy(number, unit)
        }
    });
    assert_eq!(verdicts[0].status, Status::Fail, "{verdicts:#?}");
    assert_eq!(verdicts[1].status, Status::Fail);
    assert_ne!(verdicts[3].status, Status::Fail);
    assert!((FIRST + 100..FIRST + 103).contains(&verdicts[0].since));
}

#[test]
fn a_failure_stays_for_the_stage() {
    let mut stage = stage(config(true));
    run(&mut stage, FIRST..FIRST + 3, 24, |_, _, arm| {
        if arm == Arm::Treatment {
            (10, 1, 300)
        } else {
            (0, 1, 300)
        }
    });
    let verdicts = run(&mut stage, FIRST + 3..FIRST + 600, 24, |number, unit, _| {
        healthy(number, unit)
    });
    assert_eq!(verdicts[0].status, Status::Fail);
    assert!(verdicts[0].since < FIRST + 3);
}

#[test]
fn slower_answers_than_control_fail() {
    let mut stage = stage(config(true));
    let verdicts = run(&mut stage, FIRST..FIRST + 60, 24, |number, unit, arm| {
        let (errors, _, _) = healthy(number, unit);
        if arm == Arm::Treatment {
            (errors, 6, 600)
        } else {
            (errors, 1, 300)
        }
    });
    assert_eq!(verdicts[3].status, Status::Fail, "{verdicts:#?}");
    assert_ne!(verdicts[2].status, Status::Fail);
}

#[test]
fn answers_above_two_seconds_fail() {
    let mut stage = stage(config(true));
    let verdicts = run(&mut stage, FIRST..FIRST + 60, 24, |_, _, arm| {
        if arm == Arm::Treatment {
            (0, 6, 3000)
        } else {
            (0, 1, 300)
        }
    });
    assert_eq!(verdicts[2].status, Status::Fail, "{verdicts:#?}");
}

#[test]
fn an_incident_of_both_arms_fails_nothing() {
    let mut stage = stage(config(true));
    run(&mut stage, FIRST..FIRST + 100, 24, |number, unit, _| {
        healthy(number, unit)
    });
    let verdicts = run(&mut stage, FIRST + 100..FIRST + 400, 24, |_, _, _| (12, 15, 5000));
    assert!(
        verdicts.iter().all(|verdict| verdict.status != Status::Fail),
        "{verdicts:#?}"
    );
    assert_eq!(verdicts[0].reason, Reason::OutsideBound);
    assert_eq!(verdicts[2].reason, Reason::OutsideBound);
}

#[test]
fn one_tenant_alone_fails_nothing() {
    let mut stage = stage(config(true));
    let verdicts = run(&mut stage, FIRST..FIRST + 400, 24, |number, unit, _| {
        if unit == 4 {
            (20, 20, 5000)
        } else {
            healthy(number, unit)
        }
    });
    assert!(
        verdicts.iter().all(|verdict| verdict.status != Status::Fail),
        "{verdicts:#?}"
    );
}

#[test]
fn an_improvement_is_never_evidence() {
    let mut stage = stage(config(true));
    for number in FIRST..FIRST + 400 {
        stage.ingest(&slot(number, 24, |_, arm| {
            if arm == Arm::Control {
                (8, 10, 4000)
            } else {
                (0, 0, 300)
            }
        }));
        assert!(stage.log_evidence().all(|evidence| evidence == 0.0));
    }
}

#[test]
fn comparisons_do_not_apply_without_control() {
    let mut stage = stage(config(false));
    for number in FIRST..FIRST + 400 {
        stage.ingest(&all_in_treatment(slot(number, 24, |unit, _| {
            healthy(number, unit)
        })));
    }
    let verdicts = stage.look(FIRST + 399);
    let absolute = (Status::Pass, Reason::Met);
    let comparison = (Status::NotApplicable, Reason::NoControl);
    assert_eq!(statuses(&verdicts), [absolute, comparison, absolute, comparison]);
}

/// Runs a stage without control that fails from `onset` on for `slots` slots, and returns whether errors failed.
fn fails_without_control(at_once: bool, onset: u64, slots: u64) -> bool {
    let mut stage = stage(StageConfig {
        at_once: at_once.then_some(0).into_iter().collect(),
        ..config(false)
    });
    for number in FIRST..FIRST + onset + slots {
        let is_bad = number >= FIRST + onset;
        let slot = slot(number, 24, |unit, _| {
            if is_bad {
                (10, 1, 300)
            } else {
                healthy(number, unit)
            }
        });
        stage.ingest(&all_in_treatment(slot));
    }
    let verdicts = stage.look(FIRST + onset + slots - 1);
    verdicts
        .first()
        .is_some_and(|verdict| verdict.status == Status::Fail)
}

#[test]
fn without_control_an_onset_with_the_stage_fails() {
    assert!(fails_without_control(false, 0, 4));
    assert!(fails_without_control(false, 50, 4));
}

#[test]
fn without_control_a_later_harm_fails_when_it_lasts() {
    assert!(!fails_without_control(false, 400, 600));
    assert!(fails_without_control(false, 400, 1200));
    assert!(fails_without_control(true, 400, 4));
}

/// Runs ten tenants without control at 20 requests a second: two healthy hours, then errors of this share against a bound of
/// 1 %. Returns the seconds until the check fails, and until it no longer passes.
fn late_harm(at_once: bool, harm: f64) -> (Option<u64>, Option<u64>) {
    let mut stage = stage(StageConfig {
        at_once: at_once.then_some(0).into_iter().collect(),
        ..config(false)
    });
    let (onset, mut random) = (FIRST + 1440, 0x9E37_79B9_7F4A_7C15_u64);
    let (mut failed, mut blocked) = (None, None);
    for number in FIRST..onset + 360 {
        let share = if number < onset { 0.005 } else { harm };
        let units = (0..10).map(|unit| {
            let failed = (0..10).filter(|_| {
                // xorshift, Marsaglia 2003.
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                ((random >> 11) as f64) < share * (1_u64 << 53) as f64
            });
            let failed = u32::try_from(failed.count()).unwrap();
            count(unit, Arm::Treatment, 10, failed, 0, 100)
        });
        let units = units.collect();
        stage.ingest(&Slot {
            number,
            counter_fell: false,
            units,
        });
        let status = stage.look(number)[0].status;
        if number < onset {
            assert_ne!(status, Status::Fail);
        } else {
            let seconds = (number + 1 - onset) * 5;
            failed = failed.or((status == Status::Fail).then_some(seconds));
            blocked = blocked.or((status != Status::Pass).then_some(seconds));
        }
    }
    (failed, blocked)
}

#[test]
fn a_late_harm_without_control_notifies_in_minutes() {
    let (failed, blocked) = late_harm(true, 0.05);
    assert!(failed.is_some_and(|seconds| seconds <= 180), "{failed:?}");
    assert!(blocked.is_some_and(|seconds| seconds <= 180), "{blocked:?}");
}

#[test]
fn a_late_harm_without_control_keeps_from_passing() {
    let (failed, blocked) = late_harm(false, 0.05);
    assert_eq!(failed, None, "an incident of half an hour stops nothing");
    assert!(blocked.is_some_and(|seconds| seconds <= 180), "{blocked:?}");
}

#[test]
fn a_complete_failure_without_control_fails_at_once() {
    for harm in [1.0, 0.99] {
        let (failed, _) = late_harm(false, harm);
        assert!(failed.is_some_and(|seconds| seconds <= 10), "{harm}: {failed:?}");
    }
    // The worst of common incidents.
    let (failed, _) = late_harm(false, 0.8);
    assert_eq!(failed, None);
}

#[test]
fn too_few_requests_or_tenants_keep_from_passing() {
    let mut few = stage(config(true));
    let verdicts = run(&mut few, FIRST..FIRST + 2, 24, |number, unit, _| {
        healthy(number, unit)
    });
    assert_eq!(verdicts[0].reason, Reason::FewRequests);
    let mut few = stage(config(true));
    let verdicts = run(&mut few, FIRST..FIRST + 200, 4, |number, unit, _| {
        healthy(number, unit)
    });
    assert_eq!(
        (verdicts[0].status, verdicts[0].reason),
        (Status::Inconclusive, Reason::FewTenants)
    );
}

#[test]
fn a_tenant_without_history_counts_in_absolute_checks_only() {
    let mut stage = Stage::new(config(true), []);
    let verdicts = run(&mut stage, FIRST..FIRST + 200, 24, |number, unit, _| {
        healthy(number, unit)
    });
    assert_eq!(verdicts[0].status, Status::Pass);
    assert_eq!(
        (verdicts[1].status, verdicts[1].reason),
        (Status::Inconclusive, Reason::NoHistory)
    );
    assert_eq!(verdicts[3].reason, Reason::NoHistory);
}

#[test]
fn tenants_differ_in_their_base_rates() {
    // Treatment has 5 % errors, as on the day before; control has none.
    let mut stage = Stage::new(
        config(true),
        (0..24).map(|unit| (unit, baseline(if unit % 2 == 0 { 500 } else { 0 }))),
    );
    let verdicts = run(&mut stage, FIRST..FIRST + 400, 24, |_, _, arm| {
        (u32::from(arm == Arm::Treatment), 1, 300)
    });
    assert_ne!(verdicts[0].status, Status::Fail);
    assert_ne!(verdicts[1].status, Status::Fail);
}

#[test]
fn a_counter_that_fell_is_inconclusive_for_ten_minutes() {
    let mut stage = stage(config(true));
    run(&mut stage, FIRST..FIRST + 400, 24, |number, unit, _| {
        healthy(number, unit)
    });
    let fallen = Slot {
        number: FIRST + 400,
        counter_fell: true,
        units: Vec::new(),
    };
    assert_eq!(
        stage.ingest(&fallen),
        Ingested::Rejected(InvalidSlot::CounterFell)
    );
    assert_eq!(
        stage.look(FIRST + 400)[0].reason,
        Reason::Invalid(InvalidSlot::CounterFell)
    );
    let verdicts = run(&mut stage, FIRST + 401..FIRST + 525, 24, |number, unit, _| {
        healthy(number, unit)
    });
    assert_eq!(verdicts[0].status, Status::Pass);
    assert_eq!(stage.uncounted().invalid_slots, 1);
}

#[test]
fn counts_that_do_not_add_up_are_rejected() {
    let good = || count(1, Arm::Control, 10, 1, 0, 300);
    for (units, expected) in [
        (
            vec![UnitCount { errors: 11, ..good() }],
            InvalidSlot::PartAboveWhole,
        ),
        (
            vec![UnitCount {
                capped_errors: 11,
                ..good()
            }],
            InvalidSlot::PartAboveWhole,
        ),
        (vec![count(1, Arm::Control, 21, 0, 0, 300)], InvalidSlot::AboveCap),
        (vec![good(), good()], InvalidSlot::UnitTwice),
    ] {
        let mut stage = stage(config(true));
        let slot = Slot {
            number: FIRST,
            counter_fell: false,
            units,
        };
        assert_eq!(stage.ingest(&slot), Ingested::Rejected(expected));
        assert_eq!(stage.totals().1.requests, 0);
    }
}

#[test]
fn no_slot_for_a_minute_keeps_from_passing() {
    let mut stage = stage(config(true));
    run(&mut stage, FIRST..FIRST + 400, 24, |number, unit, _| {
        healthy(number, unit)
    });
    assert_eq!(stage.look(FIRST + 405)[0].status, Status::Pass);
    assert_eq!(stage.look(FIRST + 420)[0].reason, Reason::NoSlots);
}

#[test]
fn a_sample_ratio_mismatch_makes_comparisons_inconclusive() {
    let mut stage = stage(config(true));
    for number in FIRST..FIRST + 400 {
        let units = (0..100).map(|unit| {
            let arm = if unit < 90 { Arm::Treatment } else { Arm::Control };
            let (errors, slow, millis) = healthy(number, unit);
            count(unit, arm, 20, errors, slow, millis)
        });
        stage.ingest(&Slot {
            number,
            counter_fell: false,
            units: units.collect(),
        });
    }
    assert!(stage.sample_ratio().is_mismatch());
    let verdicts = stage.look(FIRST + 399);
    assert_eq!(verdicts[0].status, Status::Pass);
    assert_eq!(
        (verdicts[1].status, verdicts[1].reason),
        (Status::Inconclusive, Reason::RatioMismatch)
    );
    assert_eq!(verdicts[3].reason, Reason::RatioMismatch);
}

#[test]
fn a_unit_that_changes_its_arm_is_reported() {
    let mut stage = stage(config(true));
    run(&mut stage, FIRST..FIRST + 10, 24, |number, unit, _| {
        healthy(number, unit)
    });
    stage.ingest(&all_in_treatment(slot(FIRST + 10, 24, |_, _| (0, 0, 300))));
    assert_eq!(stage.uncounted().moved, 12);
}
