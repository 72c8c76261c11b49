//! The same contest as `beside`, in rounds: every contestant runs in every round, so that a noisy machine
//! disturbs all of them, and what is told is ratios within a round.
#![allow(missing_docs, reason = "a bench target has no reader of its docs")]

use std::{hint::black_box, time::Instant};

use benches::{Asker, Ring, check_agreement, contest, in_no_rule};

/// For every contestant, as in `beside`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ASKERS: u32 = 1_000;
const ROUNDS: usize = 41;
/// How often a contestant is asked about everybody in one round, and how often before that to get warm. Each
/// pass is timed alone: it is short enough to be rarely interrupted, so that a busy machine does not make the
/// slow look slower than they are.
const PASSES: u32 = 31;
const WARM_UP_PASSES: u32 = 5;
/// Whom the others are compared to.
const PEER: &str = "yggdrasil";

/// One round: contestant and nanoseconds a decision.
#[derive(Default)]
struct Round(Vec<(&'static str, f64)>);

impl Ring for Round {
    fn enter<S>(&mut self, name: &'static str, subjects: &[S], is_on: impl Fn(&S) -> bool) {
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

fn round(askers: &[Asker]) -> Vec<(&'static str, f64)> {
    let mut round = Round::default();
    contest(askers, &mut round);
    round.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    check_agreement();
    let askers = in_no_rule(ASKERS);
    let rounds: Vec<_> = (0..ROUNDS).map(|_| round(&askers)).collect();
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
