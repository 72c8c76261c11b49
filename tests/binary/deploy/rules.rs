//! deploy/prometheus: the rules, and the runbooks that they name.

use std::fs;

use super::{repository, run, tool};

/// The name of each alert, with the lines of its rule.
fn alerts() -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(repository("deploy/prometheus/rules.yaml")).unwrap();
    let mut alerts: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("- alert: ") {
            alerts.push((name.to_owned(), Vec::new()));
        } else if line.starts_with("- record: ") || line.starts_with("- name: ") {
            continue;
        } else if let Some((_, lines)) = alerts.last_mut() {
            lines.push(line.to_owned());
        }
    }
    assert!(alerts.len() >= 15, "{alerts:?}");
    alerts
}

#[test]
fn the_rules_pass_their_tests() {
    let Some(promtool) = tool(&["target/prometheus/usr/bin/promtool", "/usr/bin/promtool"]) else {
        return;
    };
    run(&promtool, ["check", "rules", "deploy/prometheus/rules.yaml"]).unwrap();
    run(&promtool, ["test", "rules", "deploy/prometheus/rules_test.yaml"]).unwrap();
}

#[test]
fn every_alert_has_a_case_and_a_runbook() {
    let cases = fs::read_to_string(repository("deploy/prometheus/rules_test.yaml")).unwrap();
    for (name, lines) in alerts() {
        let severity = lines
            .iter()
            .find_map(|line| line.strip_prefix("labels: { severity: "));
        assert!(
            matches!(severity, Some("page }" | "ticket }")),
            "{name}: {severity:?}"
        );
        // A case that expects it to fire: its labels follow the name.
        let fires = cases.split("alertname: ").skip(1).any(|case| {
            let case = case.strip_prefix(&*name).unwrap_or_default();
            case.starts_with("\n        exp_alerts:\n          - exp_labels")
        });
        assert!(fires, "no case of rules_test.yaml fires {name}");
        let runbook = lines
            .iter()
            .find_map(|line| line.strip_prefix("runbook: "))
            .unwrap();
        let page = fs::read_to_string(repository(runbook))
            .unwrap_or_else(|error| panic!("{name}: {runbook}: {error}"));
        assert!(
            page.contains(&format!("`{name}`")),
            "{runbook} does not name {name}"
        );
        for heading in ["## Meaning", "## Look here", "## Do this"] {
            assert!(page.contains(heading), "{runbook} has no `{heading}`");
        }
    }
}
