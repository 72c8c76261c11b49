use serde_json::json;

use super::*;
use crate::plan::tests::{START, state};

fn flags() -> State {
    state(json!({ "version": 1, "tiers": ["t1"], "flags": {
        "wide": { "lifecycle": "ga", "default": "on", "requires": ["base"] },
        "base": { "lifecycle": "ga", "default": "on" },
        "tiered": { "lifecycle": "ga", "tiers": { "t1": "on" } },
        "opted": { "lifecycle": "ga", "default": "on" },
        "forced": { "lifecycle": "ga", "default": "on" },
        "dead": { "lifecycle": "ga", "default": "on", "enabled": false },
        "beta": { "lifecycle": "beta", "expires": "2026-12-01" },
        "done": { "lifecycle": "retired" },
        "named": { "lifecycle": "retired" },
        "names": { "requires": ["named"] },
    }, "tenants": {
        "acme": { "opt_out": ["opted"], "overrides": { "wide": "on" } },
        "globex": { "overrides": { "forced": "off" }, "beta": ["named"] },
    }}))
}

fn used() -> Usage {
    let flags = [
        "wide", "tiered", "opted", "forced", "dead", "beta", "named", "names",
    ];
    Usage {
        gated: flags.into_iter().map(str::to_owned).collect(),
        since: None,
        decided: BTreeMap::new(),
        times: FlagTimes::Recorded,
    }
}

/// Returns a line for each reason: `flag CODE detail`.
fn reported(usage: &Usage, after_ms: i64) -> Vec<String> {
    let now = Timestamp(START + after_ms);
    let flags = stale(&flags(), now, usage, &StaleLimits::default());
    let lines = flags.into_iter().flat_map(|stale| {
        let flag = stale.flag;
        let line = move |reason: StaleReason| format!("{flag} {} {}", reason.code.as_str(), reason.detail);
        stale.reasons.into_iter().map(line)
    });
    lines.collect()
}

const RETIRED: [&str; 2] = [
    "done RETIRED retired since 2026-11-20 09:14Z, and nothing refers to it: it can be removed",
    "named RETIRED retired since 2026-11-20 09:14Z, still referred to by a gate, names, the record of a tenant",
];

#[test]
fn only_retired_flags_are_stale_at_first() {
    assert_eq!(reported(&used(), 0), RETIRED);
    let mut later = reported(&used(), 14 * DAY_MS);
    later.retain(|line| !line.contains("EXPIRED"));
    assert_eq!(later, RETIRED);
    let unused = reported(&Usage::default(), 14 * DAY_MS);
    assert!(unused.iter().all(|line| !line.contains("UNUSED")));
}

#[test]
fn a_flag_on_for_everyone_for_14_days_is_stale() {
    let after = reported(&used(), 14 * DAY_MS + 1);
    let ga = |flag: &str| {
        format!("{flag} LONG_GA ga since 2026-11-20 09:14Z, on for everyone, and no tenant is excluded")
    };
    let expired = "beta EXPIRED to be removed since 2026-12-01".to_owned();
    let [done, named] = RETIRED.map(str::to_owned);
    assert_eq!(after, [ga("base"), expired, done, named, ga("wide")]);
}

#[test]
fn flags_of_files_are_stale_without_times_that_nobody_saw() {
    let usage = |since| Usage {
        times: FlagTimes::Unknown,
        since,
        ..Usage::default()
    };
    let retired = [
        "done RETIRED retired, and nothing refers to it: it can be removed",
        "named RETIRED retired, still referred to by names, the record of a tenant",
    ];
    let expired = "beta EXPIRED to be removed since 2026-12-01";
    assert_eq!(
        reported(&usage(None), 400 * DAY_MS),
        [&[expired], &retired[..]].concat()
    );
    // The observation began with the process.
    let observed = reported(&usage(Some(Timestamp(START))), 30 * DAY_MS + 1);
    let undecided: Vec<&String> = observed
        .iter()
        .filter(|line| line.contains("UNDECIDED"))
        .collect();
    assert_eq!(undecided[0], "base UNDECIDED no decision since 2026-11-20 09:14Z");
    assert!(
        !observed
            .iter()
            .any(|line| line.contains("LONG_GA") || line.contains("UNUSED"))
    );
}

#[test]
fn a_flag_expires_at_the_end_of_its_day() {
    let midnight = Timestamp::parse("2026-12-02T00:00:00Z").unwrap().0 - START;
    let is_expired = |after| {
        reported(&used(), after)
            .iter()
            .any(|line| line.contains("EXPIRED"))
    };
    assert!(!is_expired(midnight - 1));
    assert!(is_expired(midnight));
}

#[test]
fn a_flag_without_a_gate_is_unused_unless_required() {
    let usage = Usage {
        gated: BTreeSet::from(["wide".to_owned()]),
        ..Usage::default()
    };
    let reported = reported(&usage, 14 * DAY_MS + 1);
    let unused: Vec<&str> = reported
        .iter()
        .filter_map(|line| line.strip_suffix(" UNUSED no gate names it, nor a flag that requires it"))
        .collect();
    assert_eq!(unused, ["beta", "dead", "forced", "names", "opted", "tiered"]);
}

#[test]
fn a_flag_without_decisions_for_30_days_is_stale() {
    let undecided = |since_ms: i64, after_ms| {
        let usage = Usage {
            since: Some(Timestamp(START + since_ms)),
            decided: BTreeMap::from([("beta".to_owned(), Timestamp(START + DAY_MS))]),
            ..used()
        };
        let reported = reported(&usage, after_ms).into_iter();
        let reported: Vec<String> = reported.filter(|line| line.contains("UNDECIDED")).collect();
        reported
    };
    assert_eq!(undecided(0, 30 * DAY_MS), [""; 0]);
    let after = undecided(0, 30 * DAY_MS + 1);
    assert_eq!(after.len(), 7);
    assert_eq!(after[0], "base UNDECIDED no decision since 2026-11-20 09:14Z");
    assert_eq!(
        undecided(0, 31 * DAY_MS + 1)[1],
        "beta UNDECIDED last decided 2026-11-21 09:14Z"
    );
    assert_eq!(
        undecided(-DAY_MS, 30 * DAY_MS),
        [""; 0],
        "it can't be older than the flag"
    );
    assert_eq!(
        undecided(20 * DAY_MS, 31 * DAY_MS),
        [""; 0],
        "the process is too young"
    );
}
