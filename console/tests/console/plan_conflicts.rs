//! A rollout plan that two visitors edit at the same time.

use axum::http::StatusCode;

use crate::site::{Received, Site};

const DOCUMENT: &str = "
version: 1
tiers: [free]
flags:
  board: { lifecycle: ga, default: off }
tenants:
  acme: { tier: free }
";

const PAGE: &str = "/platform/feature-flags/board/rollout";
const PATHS: [&str; 2] = ["/platform/changes/preview", "/platform/changes"];

fn plan(stage: &str) -> String {
    format!(
        "stages: [{{ name: {stage}, percentage: 10, for: 1h }}]\nchecks: [{{ name: errors, error_rate: {{ above: 1% }}, then: pause }}]\n"
    )
}

/// Submits a plan, as the page of a visitor who saw the plan with this digest does.
fn submit(site: &Site, path: &str, (seen, plan): (&str, &str)) -> Received {
    let fields = [
        ("operation", "rollout-plan"),
        ("flag", "board"),
        ("was.document", seen),
        ("document", plan),
    ];
    site.change(path, &fields)
}

#[test]
fn a_plan_that_others_changed_is_not_overwritten() {
    let site = Site::new(DOCUMENT);
    let (first, second) = (plan("canary"), plan("pilot"));
    let seen = site.get(PAGE).value_of("was.document");
    submit(&site, PATHS[1], (&seen, &first)).location();
    // Without a plan, and with a plan: the page of the second visitor is older than that of the first.
    let newer = site.get(PAGE).value_of("was.document");
    assert_ne!(newer, seen);
    for path in PATHS {
        let conflict = submit(&site, path, (&seen, &second));
        assert_eq!(conflict.status, StatusCode::PRECONDITION_FAILED);
        conflict.says(&[
            "Others changed this since you loaded the page",
            "&#34;canary&#34;",
            "name: pilot, percentage: 10",
        ]);
        conflict.hides(&["button class=\"primary\""]);
        assert_eq!(conflict.value_of("was.document"), newer);
    }
    let third = plan("early");
    submit(&site, PATHS[1], (&newer, &third)).location();
    let conflict = submit(&site, PATHS[0], (&newer, &second));
    assert_eq!(conflict.status, StatusCode::PRECONDITION_FAILED);
    conflict.says(&["&#34;early&#34;"]);
    // After the visitor has seen both, the form is accepted.
    let seen = conflict.value_of("was.document");
    assert_eq!(submit(&site, PATHS[0], (&seen, &second)).status, StatusCode::OK);
    submit(&site, PATHS[1], (&seen, &second)).location();
    site.get(PAGE).says(&["pilot"]).hides(&["early"]);
}
