use config::{RolloutPlan, plan_document};

use super::*;

fn windows(written: &str) -> Vec<Window> {
    let text = format!("stages: [{{ name: all, percentage: 100, for: 1d }}]\nwindow: {written}\n");
    let plan: RolloutPlan = plan_document("plan.yaml", text.as_bytes())
        .map(|document| document.plan)
        .unwrap();
    plan.window
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// The moments are open, in the order of the list, if their mark is true.
#[track_caller]
fn check(written: &str, expected: &[(&str, bool)]) {
    let windows = windows(written);
    for (moment, open) in expected {
        assert_eq!(is_open(&windows, at(moment)), *open, "{moment}");
    }
}

#[test]
fn no_window_is_always_open() {
    check("[]", &[("2026-11-21T03:00:00Z", true)]);
    assert_eq!(
        next_opening(&[], at("2026-11-21T03:00:00Z")),
        Some(at("2026-11-21T03:00:00Z"))
    );
}

#[test]
fn a_window_is_open_on_its_days_and_hours() {
    check(
        "[{ days: mon-thu, from: 09:00, until: 16:00, zone: Europe/Berlin }]",
        &[
            // Thursday, in winter an hour behind.
            ("2026-11-19T07:59:59Z", false),
            ("2026-11-19T08:00:00Z", true),
            ("2026-11-19T14:59:59.999Z", true),
            ("2026-11-19T15:00:00Z", false),
            // Friday.
            ("2026-11-20T09:00:00Z", false),
            // Monday in summer, two hours behind.
            ("2026-07-06T07:00:00Z", true),
            ("2026-07-06T14:00:00Z", false),
        ],
    );
}

#[test]
fn a_window_over_midnight_is_two_windows() {
    check(
        "[{ days: fri, from: 22:00, zone: UTC }, { days: sat, until: 06:00, zone: UTC }]",
        &[
            ("2026-11-20T21:59:00Z", false),
            ("2026-11-20T23:59:59.999Z", true),
            ("2026-11-21T00:00:00Z", true),
            ("2026-11-21T06:00:00Z", false),
        ],
    );
}

#[test]
fn a_missing_local_time_is_the_next_valid_minute() {
    // On 2026-03-29 clocks in Berlin go from 02:00 to 03:00, at 01:00 UTC.
    check(
        "[{ from: 02:30, until: 03:15, zone: Europe/Berlin }]",
        &[
            ("2026-03-29T00:59:59Z", false),
            ("2026-03-29T01:00:00Z", true),
            ("2026-03-29T01:14:59Z", true),
            ("2026-03-29T01:15:00Z", false),
        ],
    );
    // Both ends are left out: the window is empty on that day.
    check(
        "[{ from: 02:10, until: 02:50, zone: Europe/Berlin }]",
        &[("2026-03-29T01:00:00Z", false), ("2026-03-30T00:20:00Z", true)],
    );
}

#[test]
fn the_first_of_two_local_times_counts() {
    // On 2026-10-25 clocks in Berlin go from 03:00 to 02:00, at 01:00 UTC.
    check(
        "[{ from: 02:30, until: 02:45, zone: Europe/Berlin }]",
        &[
            ("2026-10-25T00:30:00Z", true),
            ("2026-10-25T00:45:00Z", false),
            ("2026-10-25T01:35:00Z", false),
        ],
    );
}

#[test]
fn the_next_opening_is_found() {
    let windows =
        windows("[{ days: mon, from: 09:00, zone: Europe/Berlin }, { days: tue, from: 08:00, zone: UTC }]");
    for (now, opens) in [
        ("2026-11-21T12:00:00Z", "2026-11-23T08:00:00Z"),
        ("2026-11-23T08:30:00Z", "2026-11-23T08:30:00Z"),
        ("2026-11-23T23:30:00Z", "2026-11-24T08:00:00Z"),
    ] {
        assert_eq!(next_opening(&windows, at(now)), Some(at(opens)), "{now}");
    }
}
