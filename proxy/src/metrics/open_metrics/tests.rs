use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::metrics::Metrics;
use crate::outcome::RequestOutcome;

#[test]
fn counters_histograms_and_exemplars_are_open_metrics() {
    let metrics = Metrics::new();
    let meters = metrics.prepare(["a \"b\" \\"], []);
    metrics.publish(meters.clone(), "r1", SystemTime::now());
    let route = meters.route(0);
    route.observe(RequestOutcome::Forwarded, 200, Duration::from_millis(20));
    route.observe(RequestOutcome::Forwarded, 200, Duration::from_secs(11));
    let at = UNIX_EPOCH + Duration::from_millis(1_700_000_000_042);
    route.note_exemplar(0xABC, Duration::from_millis(20), at);
    let page = metrics.render_open_metrics();
    for line in [
        "# TYPE sluice_requests counter",
        r#"sluice_requests_total{route="a \"b\" \\",outcome="forwarded",status="2xx"} 2"#,
        "# TYPE sluice_request_duration_seconds histogram",
        r#"sluice_request_duration_seconds_bucket{route="a \"b\" \\",le="0.01"} 0"#,
        r#"sluice_request_duration_seconds_bucket{route="a \"b\" \\",le="0.025"} 1 # {trace_id="00000000000000000000000000000abc"} 0.02 1700000000.042"#,
        r#"sluice_request_duration_seconds_bucket{route="a \"b\" \\",le="10.0"} 1"#,
        r#"sluice_request_duration_seconds_bucket{route="a \"b\" \\",le="+Inf"} 2"#,
        r#"sluice_request_duration_seconds_sum{route="a \"b\" \\"} 11.02"#,
        r#"sluice_request_duration_seconds_count{route="a \"b\" \\"} 2"#,
    ] {
        assert!(
            page.lines().any(|found| found == line),
            "`{line}` is not in\n{page}"
        );
    }
    assert!(page.ends_with("\n# EOF\n"), "{page}");
    assert!(
        !metrics.render().unwrap().contains("trace_id"),
        "the text format has no exemplars"
    );
}
