//! One flag, several evaluators, one run: two rules that don't match, then a rollout of 25 % by tenant.
#![allow(missing_docs, reason = "criterion's macros write functions without docs")]

use std::{hint::black_box, time::Duration};

use benches::{EvaluatorVisitor, check_agreement, in_no_rule, visit_evaluators};
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};

/// The allocator of the product, for every evaluator: the others allocate, and a slow allocator would slow them down.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Number of callers, some in the rollout and some not, so that the processor cannot predict the result.
const CALLERS: u32 = 1_000;

struct Measured<'c>(BenchmarkGroup<'c, WallTime>);

impl EvaluatorVisitor for Measured<'_> {
    fn visit<S>(&mut self, name: &'static str, subjects: &[S], is_on: impl Fn(&S) -> bool) {
        let mut turn = subjects.iter().cycle();
        self.0.bench_function(name, |bencher| {
            bencher.iter(|| is_on(black_box(turn.next().expect("a cycle has no end"))));
        });
    }
}

fn beside(criterion: &mut Criterion) {
    check_agreement();
    let group = criterion.benchmark_group("one flag: two rules, then 25 % of tenants");
    let mut visitor = Measured(group);
    visit_evaluators(&in_no_rule(CALLERS), &mut visitor);
    visitor.0.finish();
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
