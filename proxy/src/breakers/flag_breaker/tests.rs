use rules::Decimal;

use super::super::process_breakers::MAX_OPEN;
use super::*;

const SECOND: u64 = 1_000_000;
const ACME: (u64, &str) = (1, "acme");
const GLOBEX: (u64, &str) = (2, "globex");

fn settings(requests: u32) -> Breaker {
    Breaker {
        errors: Decimal::from(50_u64),
        requests,
        for_ms: 900_000,
        dry_run: false,
    }
}

fn breaker(settings: Breaker) -> (FlagBreaker, Arc<ProcessBreakers>) {
    let process = ProcessBreakers::new();
    (FlagBreaker::new("board", settings, &process), process)
}

/// Counts requests of a tenant at a time, each a second long; the errors last.
fn count(breaker: &FlagBreaker, tenant: (u64, &str), at: u64, good: usize, errors: usize) {
    let ends = std::iter::repeat_n(false, good).chain(std::iter::repeat_n(true, errors));
    for is_error in ends {
        let begun = (at * SECOND).saturating_sub(SECOND);
        breaker.count(tenant, (begun, at * SECOND), is_error);
    }
}

fn events(process: &ProcessBreakers) -> Vec<(BreakerEventKind, String, u64, u64)> {
    let (events, dropped) = process.take_events();
    assert_eq!(dropped, 0);
    let event = |event: BreakerEvent| (event.kind, event.tenant.to_string(), event.requests, event.errors);
    events.into_iter().map(event).collect()
}

/// Sends requests at a time until one is let through, and returns the number of those before it.
fn await_trial(breaker: &FlagBreaker, tenant: (u64, &str), at: u64) -> usize {
    (0..20)
        .position(|_| !breaker.refuses(tenant.0, at * SECOND, true))
        .expect("one in ten is let through")
}

/// Makes trials of a half-open breaker.
fn try_with(breaker: &FlagBreaker, tenant: (u64, &str), at: u64, is_error: bool) {
    await_trial(breaker, tenant, at);
    breaker.count(tenant, (at * SECOND, (at + 1) * SECOND), is_error);
}

#[test]
fn a_breaker_opens_at_its_share_of_errors() {
    let (breaker, process) = breaker(settings(20));
    // Too few requests, then too few errors among enough.
    count(&breaker, ACME, 10, 0, 9);
    assert!(!breaker.refuses(1, 11 * SECOND, true));
    count(&breaker, ACME, 12, 10, 0);
    assert!(!breaker.refuses(1, 13 * SECOND, true));
    count(&breaker, ACME, 14, 0, 1);
    assert!(breaker.refuses(1, 15 * SECOND, true));
    assert_eq!((breaker.open(), breaker.openings(), process.open()), (1, 1, 1));
    assert_eq!(
        events(&process),
        [(BreakerEventKind::Opened, "acme".into(), 20, 10)]
    );
    // It stays open until its time is over.
    assert!(breaker.refuses(1, (14 + 900) * SECOND - 1, true));
}

#[test]
fn a_success_that_completes_the_sample_opens_it() {
    let (breaker, _) = breaker(settings(20));
    count(&breaker, ACME, 10, 0, 10);
    count(&breaker, ACME, 11, 10, 0);
    assert!(breaker.refuses(1, 12 * SECOND, true));
}

#[test]
fn only_the_tenant_with_errors_loses_the_flag() {
    let (breaker, _) = breaker(settings(20));
    count(&breaker, GLOBEX, 10, 1_000, 10);
    count(&breaker, ACME, 10, 0, 20);
    assert!(breaker.refuses(ACME.0, 11 * SECOND, true));
    assert!(!breaker.refuses(GLOBEX.0, 11 * SECOND, true));
    assert!(breaker.is_open(ACME.0) && !breaker.is_open(GLOBEX.0));
}

#[test]
fn an_old_error_no_longer_counts() {
    let (breaker, process) = breaker(settings(20));
    count(&breaker, ACME, 4, 0, 19);
    count(&breaker, ACME, 66, 5, 14);
    assert!(!breaker.refuses(1, 67 * SECOND, true));
    count(&breaker, ACME, 67, 0, 1);
    assert_eq!(
        events(&process),
        [(BreakerEventKind::Opened, "acme".into(), 20, 15)]
    );
}

#[test]
fn a_half_open_breaker_closes_after_five_good_trials() {
    let (breaker, process) = breaker(Breaker {
        for_ms: 10_000,
        ..settings(20)
    });
    count(&breaker, ACME, 10, 0, 20);
    for trial in 0..5 {
        assert_eq!(process.open(), 1);
        try_with(&breaker, ACME, 30 + trial, false);
    }
    assert_eq!((breaker.open(), process.open()), (0, 0));
    assert!((0..100).all(|_| !breaker.refuses(1, 36 * SECOND, true)));
    let kinds: Vec<_> = events(&process).into_iter().map(|event| event.0).collect();
    assert_eq!(
        kinds,
        [
            BreakerEventKind::Opened,
            BreakerEventKind::HalfOpened,
            BreakerEventKind::Closed
        ]
    );
    // The errors before it opened are forgotten.
    count(&breaker, ACME, 40, 15, 4);
    assert!(!breaker.refuses(1, 41 * SECOND, true));
}

#[test]
fn a_half_open_breaker_opens_again_if_a_trial_fails() {
    let (breaker, process) = breaker(settings(20));
    count(&breaker, ACME, 10, 0, 20);
    for trial in 0..4 {
        try_with(&breaker, ACME, 1_000 + trial, false);
    }
    try_with(&breaker, ACME, 1_010, true);
    assert!((0..100).all(|_| breaker.refuses(1, 1_910 * SECOND, true)));
    assert_eq!((breaker.open(), breaker.openings(), process.open()), (1, 2, 1));
    let last = events(&process).pop();
    assert_eq!(last, Some((BreakerEventKind::Opened, "acme".into(), 1, 1)));
    // The good trials before are forgotten, too.
    for trial in 0..4 {
        try_with(&breaker, ACME, 1_920 + trial, false);
    }
    assert_eq!(process.open(), 1);
    try_with(&breaker, ACME, 1_930, false);
    assert_eq!(process.open(), 0);
}

#[test]
fn requests_from_before_a_change_do_not_count() {
    let (breaker, process) = breaker(settings(20));
    count(&breaker, ACME, 10, 0, 20);
    await_trial(&breaker, ACME, 1_000);
    // It began before the breaker opened, and ended while it is half-open.
    breaker.count(ACME, (9 * SECOND, 1_001 * SECOND), true);
    assert_eq!(breaker.openings(), 1);
    for trial in 0..5 {
        try_with(&breaker, ACME, 1_002 + trial, false);
    }
    assert_eq!(process.open(), 0);
    for _ in 0..40 {
        breaker.count(ACME, (1_003 * SECOND, 1_010 * SECOND), true);
    }
    assert_eq!(process.open(), 0);
}

#[test]
fn at_most_ten_thousand_breakers_are_open() {
    let process = ProcessBreakers::new();
    let flags = ["board", "theme"].map(|flag| FlagBreaker::new(flag, settings(1), &process));
    let tenants = MAX_OPEN as u64 / 2;
    for flag in &flags {
        for tenant in 0..tenants + 10 {
            // Spread as hashes are.
            let hash = crate::split_mix::mix(tenant + 1);
            flag.count((hash, "x"), (SECOND, 2 * SECOND), true);
            let _ = process.take_events();
        }
    }
    assert_eq!(process.open(), MAX_OPEN);
    let flag = &flags[1];
    let late = crate::split_mix::mix(tenants + 9);
    assert!(!flag.refuses(late, 3 * SECOND, true));
    // One event was sent above, and another one follows once a breaker has closed.
    flag.count((late, "x"), (2 * SECOND, 3 * SECOND), true);
    assert_eq!(events(&process), []);
    let first = crate::split_mix::mix(1);
    for trial in 0..5 {
        try_with(&flags[0], (first, "x"), 1_000 + trial, false);
    }
    flag.count((late, "x"), (1_009 * SECOND, 1_010 * SECOND), true);
    assert!(flag.refuses(late, 1_011 * SECOND, true));
    let next = crate::split_mix::mix(tenants + 8);
    let _ = process.take_events();
    flag.count((next, "x"), (1_009 * SECOND, 1_010 * SECOND), true);
    assert_eq!(
        events(&process),
        [(BreakerEventKind::LimitReached, "x".into(), 1, 1)]
    );
    drop(flags);
    assert_eq!(process.open(), 0);
}

#[test]
fn a_dry_run_reports_and_never_opens() {
    let (breaker, process) = breaker(Breaker {
        dry_run: true,
        ..settings(20)
    });
    count(&breaker, ACME, 10, 0, 60);
    assert!(!breaker.refuses(1, 11 * SECOND, true) && !breaker.is_open(1));
    assert_eq!((breaker.open(), breaker.openings(), process.open()), (0, 1, 0));
    assert_eq!(
        events(&process),
        [(BreakerEventKind::WouldHaveOpened, "acme".into(), 20, 20)]
    );
    // After the time that it would have been open, it counts again.
    count(&breaker, ACME, 1_000, 0, 30);
    assert_eq!(
        events(&process),
        [(BreakerEventKind::WouldHaveOpened, "acme".into(), 20, 20)]
    );
}

#[test]
fn a_breaker_whose_tenant_is_gone_closes_after_an_hour() {
    let (breaker, process) = breaker(settings(20));
    count(&breaker, ACME, 10, 0, 20);
    await_trial(&breaker, ACME, 1_000);
    breaker.close_idle((1_000 + 3_599) * SECOND);
    assert_eq!(process.open(), 1);
    breaker.close_idle((1_000 + 3_600) * SECOND);
    assert_eq!((breaker.open(), process.open()), (0, 0));
    assert_eq!(
        events(&process).pop().map(|event| event.0),
        Some(BreakerEventKind::Closed)
    );
}

#[test]
fn threads_open_and_close_a_breaker_once() {
    let (breaker, process) = breaker(settings(20));
    let in_threads = |begun: u64, is_error: bool| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        if !breaker.refuses(1, begun, true) {
                            breaker.count(ACME, (begun, begun + 1), is_error);
                        }
                    }
                });
            }
        });
    };
    in_threads(SECOND, true);
    assert_eq!((breaker.open(), process.open()), (1, 1));
    in_threads(1_000 * SECOND, false);
    assert_eq!((breaker.open(), process.open()), (0, 0));
    let kinds: Vec<_> = events(&process).into_iter().map(|event| event.0).collect();
    assert_eq!(
        kinds,
        [
            BreakerEventKind::Opened,
            BreakerEventKind::HalfOpened,
            BreakerEventKind::Closed
        ]
    );
}

/// A tenant whose place in the table is the first one of acme, too.
const RIVAL: (u64, &str) = (ACME.0 + (1 << 15), "rival");

#[test]
fn an_entry_without_a_place_opens_no_breaker() {
    let (breaker, process) = breaker(settings(1));
    count(&breaker, ACME, 10, 1, 0);
    // A request of acme has found the entry when another tenant takes its place, and ends then.
    let found = breaker.tenants.find_or_take(ACME.0, ACME.1, 11 * SECOND).unwrap();
    count(&breaker, RIVAL, 200, 1, 0);
    let times = RequestTimes {
        begun: 11 * SECOND,
        ended: 200 * SECOND,
    };
    breaker.count_for(found.as_deref().unwrap(), times, true);
    assert_eq!((breaker.open(), process.open(), process.uncounted()), (0, 0, 1));
    assert!(events(&process).is_empty());
    // The next request of acme has an entry with a place.
    count(&breaker, ACME, 201, 0, 1);
    assert!(breaker.is_open(ACME.0) && !breaker.is_open(RIVAL.0));
    assert_eq!((breaker.open(), process.open()), (1, 1));
    breaker.close_idle(10_000 * SECOND);
    assert_eq!((breaker.open(), process.open()), (0, 0));
}

#[test]
fn an_entry_that_opens_keeps_its_place() {
    let (breaker, process) = breaker(settings(1));
    count(&breaker, ACME, 10, 1, 0);
    let found = breaker.tenants.find_or_take(ACME.0, ACME.1, 11 * SECOND).unwrap();
    // The request ends before the other tenant asks for a place.
    let times = RequestTimes {
        begun: 11 * SECOND,
        ended: 12 * SECOND,
    };
    breaker.count_for(found.as_deref().unwrap(), times, true);
    count(&breaker, RIVAL, 200, 1, 0);
    assert!(breaker.is_open(ACME.0));
    assert_eq!((breaker.open(), process.open()), (1, 1));
}

/// Tenants that share one place take it from each other while each of their requests opens its breaker.
#[test]
fn every_open_breaker_of_many_threads_can_be_closed() {
    let (breaker, process) = breaker(settings(1));
    let (breaker, steps) = (&breaker, 2_000);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            scope.spawn(move || {
                for step in 0..steps {
                    let tenant = ((thread * steps + step) << 15, "any");
                    let at = step * 70;
                    count(breaker, tenant, at, 1, 0);
                    breaker.count(tenant, (at * SECOND, (at + 69) * SECOND), step % 50 == 0);
                }
            });
        }
    });
    breaker.close_idle(u64::MAX >> 10);
    assert_eq!((breaker.open(), process.open()), (0, 0));
    let _ = process.take_events();
}
