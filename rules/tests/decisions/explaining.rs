//! Tests of explanations: every line of the table, those after the deciding one included, and every clause.

use rules::{Eligibility, StepOutcome, Timestamp, explain};

use crate::test_subject::{NOON, TestSubject, load, load_stored};

const DOCUMENT: &str = "
version: 1
tiers: [tier1, tier2]
segments:
  beta-testers: { attribute: groups, any_of: [beta-testers] }
flags:
  dispatch.core: { lifecycle: ga, tiers: { tier2: on } }
  dispatch.v2Board:
    lifecycle: beta
    requires: [dispatch.core]
    rules:
      - { name: beta testers, when: { segment: beta-testers }, serve: on }
      - { name: large, when: { attribute: seats, gte: 50 }, serve: on }
    rollout: { percentage: 25, by: tenant, audience: { attribute: tier, in: [tier2] } }
    tiers: { tier1: on }
tenants:
  globex: { tier: tier2 }
  pilot: { tier: tier2, channel: latest, beta: [dispatch.v2Board], attributes: { seats: 80 } }
";

/// Returns the explanation, with a line for each step: cause, question, answer, note and outcome.
fn lines(test_subject: &TestSubject) -> Vec<String> {
    lines_of(DOCUMENT, test_subject)
}

fn lines_of(document: &str, test_subject: &TestSubject) -> Vec<String> {
    let loaded = load_stored(document, Eligibility::Enforced);
    let flag = loaded.flags.id("dispatch.v2Board").unwrap();
    let now = Timestamp::parse(NOON).unwrap();
    let explanation = test_subject
        .resolve(&loaded, |subject| explain(&loaded.flags, flag, subject, now))
        .unwrap();
    let mut lines = Vec::new();
    for step in explanation.steps {
        let outcome = match step.outcome {
            StepOutcome::Passed => "passed".to_owned(),
            StepOutcome::Decided => "decided".to_owned(),
            StepOutcome::WouldPass => "would pass".to_owned(),
            StepOutcome::WouldServe(variant) => format!("would serve {}", variant.index()),
        };
        lines.push(format!(
            "{} | {} | {} | {outcome}",
            step.question, step.answer, step.note
        ));
        for clause in step.clauses {
            lines.push(format!(
                "  {} | {:?} | {}",
                clause.clause, clause.found, clause.holds
            ));
        }
    }
    lines
}

#[test]
fn ineligible_tenant_gets_cause_and_remedy() {
    let expected = [
        "enabled | yes |  | passed",
        "requires dispatch.core | on | tier | passed",
        "override | none |  | passed",
        "lifecycle beta | not eligible | channel is stable; not on the allowlist; not opted in | decided",
        "rule `beta testers` | no |  | would pass",
        "  segment beta-testers | Segment | false",
        "  groups any_of [beta-testers] | Missing | false",
        "rule `large` | no |  | would pass",
        "  seats gte 50 | Missing | false",
        "rollout 25 % by tenant | bucket 62,984, not in |  | would pass",
        "  tier in [tier2] | Value(\"\\\"tier2\\\"\") | true",
        "tier tier2 | no default |  | would pass",
        "default | off |  | would serve 1",
    ];
    assert_eq!(lines(&TestSubject::tenant("globex")), expected);
}

#[test]
fn explanation_names_the_deciding_rule_and_its_values() {
    let lines = lines(&TestSubject::tenant("pilot"));
    assert!(
        lines.contains(&"rule `beta testers` | no |  | passed".to_owned()),
        "{lines:#?}"
    );
    assert!(
        lines.contains(&"rule `large` | yes, serves on |  | decided".to_owned()),
        "{lines:#?}"
    );
    assert!(
        lines.contains(&"  seats gte 50 | Value(\"80\") | true".to_owned()),
        "{lines:#?}"
    );
}

#[test]
fn explanation_of_an_anonymous_subject_names_missing_values() {
    let lines = lines(&TestSubject::default());
    assert_eq!(lines[1], "requires dispatch.core | off | default | decided");
    assert!(
        lines.contains(
            &"rollout 25 % by tenant | no usable id in tenant | not in its audience | would pass".to_owned()
        ),
        "{lines:#?}"
    );
}

#[test]
fn the_explanation_of_a_clause_says_why_a_value_cannot_match() {
    let note = |clause: &str, value: rules::AttributeValue| {
        let document = format!(
            "version: 1\nflags: {{ dispatch.v2Board: {{ lifecycle: ga, rules: [{{ when: {{ attribute: x, {clause} }}, serve: on }}] }} }}\n"
        );
        let loaded = load(&document, Eligibility::Enforced);
        let flag = loaded.flags.id("dispatch.v2Board").unwrap();
        let subject = TestSubject::tenant("globex").with("x", value);
        let now = Timestamp::parse(NOON).unwrap();
        let explanation = subject.resolve(&loaded, |subject| explain(&loaded.flags, flag, subject, now));
        let step = explanation.unwrap().steps.swap_remove(3);
        step.clauses[0].note
    };
    let incomplete = Some("not a complete version such as 1.4.0");
    assert_eq!(note("semver: '>=1.4'", "1.5".into()), incomplete);
    assert_eq!(note("semver: '>=1.4'", "v1.5.0".into()), None);
    assert_eq!(note("semver: '>=1.4'", "1.3.0".into()), None);
    let prerelease = note("semver: '>=1.4'", "1.5.0-rc.1".into()).unwrap();
    assert!(prerelease.starts_with("a prerelease"), "{prerelease}");
    assert_eq!(note("gte: 5", "8".into()), Some("not a number"));
    assert_eq!(note("prefix: a", true.into()), Some("not a text"));
    assert_eq!(note("any_of: [a]", "a".into()), Some("not a list"));
    assert_eq!(
        note("ip_in: [10.0.0.0/8]", "ten".into()),
        Some("not an IP address")
    );
    assert_eq!(
        note("before: 2026-12-01T00:00:00Z", "2026-11-30".into()),
        Some("not a time such as 2026-12-01T00:00:00Z")
    );
    assert_eq!(
        note("ne: 1234", "01234".into()),
        Some("of another type than the values of the clause")
    );
    assert_eq!(note("exists: false", "a".into()), None);
}

#[test]
fn a_split_is_explained_with_its_bucket() {
    let step = |flag: &str, index: usize, subject: &TestSubject| {
        let document = format!(
            "version: 1\nflags: {{ dispatch.v2Board: {{ lifecycle: ga, variants: {{ off: 0, a: 1, b: 2 }}, {flag} }} }}\n"
        );
        lines_of(&document, subject).swap_remove(index)
    };
    let halves = "{ split: { a: 50, b: 50 } }";
    let by_user = "{ split: { a: 50, b: 50 }, by: user }";
    let bucket = rules::bucket("dispatch.v2Board/split", "globex");
    let thousands = format!("{},{:03}", bucket / 1_000, bucket % 1_000);
    let served = if bucket < 50_000 { "a" } else { "b" };
    let tenant = TestSubject::tenant("globex");
    assert_eq!(
        step(&format!("default: {halves}"), 3, &tenant),
        format!("default | split bucket {thousands}, serves {served} | split by tenant | decided")
    );
    assert_eq!(
        step(&format!("default: {by_user}"), 3, &tenant),
        "default | off: the subject has no id for its split | split by user | decided"
    );
    let rule = format!("rules: [{{ name: r, when: {{ attribute: tenant, eq: globex }}, serve: {halves} }}]");
    assert_eq!(
        step(&rule, 3, &tenant),
        format!("rule `r` | yes, split bucket {thousands}, serves {served} | split by tenant | decided")
    );
    let rollout = step(
        &format!("rollout: {{ percentage: 100, serve: {halves} }}"),
        3,
        &tenant,
    );
    assert!(
        rollout.ends_with(&format!(
            ", in, split bucket {thousands}, serves {served} | split by tenant | decided"
        )),
        "{rollout}"
    );
}

#[test]
fn an_open_breaker_is_explained() {
    let document = "version: 1\nflags: { dispatch.v2Board: { lifecycle: ga, default: on } }\n";
    let mut broken = TestSubject::tenant("umbrella");
    broken.open_breakers.push("dispatch.v2Board".to_owned());
    let lines = lines_of(document, &broken);
    assert_eq!(lines[1], "circuit breaker | open for this tenant |  | decided");
}

#[test]
fn a_schedule_is_explained_with_its_times() {
    let step = |schedule: &str| {
        let document = format!(
            "version: 1\nflags: {{ dispatch.v2Board: {{ lifecycle: ga, schedule: {{ {schedule} }}, default: on }} }}\n"
        );
        lines_of(&document, &TestSubject::tenant("globex")).swap_remove(1)
    };
    let cases = [
        (
            "from: 2096-12-01T01:00:00+01:00, until: 2097-01-01T00:00:00Z",
            "now is outside it | from 2096-12-01T00:00:00Z until 2097-01-01T00:00:00Z | decided",
        ),
        (
            "from: 2016-12-01T00:00:00Z",
            "now is within it | from 2016-12-01T00:00:00Z | passed",
        ),
        (
            "until: 2017-01-01T00:00:00.5Z",
            "now is outside it | until 2017-01-01T00:00:00.5Z | decided",
        ),
    ];
    for (schedule, expected) in cases {
        assert_eq!(step(schedule), format!("schedule | {expected}"));
    }
}

#[test]
fn stages_in_force_are_explained() {
    let document = "
version: 1
flags:
  dispatch.v2Board:
    lifecycle: ga
    default: on
    exposure:
      stages:
        - { name: internal, audience: { attribute: internal, eq: true }, percentage: 100 }
        - { name: half, percentage: 50 }
tenants: { staff: { internal: true } }
";
    let explained = |tenant: &str| lines_of(document, &TestSubject::tenant(tenant)).split_off(3);
    let held_back = [
        "stage internal 100 % by tenant | bucket 96,606, not in | not in its audience | passed",
        "  internal eq true | Value(\"false\") | false",
        "stage half 50 % by tenant | bucket 96,606, not in |  | passed",
        "held back | in the audience of stage half and not admitted |  | decided",
        "default | on |  | would serve 0",
    ];
    assert_eq!(explained("acme"), held_back);
    let admitted = [
        "stage half 50 % by tenant | bucket 48,697, in, serves on |  | decided",
        "default | on |  | would serve 0",
    ];
    assert_eq!(explained("umbrella")[2..], admitted);
    let anonymous = lines_of(document, &TestSubject::default()).split_off(5);
    let no_id = "held back | in the audience of a stage, without an id for its bucket |  | decided";
    assert_eq!(anonymous[1], no_id);
}
