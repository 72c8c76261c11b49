//! The traffic of one plan: tenants of very different size, their errors and latencies, minute by minute.

use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
use rand_distr::{Distribution, Exp1, StandardNormal};

/// The generator: the same numbers on every machine.
pub type Random = Xoshiro256PlusPlus;

/// Returns the generator of one run of a simulation.
pub fn random(seed: u64, run: u64) -> Random {
    Random::seed_from_u64(seed ^ run.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// The standard deviation of the logarithm of latencies.
pub const SIGMA: f64 = 0.6;

/// The disturbances of the traffic.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Incidents that hit every tenant, in both arms, each week.
    pub incidents: f64,
    /// Incidents that hit a random part of the tenants each week.
    pub partial_incidents: f64,
    /// Bursts of one tenant alone each day.
    pub bursts: f64,
    /// Changes of one tenant's base rates each day.
    pub shifts: f64,
}

/// The traffic of the healthy plans.
pub const UNRULY: Profile = Profile {
    incidents: 4.0,
    partial_incidents: 1.0,
    bursts: 0.5,
    shifts: 0.2,
};

/// One minute of one tenant.
#[derive(Clone, Copy, Debug)]
pub struct Minute {
    /// Requests for each second.
    pub rate: f32,
    /// The probability of a slot without a request.
    pub idle: f32,
    /// The probability of an error.
    pub error: f32,
    /// The factor on latencies.
    pub slow: f32,
}

impl Minute {
    /// Creates a minute from requests for each second, the probability of an error and the factor on latencies.
    #[expect(clippy::cast_possible_truncation, reason = "rates")]
    pub fn new(rate: f64, error: f64, slow: f64) -> Self {
        Self {
            rate: rate as f32,
            idle: (-5.0 * rate).exp() as f32,
            error: error as f32,
            slow: slow as f32,
        }
    }
}

/// One tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// The place of its hash between 0 and 1.
    pub hash: f64,
    /// Its errors come in clumps: in one of eight slots, at eight times the rate.
    pub is_clumped: bool,
    /// The median latency in microseconds.
    pub median: f64,
    /// Its minutes.
    pub minutes: Vec<Minute>,
}

/// A disturbance of some minutes.
#[derive(Clone, Copy, Debug)]
struct Disturbance {
    first: usize,
    minutes: usize,
    error: f32,
    slow: f32,
}

/// Draws a time to the next event in minutes.
fn next(rng: &mut Random, each_day: f64) -> f64 {
    let wait: f64 = Exp1.sample(rng);
    wait * 1440.0 / each_day.max(1e-9)
}

fn log_normal(rng: &mut Random, median: f64, sigma: f64) -> f64 {
    let z: f64 = StandardNormal.sample(rng);
    median * (sigma * z).exp()
}

fn between(rng: &mut Random, low: f64, high: f64) -> f64 {
    low * (high / low).powf(rng.random::<f64>())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "minutes of a plan"
)]
fn disturbances(
    rng: &mut Random,
    minutes: usize,
    each_day: f64,
    longest: f64,
    median: f64,
) -> Vec<Disturbance> {
    let mut found = Vec::new();
    let mut at = next(rng, each_day);
    while (at as usize) < minutes {
        let length = log_normal(rng, median, 1.0).clamp(1.0, longest);
        let is_slow = rng.random::<f64>() < 0.4;
        let is_failing = !is_slow || rng.random::<f64>() < 0.5;
        found.push(Disturbance {
            first: at as usize,
            minutes: length.round() as usize,
            error: if is_failing {
                between(rng, 0.02, 0.8) as f32
            } else {
                0.0
            },
            slow: if is_slow {
                between(rng, 1.3, 5.0) as f32
            } else {
                1.0
            },
        });
        at += length + next(rng, each_day);
    }
    found
}

impl Tenant {
    fn disturb(&mut self, by: &Disturbance) {
        for minute in self.minutes.iter_mut().skip(by.first).take(by.minutes) {
            minute.error = (minute.error + by.error).min(0.95);
            minute.slow *= by.slow;
        }
    }

    /// Draws a tenant without disturbances.
    #[expect(clippy::cast_precision_loss, reason = "minutes")]
    fn draw(rng: &mut Random, minutes: usize, rate: f64, profile: Profile) -> Self {
        let kind: f64 = rng.random();
        let mut error = match kind {
            kind if kind < 0.4 => rng.random::<f64>() * 0.001,
            kind if kind < 0.9 => log_normal(rng, 0.004, 0.8).min(0.03),
            _ => between(rng, 0.01, 0.05),
        };
        let phase: f64 = rng.random();
        let amplitude = 0.3 + 0.6 * rng.random::<f64>();
        let mut slow = 1.0;
        let mut shift = next(rng, profile.shifts);
        let minutes = (0..minutes)
            .map(|minute| {
                if minute as f64 >= shift {
                    error = log_normal(rng, error, 0.7).min(0.05);
                    slow = log_normal(rng, 1.0, 0.1);
                    shift += next(rng, profile.shifts);
                }
                let day = (std::f64::consts::TAU * (minute as f64 / 1440.0 + phase)).sin();
                Minute::new(rate * (1.0 + amplitude * day), error, slow * (1.0 + 0.1 * day))
            })
            .collect();
        Self {
            hash: rng.random(),
            is_clumped: rng.random::<f64>() < 0.5,
            median: between(rng, 30_000.0, 300_000.0),
            minutes,
        }
    }
}

/// Draws the tenants of one healthy plan.
pub fn draw(rng: &mut Random, minutes: usize, profile: Profile) -> Vec<Tenant> {
    let count = between(rng, 20.0, 100.0).round();
    let rate = between(rng, 1.0, 12.0);
    let sizes: Vec<f64> = (0..100).map(|_| log_normal(rng, 1.0, 1.3)).collect();
    let sizes = || {
        sizes
            .iter()
            .enumerate()
            .take_while(|(at, _)| f64::from(u32::try_from(*at).unwrap_or(0)) < count)
    };
    let all: f64 = sizes().map(|(_, size)| size).sum();
    let mut tenants: Vec<_> = sizes()
        .map(|(_, size)| Tenant::draw(rng, minutes, rate * size / all, profile))
        .collect();
    for tenant in &mut tenants {
        // One of ten tenants is restless: a burst every few hours.
        let often = if rng.random::<f64>() < 0.1 { 8.0 } else { 1.0 };
        for burst in disturbances(rng, minutes, profile.bursts * often, 240.0, 4.0) {
            tenant.disturb(&burst);
        }
    }
    for incident in disturbances(rng, minutes, profile.incidents / 7.0, 60.0, 8.0) {
        tenants.iter_mut().for_each(|tenant| tenant.disturb(&incident));
    }
    for incident in disturbances(rng, minutes, profile.partial_incidents / 7.0, 60.0, 8.0) {
        let part = 0.1 + 0.4 * rng.random::<f64>();
        for tenant in &mut tenants {
            if rng.random::<f64>() < part {
                tenant.disturb(&incident);
            }
        }
    }
    tenants
}
