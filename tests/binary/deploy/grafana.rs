//! deploy/grafana. Grafana is not available here: the dashboards are checked against its schema, and not rendered. The alert
//! walk-through asks a real Prometheus the queries of every panel.

use std::path::Path;

use super::{repository, run, tool};

#[test]
fn dashboards_are_what_the_script_writes() {
    run(Path::new("python3"), ["deploy/grafana/dashboards.py", "--check"]).unwrap();
}

#[test]
fn dashboards_fit_the_schema_of_grafana() {
    let Some(_) = tool(&["target/grafana-schema/node_modules/.bin/tsc"]) else {
        return;
    };
    let printed = run::<&str>(&repository("deploy/grafana/check-schema"), []).unwrap();
    assert!(printed.ends_with("4 dashboards fit the schema\n"), "{printed}");
}
