//! The content of `/metrics`.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::outcome::RequestOutcome;
use rules::Cause;

const AT: SystemTime = UNIX_EPOCH;

fn at(seconds: u64) -> SystemTime {
    AT + Duration::from_secs(seconds)
}

/// The page without comments, the process's own figures and what changes with the clock.
fn page(metrics: &Metrics) -> Vec<String> {
    let page = metrics.render().unwrap();
    let noise = |line: &str| {
        line.starts_with('#')
            || line.starts_with("process_")
            || line.starts_with("sluice_snapshot_age_seconds")
    };
    page.lines()
        .filter(|line| !noise(line))
        .map(str::to_owned)
        .collect()
}

fn check(metrics: &Metrics, line: &str) {
    let page = page(metrics);
    assert!(
        page.iter().any(|found| found == line),
        "`{line}` is not in\n{}",
        page.join("\n")
    );
}

fn check_absent(metrics: &Metrics, text: &str) {
    let page = metrics.render().unwrap();
    assert!(!page.contains(text), "`{text}` is in\n{page}");
}

#[test]
fn requests_are_shown_by_route_outcome_and_class() {
    let metrics = Metrics::new();
    let meters = metrics.prepare(["board"], []);
    metrics.publish(Arc::clone(&meters), "r1", at(1));
    meters
        .route(0)
        .observe(RequestOutcome::Forwarded, 200, Duration::from_millis(20));
    meters
        .route(0)
        .observe(RequestOutcome::Forwarded, 201, Duration::from_millis(2));
    meters
        .unmatched()
        .observe(RequestOutcome::Unmatched, 404, Duration::ZERO);
    check(
        &metrics,
        r#"sluice_requests_total{route="board",outcome="forwarded",status="2xx"} 2"#,
    );
    check(
        &metrics,
        r#"sluice_requests_total{route="_unmatched",outcome="unmatched",status="4xx"} 1"#,
    );
    check(
        &metrics,
        r#"sluice_request_duration_seconds_count{route="board"} 2"#,
    );
    check(
        &metrics,
        r#"sluice_request_duration_seconds_bucket{route="board",le="0.01"} 1"#,
    );
    check(
        &metrics,
        r#"sluice_request_duration_seconds_bucket{route="board",le="0.025"} 2"#,
    );
    check(
        &metrics,
        r#"sluice_request_duration_seconds_sum{route="board"} 0.022"#,
    );
}

#[test]
fn decisions_are_shown_by_flag_variant_and_cause() {
    let metrics = Metrics::new();
    let meters = metrics.prepare([], [Some(("dispatch.v2Board", vec!["off", "on"]))]);
    metrics.publish(Arc::clone(&meters), "r1", at(1));
    meters.flag(0).unwrap().count(1, Cause::Rollout);
    let line = r#"sluice_flag_decisions_total{flag="dispatch.v2Board",variant="on",cause="rollout"} 1"#;
    check(&metrics, line);
}

#[test]
fn removed_routes_and_flags_are_not_exported() {
    let metrics = Metrics::new();
    let before = metrics.prepare(["old", "kept"], [Some(("old.flag", vec!["off", "on"]))]);
    metrics.publish(Arc::clone(&before), "r1", at(1));
    let observe = |meters: &Meters| {
        meters
            .route(0)
            .observe(RequestOutcome::Forwarded, 200, Duration::ZERO);
        meters
            .route(1)
            .observe(RequestOutcome::Forwarded, 200, Duration::ZERO);
        meters.flag(0).unwrap().count(1, Cause::Rule);
    };
    observe(&before);
    let after = metrics.prepare(["new", "kept"], [Some(("new.flag", vec!["off", "on"]))]);
    check(
        &metrics,
        r#"sluice_requests_total{route="old",outcome="forwarded",status="2xx"} 1"#,
    );
    metrics.publish(Arc::clone(&after), "r2", at(2));
    // A request that began before the reload ends after it.
    observe(&before);
    observe(&after);
    check_absent(&metrics, "old");
    check_absent(&metrics, r#"revision="r1""#);
    check(
        &metrics,
        r#"sluice_requests_total{route="kept",outcome="forwarded",status="2xx"} 3"#,
    );
    check(
        &metrics,
        r#"sluice_requests_total{route="new",outcome="forwarded",status="2xx"} 1"#,
    );
}

#[test]
fn unpublished_meters_change_no_metrics() {
    let metrics = Metrics::new();
    let served = metrics.prepare(["a"], [Some(("f", vec!["off", "on"]))]);
    metrics.publish(Arc::clone(&served), "r1", at(1));
    let refused = metrics.prepare(["b"], [Some(("f", vec!["off", "red"]))]);
    refused
        .route(0)
        .observe(RequestOutcome::Forwarded, 200, Duration::ZERO);
    served.flag(0).unwrap().count(1, Cause::Tier);
    check_absent(&metrics, r#"route="b""#);
    check(
        &metrics,
        r#"sluice_flag_decisions_total{flag="f",variant="on",cause="tier"} 1"#,
    );
}

#[test]
fn the_snapshot_is_shown_with_its_revision_and_age() {
    let metrics = Metrics::new();
    check_absent(&metrics, "sluice_snapshot_info");
    metrics.publish(metrics.prepare([], []), "3f9c", at(1_700_000_000));
    check(&metrics, r#"sluice_snapshot_info{revision="3f9c"} 1"#);
    check(&metrics, "sluice_snapshot_loaded_timestamp_seconds 1700000000");
    let page = metrics.render().unwrap();
    let age = page
        .lines()
        .find_map(|line| line.strip_prefix("sluice_snapshot_age_seconds "))
        .unwrap();
    assert!(age.parse::<f64>().unwrap() > 1_000_000.0, "{age}");
}

#[test]
fn reloads_are_counted_by_result_with_the_last_times() {
    let metrics = Metrics::new();
    check(&metrics, "sluice_reload_last_failure_timestamp_seconds 0");
    metrics.reloads.count(ReloadResult::Applied, at(10));
    metrics.reloads.count(ReloadResult::Refused, at(20));
    metrics.reloads.count(ReloadResult::Refused, at(30));
    metrics.reloads.count(ReloadResult::Unchanged, at(40));
    check(&metrics, r#"sluice_reloads_total{result="applied"} 1"#);
    check(&metrics, r#"sluice_reloads_total{result="refused"} 2"#);
    check(&metrics, r#"sluice_reloads_total{result="unchanged"} 1"#);
    check(&metrics, "sluice_reload_last_success_timestamp_seconds 10");
    check(&metrics, "sluice_reload_last_failure_timestamp_seconds 30");
}

#[test]
fn the_other_counters_are_shown() {
    let metrics = Metrics::new();
    metrics.requests.rejections.count("TENANT_MISSING");
    metrics.tokens.verifications.count("ok");
    metrics.requests.panics.inc();
    metrics.requests.truncated_headers.inc();
    check(&metrics, r#"sluice_rejections_total{reason="TENANT_MISSING"} 1"#);
    check(&metrics, r#"sluice_token_verifications_total{result="ok"} 1"#);
    check(&metrics, r#"sluice_token_cache_total{result="hit"} 0"#);
    check(&metrics, "sluice_panics_total 1");
    check(&metrics, "sluice_truncated_flag_headers_total 1");
    check(
        &metrics,
        &format!(
            r#"sluice_build_info{{version="{}"}} 1"#,
            env!("CARGO_PKG_VERSION")
        ),
    );
    if cfg!(target_os = "linux") {
        assert!(
            metrics
                .render()
                .unwrap()
                .contains("process_resident_memory_bytes")
        );
    }
}

#[test]
fn every_name_has_a_help_and_the_prefix_and_is_shown_once() {
    let metrics = Metrics::new();
    let meters = metrics.prepare(["a", "b"], [Some(("f", vec!["off", "on"]))]);
    metrics.publish(Arc::clone(&meters), "r1", at(1));
    for route in 0..2 {
        meters
            .route(route)
            .observe(RequestOutcome::Forwarded, 200, Duration::ZERO);
    }
    meters.flag(0).unwrap().count(0, Cause::Default);
    let page = metrics.render().unwrap();
    let mut samples = std::collections::HashSet::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (sample, _) = line.rsplit_once(' ').unwrap();
        assert!(
            sample.starts_with("sluice_") || sample.starts_with("process_"),
            "{line}"
        );
        assert!(samples.insert(sample), "{line} is there twice");
    }
    let mut families = std::collections::HashSet::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
        let (name, help) = line.split_once(' ').unwrap();
        assert!(families.insert(name) && !help.is_empty(), "{line}");
    }
}

#[test]
fn two_proxies_in_one_process_have_separate_metrics() {
    let (one, other) = (Metrics::new(), Metrics::new());
    one.requests.panics.inc();
    check(&one, "sluice_panics_total 1");
    check(&other, "sluice_panics_total 0");
}
