//! Draws the counts of one tenant in one slot.

use std::time::Duration;

use rand::RngExt;
use rand_distr::{Distribution, Poisson};
use verdicts::{
    Arm, DEFAULT_CAP, UnitCount,
    histogram::{Histogram, bucket},
};

use crate::{
    baseline::factors,
    world::{Minute, Random, Tenant},
};

/// A harm of the flag.
#[derive(Clone, Copy, Debug)]
pub struct Harm {
    /// The rate of errors that a request of treatment has with the flag.
    pub error: f64,
    /// The factor on latencies.
    pub slow: f64,
}

impl Harm {
    /// No harm.
    pub const NONE: Self = Self {
        error: 0.0,
        slow: 1.0,
    };
}

/// Draws from a Poisson distribution. `none` is `exp(-mean)`, computed only if it is needed.
fn poisson(rng: &mut Random, mean: f64, none: impl FnOnce() -> f64) -> u32 {
    if mean > 20.0 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "requests of a slot"
        )]
        return Poisson::new(mean).map_or(0, |poisson| poisson.sample(rng) as u32);
    }
    let uniform = rng.random::<f64>();
    // exp(-mean) is at least 1 - mean.
    if uniform < 1.0 - mean {
        return 0;
    }
    let mut probability = none();
    let mut at = uniform - probability;
    let mut count = 0;
    while at > 0.0 && count < 200 {
        count += 1;
        probability *= mean / f64::from(count);
        at -= probability;
    }
    count
}

fn binomial(rng: &mut Random, trials: u32, probability: f64) -> u32 {
    let mean = f64::from(trials) * probability;
    if mean == 0.0 {
        return 0;
    }
    if probability < 0.05 && mean < 1.0 {
        return poisson(rng, mean, || (-mean).exp()).min(trials);
    }
    let hits = (0..trials).filter(|_| rng.random::<f64>() < probability).count();
    u32::try_from(hits).unwrap_or(0)
}

/// Draws the errors that are counted if `counted` of `requests` are, chosen without a look at the outcome.
fn counted_errors(rng: &mut Random, requests: u32, errors: u32, counted: u32) -> u32 {
    if counted == requests {
        return errors;
    }
    let (mut left, mut bad, mut found) = (requests, errors, 0);
    for _ in 0..counted {
        if bad > 0 && rng.random::<f64>() * f64::from(left) < f64::from(bad) {
            bad -= 1;
            found += 1;
        }
        left -= 1;
    }
    found
}

/// Draws the latencies of `requests` answers.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "microseconds"
)]
fn latencies(rng: &mut Random, requests: u32, median: f64) -> Histogram {
    let factors = factors();
    Histogram::new((0..requests).map(|_| {
        let at = rng.random_range(0..factors.len());
        let factor = factors.get(at).copied().unwrap_or(1.0);
        (bucket(Duration::from_micros((median * factor) as u64)), 1)
    }))
}

/// Draws one slot of one tenant; nothing without requests. `part` is the part of the slot with the harm.
pub fn slot(
    rng: &mut Random,
    unit: u64,
    tenant: &Tenant,
    minute: Minute,
    arm: Arm,
    harm: Harm,
    part: f64,
) -> Option<UnitCount> {
    let requests = poisson(rng, f64::from(minute.rate) * 5.0, || f64::from(minute.idle));
    if requests == 0 {
        return None;
    }
    let mut error = f64::from(minute.error);
    if tenant.is_clumped && error < 0.1 {
        error *= if rng.random::<f64>() < 0.125 { 8.0 } else { 0.0 };
    }
    let harmed = binomial(rng, requests, part);
    let errors = binomial(rng, requests - harmed, error) + binomial(rng, harmed, error.max(harm.error));
    let counted = requests.min(DEFAULT_CAP);
    let median = tenant.median * f64::from(minute.slow) * (1.0 + (harm.slow - 1.0) * part);
    Some(UnitCount {
        unit,
        tenant: unit,
        arm,
        requests: u64::from(requests),
        errors: u64::from(errors),
        capped_requests: counted,
        capped_errors: counted_errors(rng, requests, errors, counted),
        latency: latencies(rng, counted, median),
    })
}
