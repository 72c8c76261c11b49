//! The same comparison as `beside`, in rounds: every evaluator runs in every round, so that a noisy machine
//! disturbs all of them, and only ratios within a round are reported.
#![allow(missing_docs, reason = "a bench target has no reader of its docs")]

use std::{hint::black_box, time::Instant};

use benches::{Caller, EvaluatorVisitor, check_agreement, in_no_rule, visit_evaluators};

/// The allocator of every evaluator, as in `beside`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CALLERS: u32 = 1_000;
const ROUNDS: usize = 41;
/// Passes over all callers in one round, after some that only warm the caches. Each pass is timed alone: it is short
/// enough to be rarely interrupted, so that a busy machine does not make slow evaluators look slower than they are.
const PASSES: u32 = 31;
const WARM_UP_PASSES: u32 = 5;
/// The evaluator that the others are compared with.
const PEER: &str = "yggdrasil";

/// The results of a round: evaluator and nanoseconds per decision.
#[derive(Default)]
struct Round(Vec<(&'static str, f64)>);

impl EvaluatorVisitor for Round {
    fn visit<S>(&mut self, name: &'static str, subjects: &[S], is_on: impl Fn(&S) -> bool) {
        let pass = || {
            let start = Instant::now();
            for subject in subjects {
                black_box(is_on(black_box(subject)));
            }
            start.elapsed().as_secs_f64() * 1e9 / subjects.len() as f64
        };
        for _ in 0..WARM_UP_PASSES {
            pass();
        }
        self.0.push((name, median((0..PASSES).map(|_| pass()).collect())));
    }
}

fn round(callers: &[Caller]) -> Vec<(&'static str, f64)> {
    let mut round = Round::default();
    visit_evaluators(callers, &mut round);
    round.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    check_agreement();
    let callers = in_no_rule(CALLERS);
    let rounds: Vec<_> = (0..ROUNDS).map(|_| round(&callers)).collect();
    let names = rounds[0].iter().map(|(name, _)| *name).enumerate();
    println!("{ROUNDS} rounds, medians; one decision is `is it on for this subject?`\n");
    println!("{:<36} {:>10} {:>16}", "", "ns", format!("of {PEER}"));
    for (place, name) in names {
        let nanoseconds = median(rounds.iter().map(|round| round[place].1).collect());
        let of_peer = |round: &Vec<(&str, f64)>| {
            let peer = round
                .iter()
                .find(|(name, _)| *name == PEER)
                .expect("the peer is in every round");
            round[place].1 / peer.1
        };
        let ratio = median(rounds.iter().map(of_peer).collect());
        println!("{name:<36} {nanoseconds:>10.1} {ratio:>16.3}");
    }
}
