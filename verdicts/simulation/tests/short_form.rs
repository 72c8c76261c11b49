//! The short form of the simulation: few plans of two days, and the harms of the guarantees.

use simulation::{
    draw::Harm,
    harmful::{self, Case},
    healthy::{self, ALPHA},
    report::quantile,
    world::UNRULY,
};

#[test]
fn healthy_plans_are_not_failed() {
    for run in 0..10 {
        let outcome = healthy::plan(1, run, UNRULY, 2);
        assert!(
            !outcome.is_failed(0, ALPHA),
            "plan {run} at half of the bounds: {outcome:?}"
        );
        assert!(
            !outcome.is_failed(1, ALPHA),
            "plan {run} at 0.9 of the bounds: {outcome:?}"
        );
    }
}

/// Returns the median time to detect a harm that begins with a stage of 25 %, in seconds.
fn median(error: f64, slow: f64) -> f64 {
    let case = Case {
        name: "",
        harm: Harm { error, slow },
        share: 0.25,
        healthy_minutes: 0,
        alpha: ALPHA,
    };
    let times: Vec<_> = (0..15).map(|run| harmful::run(1, run, case).sluice).collect();
    quantile(&times, 0.5).unwrap_or(f64::INFINITY)
}

#[test]
fn five_percent_errors_are_stopped_within_a_minute() {
    let median = median(0.05, 1.0);
    assert!(median <= 60.0, "{median}");
}

#[test]
fn twenty_percent_errors_are_stopped_in_15_seconds() {
    let median = median(0.2, 1.0);
    assert!(median <= 15.0, "{median}");
}

#[test]
fn slower_answers_are_stopped_within_ten_minutes() {
    let median = median(0.0, 1.3);
    assert!(median <= 600.0, "{median}");
}

#[test]
fn the_same_seed_gives_the_same_plan() {
    let one = healthy::plan(3, 0, UNRULY, 1);
    let other = healthy::plan(3, 0, UNRULY, 1);
    assert_eq!(one.evidence, other.evidence);
}
