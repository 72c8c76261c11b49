//! Tests of explanations: every line of the table, those after the deciding one included, and every clause.

use rules::{Eligibility, StepOutcome, Timestamp, explain};

use crate::test_subject::{NOON, TestSubject, load};

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
    let loaded = load(document, Eligibility::Enforced);
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
