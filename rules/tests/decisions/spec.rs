//! Every case of `spec/decisions`, which other languages can read as data.

use rules::{Arm, Cause, Decision, Eligibility, Flag, OperatorWord, StepOutcome, Timestamp, explain};
use serde_json::Value as Json;

use crate::test_subject::{NOON, TestSubject, load_stored};

fn check(file: &str, at_least: usize) -> Vec<String> {
    let spec: Json = serde_json::from_str(file).unwrap();
    let document = spec["document"].to_string();
    let enforced = load_stored(&document, Eligibility::Enforced);
    let relaxed = load_stored(&document, Eligibility::Relaxed);
    let cases = spec["cases"].as_array().unwrap();
    assert!(cases.len() >= at_least, "{} cases", cases.len());
    let mut causes = Vec::new();
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let loaded = if case["lifecycle"] == "relaxed" {
            &relaxed
        } else {
            &enforced
        };
        let expected = &case["expect"];
        let key = case["flag"].as_str().unwrap();
        let Some(id) = loaded.flags.id(key) else {
            assert_eq!(expected["cause"], Cause::UnknownFlag.as_str(), "{name}");
            causes.push(Cause::UnknownFlag.to_string());
            continue;
        };
        let now = Timestamp::parse(case["now"].as_str().unwrap_or(NOON)).unwrap();
        let test_subject = TestSubject::from_json(case);
        let decision = test_subject.decide(loaded, key, now);
        let flag = loaded.flags.flag(id).unwrap();
        let served = &*flag.variant(decision.variant).unwrap().name;
        let rule = (decision.cause == Cause::Rule).then(|| flag.rule_name(decision.place).unwrap());
        let found = [
            served,
            decision.reason.as_str(),
            decision.cause.as_str(),
            rule.unwrap_or(""),
            flag_stage(flag, &decision),
        ];
        let text = |field: &str| expected[field].as_str().unwrap_or("");
        assert_eq!(
            found,
            [
                text("variant"),
                text("reason"),
                text("cause"),
                text("rule"),
                text("stage")
            ],
            "{name}"
        );
        if let Some(arm) = expected["arm"].as_str() {
            let found = test_subject.resolve(loaded, |subject| loaded.flags.arm(id, &decision, subject));
            assert_eq!(arm_name(found), arm, "{name}");
        }
        let explanation = test_subject
            .resolve(loaded, |subject| explain(&loaded.flags, id, subject, now))
            .unwrap();
        assert_eq!(explanation.decision, decision, "{name}");
        let decisive: Vec<_> = explanation
            .steps
            .iter()
            .filter(|step| step.outcome == StepOutcome::Decided)
            .map(|step| step.cause)
            .collect();
        assert_eq!(decisive, [decision.cause], "{name}: {explanation:#?}");
        causes.push(decision.cause.to_string());
    }
    causes
}

/// Returns the name of the stage that decided, if one did.
fn flag_stage<'f>(flag: &'f Flag, decision: &Decision) -> &'f str {
    match decision.cause {
        Cause::Rollout | Cause::HeldBack => flag.stage_name(decision.place).unwrap_or(""),
        _ => "",
    }
}

fn arm_name(arm: Arm) -> String {
    match arm {
        Arm::Treatment => "treatment".to_owned(),
        Arm::Control => "control".to_owned(),
        Arm::OptedIn => "opted_in".to_owned(),
        Arm::Excluded(cause) => format!("excluded: {cause}"),
    }
}

#[test]
fn decisions_match_the_decision_table() {
    let causes = check(include_str!("../../spec/decisions/decision-table.json"), 80);
    for cause in Cause::ALL {
        assert!(
            causes.iter().any(|found| found == cause.as_str()),
            "no case for {cause}"
        );
    }
}

#[test]
fn policies_and_unknown_tenants_match_the_spec_file() {
    check(include_str!("../../spec/decisions/policies.json"), 6);
}

#[test]
fn every_operator_matches_and_fails_as_specified() {
    let file = include_str!("../../spec/decisions/operators.json");
    check(file, 270);
    let spec: Json = serde_json::from_str(file).unwrap();
    let flags = spec["document"]["flags"].as_object().unwrap();
    let cases = spec["cases"].as_array().unwrap();
    for operator in OperatorWord::ALL {
        let operator = operator.as_str();
        let uses_it = |key: &str| flags[key]["rules"][0]["when"].get(operator).is_some();
        for cause in ["rule", "default"] {
            let is_case =
                |case: &Json| case["expect"]["cause"] == cause && case["flag"].as_str().is_some_and(uses_it);
            assert!(
                cases.iter().any(is_case),
                "rules/spec/decisions/operators.json has no case of cause `{cause}` for `{operator}`"
            );
        }
    }
}

#[test]
fn rollouts_and_splits_use_the_published_buckets() {
    check(include_str!("../../spec/decisions/buckets.json"), 50);
}

#[test]
fn numbers_are_compared_by_all_of_their_digits() {
    check(include_str!("../../spec/decisions/numbers.json"), 190);
}

#[test]
fn open_breakers_match_the_spec_file() {
    check(include_str!("../../spec/decisions/breakers.json"), 20);
}

#[test]
fn groups_without_user_or_group_are_missing() {
    check(include_str!("../../spec/decisions/groups.json"), 11);
}

#[test]
fn stages_of_a_plan_match_the_spec_file() {
    let causes = check(include_str!("../../spec/decisions/exposure.json"), 45);
    assert!(causes.iter().filter(|cause| *cause == "held_back").count() >= 15);
}
