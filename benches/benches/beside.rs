//! One flag, several evaluators, one run: two rules that don't match, then a rollout of 25 % by tenant.
#![allow(missing_docs, reason = "criterion's macros write functions without docs")]

use std::{hint::black_box, time::Duration};

use benches::{Ring, check_agreement, contest, in_no_rule};
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};

/// For every contestant, as it is the product's: the others allocate, and a slow allocator would be theirs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Askers by turns, in and out of the rollout, so that no branch is learned by heart.
const ASKERS: u32 = 1_000;

struct Measured<'c>(BenchmarkGroup<'c, WallTime>);

impl Ring for Measured<'_> {
    fn enter<S>(&mut self, name: &'static str, subjects: &[S], is_on: impl Fn(&S) -> bool) {
        let mut turn = subjects.iter().cycle();
        self.0.bench_function(name, |bencher| {
            bencher.iter(|| is_on(black_box(turn.next().expect("a cycle has no end"))));
        });
    }
}

fn beside(criterion: &mut Criterion) {
    check_agreement();
    let group = criterion.benchmark_group("one flag: two rules, then 25 % of tenants");
    let mut ring = Measured(group);
    contest(&in_no_rule(ASKERS), &mut ring);
    ring.0.finish();
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1_500))
        .sample_size(50);
    targets = beside
}
criterion_main!(all);
