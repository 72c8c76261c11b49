//! What a document is refused for beyond its shape: circles, depth and cost.

use std::fs;

use rules::{Eligibility, MAX_NESTING};

fn codes(document: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flags.yaml");
    fs::write(&file, document).unwrap();
    match config::load_flags(&file, Eligibility::Enforced) {
        Ok(_) => Vec::new(),
        Err(report) => report
            .problems()
            .iter()
            .map(|problem| problem.code.to_string())
            .collect(),
    }
}

/// `count` flags, each requiring the one before.
fn chain(count: usize) -> String {
    let flag = |n: usize| match n {
        0 => "  f0: {}\n".to_owned(),
        n => format!("  f{n}: {{ requires: [f{}] }}\n", n - 1),
    };
    format!("version: 1\nflags:\n{}", (0..count).map(flag).collect::<String>())
}

#[test]
fn flags_require_each_other_only_so_deep_and_it_is_said_once() {
    assert_eq!(codes(&chain(MAX_NESTING + 1)), [""; 0]);
    assert_eq!(codes(&chain(MAX_NESTING + 2)), ["nesting"]);
    assert_eq!(codes(&chain(2 * MAX_NESTING)), ["nesting"]);
}

#[test]
fn a_chain_of_ten_thousand_requirements_is_refused_and_not_followed() {
    assert!(codes(&chain(10_000)).iter().all(|code| code == "nesting"));
}

#[test]
fn circles_are_named_whatever_else_is_wrong() {
    let circle = "version: 1\nflags:\n  a: { requires: [b] }\n  b: { requires: [c] }\n  c: { requires: [a] }\n  d: { requires: [d] }\n  e: { requires: [a] }\n";
    assert_eq!(codes(circle), ["flag-cycle", "flag-cycle"]);
    let with_more = format!("{circle}  f: {{ default: maybe }}\n");
    assert_eq!(codes(&with_more), ["flag-cycle", "flag-cycle", "unknown-variant"]);
    let segments = "version: 1\nsegments:\n  a: { not: { segment: b } }\n  b: { all: [{ segment: a }, { attribute: x, exists: true }] }\nflags: {}\n";
    assert_eq!(codes(segments), ["segment-cycle"]);
}

#[test]
fn one_decision_costs_only_so_much() {
    // Each segment asks the one below it ten times: 10^6 clauses at the sixth.
    let mut document = String::from("version: 1\nsegments:\n  s0: { attribute: x, exists: true }\n");
    for level in 1..7 {
        let parts = vec![format!("{{ segment: s{} }}", level - 1); 10].join(", ");
        document.push_str(&format!("  s{level}: {{ any: [{parts}] }}\n"));
    }
    document.push_str("flags:\n  f: { lifecycle: ga, rules: [{ when: { segment: s3 }, serve: on }] }\n");
    assert!(
        codes(&document).contains(&"limit".to_owned()),
        "{:?}",
        codes(&document)
    );
}
