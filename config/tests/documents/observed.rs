//! Flags that routes observe beside those of their gates.

use std::fmt::Write as _;
use std::fs;

use config::Report;

/// Returns the report for routes that each observe eight of `count` flags.
fn check(count: usize) -> Report {
    let mut flags = "version: 1\nflags:\n".to_owned();
    let mut sluice = "version: 1\nlisteners: [{ name: public, address: \"127.0.0.1:8080\" }]\n\
        flags: { file: flags.yaml }\nupstreams: { api: 127.0.0.1:8081 }\nroutes:\n"
        .to_owned();
    let keys: Vec<String> = (0..count).map(|at| format!("f{at:03}")).collect();
    for key in &keys {
        writeln!(flags, "  {key}: {{ lifecycle: ga }}").unwrap();
    }
    for (at, keys) in keys.chunks(8).enumerate() {
        let keys = keys.join(", ");
        writeln!(
            sluice,
            "  - {{ name: r{at}, match: /r{at}, observe: [{keys}], upstream: api, allow: [ungated-route] }}"
        )
        .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("flags.yaml"), flags).unwrap();
    fs::write(folder.path().join("sluice.yaml"), sluice).unwrap();
    config::check(&folder.path().join("sluice.yaml"), &|_| None, None).report
}

#[test]
fn an_observed_flag_is_used() {
    let report = check(100);
    assert_eq!((report.errors(), report.problems().len()), (0, 0), "{report}");
}

#[test]
fn more_than_a_hundred_observed_flags_are_rejected() {
    let report = check(101);
    let codes: Vec<&str> = report.problems().iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["limit"], "{report}");
    assert!(
        report.to_string().contains("observe more than 100 flags"),
        "{report}"
    );
}
