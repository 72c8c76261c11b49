//! The check before a measurement that all evaluators decide the same flag. Each has its own hash, so they agree on the
//! number of callers in the rollout, and not on each caller.

use std::ops::RangeInclusive;

use crate::evaluators::WITHOUT_RULES;
use crate::{EvaluatorVisitor, in_no_rule, in_some_rule, visit_evaluators};

/// Number of callers.
const CALLERS: u32 = 1_000;
/// Number of callers that a rollout of 25 % may include.
const IN_ROLLOUT: RangeInclusive<usize> = 210..=290;
/// Evaluators with the same hash, which must agree on every caller.
const SAME_HASH: [&str; 4] = [
    "floor",
    WITHOUT_RULES,
    "sluice",
    "sluice, attributes in the request",
];

/// The answers of every evaluator, in the order of the callers.
#[derive(Default)]
struct Answers(Vec<(&'static str, Vec<bool>)>);

impl EvaluatorVisitor for Answers {
    fn visit<S>(&mut self, name: &'static str, subjects: &[S], is_on: impl Fn(&S) -> bool) {
        self.0.push((name, subjects.iter().map(is_on).collect()));
    }
}

/// Ends the run unless each evaluator has the flag on for about a quarter of the callers that no rule matches, and for
/// all callers that a rule matches.
pub fn check_agreement() {
    let mut rollout = Answers::default();
    visit_evaluators(&in_no_rule(CALLERS), &mut rollout);
    let mut same_hash = Vec::new();
    for (name, answers) in rollout.0 {
        check_share(name, &answers, IN_ROLLOUT);
        if SAME_HASH.contains(&name) {
            same_hash.push(answers);
        }
    }
    assert_eq!(same_hash.len(), SAME_HASH.len());
    assert!(
        same_hash.windows(2).all(|pair| pair[0] == pair[1]),
        "evaluators with the same hash differ"
    );

    let mut rules = Answers::default();
    visit_evaluators(&in_some_rule(CALLERS), &mut rules);
    for (name, answers) in rules.0 {
        if !["floor", WITHOUT_RULES].contains(&name) {
            check_share(name, &answers, answers.len()..=answers.len());
        }
    }
}

/// Ends the run unless the number of answers that are on is as expected.
pub fn check_share(name: &str, answers: &[bool], expected: RangeInclusive<usize>) {
    let on = answers.iter().filter(|on| **on).count();
    assert!(
        expected.contains(&on),
        "{name}: on for {on} of {}, {expected:?} expected",
        answers.len()
    );
}
