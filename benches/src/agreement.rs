//! Before anything is measured: do the contestants decide the same flag? Each has a hash of its own, so they
//! agree on how many are in the rollout, not on who is.

use std::ops::RangeInclusive;

use crate::{Ring, contest, in_no_rule, in_some_rule};

/// How many are asked.
const ASKERS: u32 = 1_000;
/// How many of them a rollout of 25 % may take.
const IN_ROLLOUT: RangeInclusive<usize> = 210..=290;
/// Ours and the floor share the hash, and so must agree on every single asker.
const SAME_HASH: [&str; 3] = ["floor", "sluice", "sluice, attributes in the request"];

/// Every contestant's answers, in the order of the askers.
#[derive(Default)]
struct Answers(Vec<(&'static str, Vec<bool>)>);

impl Ring for Answers {
    fn enter<S>(&mut self, name: &'static str, subjects: &[S], is_on: impl Fn(&S) -> bool) {
        self.0.push((name, subjects.iter().map(is_on).collect()));
    }
}

/// Ends the run unless every contestant's rollout takes about a quarter of those whom no rule takes, and every
/// contestant's rules take whom they should.
pub fn check_agreement() {
    let mut rollout = Answers::default();
    contest(&in_no_rule(ASKERS), &mut rollout);
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
        "the same hash takes others"
    );

    let mut rules = Answers::default();
    contest(&in_some_rule(ASKERS), &mut rules);
    for (name, answers) in rules.0 {
        if name != "floor" {
            check_share(name, &answers, answers.len()..=answers.len());
        }
    }
}

/// Ends the run unless as many `answers` as `expected` are yes.
pub fn check_share(name: &str, answers: &[bool], expected: RangeInclusive<usize>) {
    let on = answers.iter().filter(|on| **on).count();
    assert!(
        expected.contains(&on),
        "{name}: on for {on} of {}, {expected:?} expected",
        answers.len()
    );
}
