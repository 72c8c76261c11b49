//! Tests of documents that are refused beyond their shape: cycles, depth and cost.

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

/// Returns `count` flags, each requiring the one before.
fn chain(count: usize) -> String {
    let flag = |n: usize| match n {
        0 => "  f0: {}\n".to_owned(),
        n => format!("  f{n}: {{ requires: [f{}] }}\n", n - 1),
    };
    format!("version: 1\nflags:\n{}", (0..count).map(flag).collect::<String>())
}

#[test]
fn requirements_have_a_maximum_depth_reported_once() {
    assert_eq!(codes(&chain(MAX_NESTING + 1)), [""; 0]);
    assert_eq!(codes(&chain(MAX_NESTING + 2)), ["nesting"]);
    assert_eq!(codes(&chain(2 * MAX_NESTING)), ["nesting"]);
}

#[test]
fn a_chain_of_ten_thousand_requirements_is_refused() {
    assert!(codes(&chain(10_000)).iter().all(|code| code == "nesting"));
}

#[test]
fn cyclic_requirements_are_reported_with_other_problems() {
    let circle = "version: 1\nflags:\n  a: { requires: [b] }\n  b: { requires: [c] }\n  c: { requires: [a] }\n  d: { requires: [d] }\n  e: { requires: [a] }\n";
    assert_eq!(codes(circle), ["flag-cycle", "flag-cycle"]);
    let with_more = format!("{circle}  f: {{ default: maybe }}\n");
    assert_eq!(codes(&with_more), ["flag-cycle", "flag-cycle", "unknown-variant"]);
    let segments = "version: 1\nsegments:\n  a: { not: { segment: b } }\n  b: { all: [{ segment: a }, { attribute: x, exists: true }] }\nflags: {}\n";
    assert_eq!(codes(segments), ["segment-cycle"]);
}

#[test]
fn decision_has_a_maximum_cost() {
    // Each segment refers to the one below it ten times: 10^6 clauses at the sixth.
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

#[test]
fn texts_to_contain_without_case_may_be_long() {
    let texts: Vec<String> = (0..20).map(|n| format!("\"{n}{}\"", "kS".repeat(500))).collect();
    let document = format!(
        "version: 1\nflags:\n  f: {{ lifecycle: ga, rules: [{{ when: {{ attribute: x, contains: [{}], fold: true }}, serve: on }}] }}\n",
        texts.join(", ")
    );
    assert_eq!(codes(&document), [""; 0]);
}

/// Returns flags of rules with these expressions, 10 in a flag.
fn matching(expressions: impl IntoIterator<Item = String>) -> String {
    let expressions: Vec<String> = expressions.into_iter().collect();
    let rule = |text: &String| format!("{{ when: {{ attribute: x, matches: '{text}' }}, serve: on }}");
    let flag = |(n, rules): (usize, &[String])| {
        let rules: Vec<String> = rules.iter().map(rule).collect();
        format!("  f{n}: {{ rules: [{}] }}\n", rules.join(", "))
    };
    let flags = expressions.chunks(10).enumerate().map(flag);
    format!("version: 1\nflags:\n{}", flags.collect::<String>())
}

#[test]
fn expressions_of_a_document_share_one_limit() {
    // Each has an automaton of about 1 MiB.
    let large = |n: usize| format!("x{n}(?s).*a.{{8}}");
    assert_eq!(codes(&matching((0..10).map(large))), [""; 0]);
    assert_eq!(codes(&matching((0..500).map(large))), ["invalid-pattern"]);
    // One expression is compiled once, however often it is written.
    assert_eq!(codes(&matching((0..500).map(|_| large(0)))), [""; 0]);
    // Expressions that are rejected count, too: each costs up to a second.
    let oversized = |n: usize| format!("x{n}[01]*1[01]{{40}}");
    let found = codes(&matching((0..500).map(oversized)));
    assert!((1..20).contains(&found.len()), "{found:?}");
    let broken = codes(&matching((0..2_000).map(|n| format!("{n}("))));
    assert_eq!(broken.len(), 200, "the most that a report shows");
}

/// Returns the problems of one flag.
fn flag(body: &str) -> Vec<String> {
    codes(&format!("version: 1\nflags:\n  f: {{ {body} }}\n"))
}

#[test]
fn names_have_a_maximum_length_and_an_alphabet() {
    let key = |key: &str| codes(&format!("version: 1\nflags: {{ ? {key:?} : {{}} }}\n"));
    assert_eq!(key(&"k".repeat(128)), [""; 0]);
    assert_eq!(key(&"k".repeat(129)), ["invalid-flag-key"]);
    for wrong in ["a/b", "1a", "a b", "ä", ".a"] {
        assert_eq!(key(wrong), ["invalid-flag-key"], "{wrong}");
    }
    let tenant = |id: &str| {
        codes(&format!(
            "version: 1\nflags: {{}}\ntenants: {{ ? {id:?} : {{}} }}\n"
        ))
    };
    assert_eq!(tenant(&"t".repeat(128)), [""; 0]);
    assert_eq!(tenant(&"t".repeat(129)), ["invalid-tenant-id"]);
    assert_eq!(tenant("a b"), ["invalid-tenant-id"]);
    assert_eq!(flag(&format!("salt: {}", "s".repeat(128))), [""; 0]);
    assert_eq!(flag(&format!("salt: {}", "s".repeat(129))), ["limit"]);
}

#[test]
fn a_percentage_is_exactly_its_thousandths() {
    let rollout = |percentage: &str| flag(&format!("rollout: {{ percentage: {percentage} }}"));
    for good in ["0", "100", "0.001", "33.333", "99.999", "0.1", "12.34"] {
        assert_eq!(rollout(good), [""; 0], "{good}");
    }
    for fine in [
        "33.3333",
        "0.0001",
        "99.9999999999",
        "0.0000000001",
        "33.33300000001",
    ] {
        assert_eq!(rollout(fine), ["invalid-percentage"], "{fine}");
    }
    for outside in ["-0.001", "100.001"] {
        assert_eq!(rollout(outside), ["invalid-percentage"], "{outside}");
    }
}

#[test]
fn schedule_must_start_before_it_ends() {
    let schedule = |until: &str| {
        flag(&format!(
            "schedule: {{ from: 2026-01-01T00:00:00Z, until: {until} }}"
        ))
    };
    assert_eq!(schedule("2026-01-01T00:00:00.001Z"), [""; 0]);
    assert_eq!(schedule("2026-01-01T00:00:00Z"), ["empty-schedule"]);
    assert_eq!(schedule("2026-01-01T00:30:00+01:00"), ["empty-schedule"]);
}

#[test]
fn conditions_have_a_maximum_depth() {
    let nested = |depth: usize| {
        let (open, close) = ("{ not: ".repeat(depth - 1), " }".repeat(depth - 1));
        flag(&format!(
            "rules: [{{ when: {open}{{ attribute: x, exists: true }}{close}, serve: on }}]"
        ))
    };
    assert_eq!(nested(MAX_NESTING), [""; 0]);
    assert_eq!(nested(MAX_NESTING + 1), ["nesting"]);
}

#[test]
fn flag_has_a_maximum_number_of_rules() {
    let rules = |count: usize| {
        let rule = "{ when: { attribute: x, exists: true }, serve: on }";
        flag(&format!("rules: [{}]", vec![rule; count].join(", ")))
    };
    assert_eq!(rules(1_000), [""; 0]);
    assert_eq!(rules(1_001), ["limit"]);
}

#[test]
fn an_undefined_tier_is_unknown_in_a_clause_too() {
    let clause = |clause: &str| {
        let document = "version: 1\ntiers: [t1]\nflags:\n  f: { rules: [{ when: { attribute: tier, CLAUSE }, serve: on }] }\n";
        codes(&document.replace("CLAUSE", clause))
    };
    assert_eq!(clause("eq: t1"), [""; 0]);
    assert_eq!(clause("prefix: t"), [""; 0]);
    for unknown in ["eq: t9", "ne: t9", "in: [t1, t9]", "not_in: [t9]"] {
        assert_eq!(clause(unknown), ["unknown-tier"], "{unknown}");
    }
}

#[test]
fn every_problem_of_a_tenant_and_of_a_flag_is_found_at_once() {
    let tenant = "version: 1\nflags: { a: {} }\ntenants:\n  t: { tier: z, overrides: { a: maybe, zz: on }, beta: [nope], attributes: { tenant: 1 } }\n";
    let mut found = codes(tenant);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "reserved-attribute",
            "unknown-flag",
            "unknown-flag",
            "unknown-tier",
            "unknown-variant"
        ]
    );
    let mut found = flag("rollout: { percentage: 101 }, schedule: { from: x }, expires: y");
    found.sort_unstable();
    assert_eq!(found, ["invalid-date", "invalid-percentage", "invalid-time"]);
    let deep = chain(MAX_NESTING + 2) + "  g: { default: maybe }\n";
    assert_eq!(codes(&deep), ["nesting", "unknown-variant"]);
}
