//! The baselines that a stage starts with, and the bounds at which an arm's long-run rate has a given part.

use std::{collections::BTreeMap, sync::OnceLock, time::Duration};

use rand_distr::{Distribution, Poisson, StandardNormal};
use verdicts::{
    Baseline, Tally,
    histogram::{Histogram, bucket},
};

use crate::world::{Minute, Random, SIGMA, Tenant, random};

/// The number of equal parts of probability that a latency is drawn from.
const PARTS: usize = 1024;

/// The factors on the median of each part.
pub(crate) fn factors() -> &'static [f64] {
    static FACTORS: OnceLock<Vec<f64>> = OnceLock::new();
    FACTORS.get_or_init(|| {
        let mut rng = random(0, 1);
        let mut all: Vec<f64> = (0..PARTS * 128)
            .map(|_| StandardNormal.sample(&mut rng))
            .collect();
        all.sort_by(f64::total_cmp);
        all.into_iter()
            .skip(128)
            .step_by(256)
            .map(|z| (SIGMA * z).exp())
            .collect()
    })
}

/// Draws around an expected count.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of a day"
)]
fn around(rng: &mut Random, expected: f64) -> u64 {
    let noise: f64 = StandardNormal.sample(rng);
    let drawn = expected + noise * expected.sqrt();
    if expected < 20.0 {
        return Poisson::new(expected.max(1e-9)).map_or(0, |poisson| poisson.sample(rng) as u64);
    }
    drawn.round().max(0.0) as u64
}

/// Draws the tally of some minutes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of a day"
)]
fn tally(rng: &mut Random, tenant: &Tenant, minutes: &[Minute]) -> Tally {
    let (mut requests, mut errors) = (0.0, 0.0);
    // Requests by the factor on latencies, in steps of 2 %.
    let mut by_factor: BTreeMap<i32, f64> = BTreeMap::new();
    for minute in minutes {
        let of_minute = f64::from(minute.rate) * 60.0;
        requests += of_minute;
        errors += of_minute * f64::from(minute.error);
        *by_factor
            .entry((f64::from(minute.slow).ln() * 50.0).round() as i32)
            .or_default() += of_minute;
    }
    let mut by_bucket: BTreeMap<u16, f64> = BTreeMap::new();
    for (step, of_step) in by_factor {
        let median = tenant.median * (f64::from(step) / 50.0).exp();
        for factor in factors() {
            let at = bucket(Duration::from_micros((median * factor) as u64));
            *by_bucket.entry(at).or_default() += of_step / PARTS as f64;
        }
    }
    let counts: Vec<_> = by_bucket
        .into_iter()
        .map(|(at, expected)| (at, u32::try_from(around(rng, expected)).unwrap_or(u32::MAX)))
        .collect();
    let requests = around(rng, requests);
    Tally {
        requests,
        errors: around(rng, errors).min(requests),
        latency: Histogram::new(counts),
    }
}

/// Draws a baseline from the day before minute `start`.
pub fn draw(rng: &mut Random, tenant: &Tenant, start: usize) -> Baseline {
    let minutes = |before: usize| {
        tenant
            .minutes
            .get(start.saturating_sub(before)..start)
            .unwrap_or_default()
    };
    Baseline {
        day: tally(rng, tenant, minutes(1440)),
        recent: tally(rng, tenant, minutes(10)),
    }
}

/// Returns the long-run rate of errors of an arm.
pub fn error_rate<'t>(arm: impl Iterator<Item = &'t Tenant>, first: usize, minutes: usize) -> f64 {
    let (mut requests, mut errors) = (0.0, 0.0);
    for tenant in arm {
        for minute in tenant.minutes.iter().skip(first).take(minutes) {
            requests += f64::from(minute.rate);
            errors += f64::from(minute.rate * minute.error);
        }
    }
    if requests > 0.0 { errors / requests } else { 0.0 }
}

/// Returns the latency that a given share of an arm's requests exceeds in the long run.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "microseconds and a rank"
)]
pub fn latency_exceeded<'t>(
    rng: &mut Random,
    arm: impl Iterator<Item = &'t Tenant>,
    (first, minutes): (usize, usize),
    share: f64,
) -> Duration {
    let mut weighted: Vec<(f64, f64)> = Vec::new();
    for tenant in arm {
        for minute in tenant.minutes.iter().skip(first).take(minutes).step_by(3) {
            let z: f64 = StandardNormal.sample(rng);
            weighted.push((
                tenant.median * f64::from(minute.slow) * (SIGMA * z).exp(),
                f64::from(minute.rate),
            ));
        }
    }
    weighted.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let all: f64 = weighted.iter().map(|(_, weight)| weight).sum();
    let mut above = 0.0;
    for (latency, weight) in weighted {
        above += weight;
        if above >= share * all {
            return Duration::from_micros(latency as u64);
        }
    }
    Duration::from_secs(1)
}
