//! One stage whose flag harms treatment from some moment on, and the time until a check fails.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use verdicts::{Arm, Check, DEFAULT_CAP, Minimum, Slot, Stage, StageConfig};

use crate::{
    baseline,
    draw::{self, Harm},
    healthy::needed,
    peer::Peer,
    world::{self, Minute, Random, Tenant},
};

/// The bound on errors.
const BOUND: f64 = 0.01;
/// The tenants of treatment.
const TENANTS: u32 = 10;
/// Their requests for each second, together.
const RATE: f64 = 20.0;
/// Everybody's rate of errors without the harm.
const ERROR: f64 = 0.005;
/// The largest time after the harm that is simulated, in slots: two hours.
const PATIENCE: u64 = 1440;

/// The circumstances of a harm.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The words for the table.
    pub name: &'static str,
    /// The harm.
    pub harm: Harm,
    /// The probability of treatment; 1 is a stage without control.
    pub share: f64,
    /// The healthy minutes of the stage before the harm.
    pub healthy_minutes: u64,
    /// The alpha of the plan.
    pub alpha: f64,
}

/// The times from the harm to the end of the rollout, in seconds; nothing within two hours.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// A check of Sluice failed.
    pub sluice: Option<f64>,
    /// Flagger's rule.
    pub flagger: Option<f64>,
    /// Argo's rule.
    pub argo: Option<f64>,
}

/// Draws tenants of different size, with a mean of 2 requests for each second.
fn tenants(rng: &mut Random, count: u32, minutes: usize) -> Vec<Tenant> {
    let mut log_normal = |sigma: f64| -> f64 {
        let z: f64 = StandardNormal.sample(rng);
        (sigma * z).exp()
    };
    let sizes: Vec<f64> = (0..count).map(|_| log_normal(1.0)).collect();
    let errors: Vec<f64> = (0..count).map(|_| log_normal(0.5)).collect();
    let all: f64 = sizes.iter().sum();
    let weighted: f64 = sizes
        .iter()
        .zip(&errors)
        .map(|(size, error)| size * error / all)
        .sum();
    sizes
        .iter()
        .zip(errors)
        .map(|(size, error)| Tenant {
            hash: 0.0,
            is_clumped: rng.random::<f64>() < 0.5,
            median: 100_000.0 * (1.0 + rng.random::<f64>()),
            minutes: vec![
                Minute::new(
                    RATE / f64::from(TENANTS) * f64::from(count) * size / all,
                    ERROR * error / weighted,
                    1.0
                );
                minutes
            ],
        })
        .collect()
}

/// Simulates one run of a case.
pub fn run(seed: u64, run: u64, case: Case) -> Times {
    let mut rng = world::random(seed, run);
    let rng = &mut rng;
    let mut audience: Vec<_> = tenants(rng, TENANTS, 1440)
        .into_iter()
        .map(|one| (one, Arm::Treatment))
        .collect();
    let has_control = case.share < 1.0;
    if has_control {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 990 tenants"
        )]
        let others = (f64::from(TENANTS) * (1.0 - case.share) / case.share).round() as u32;
        audience.extend(
            tenants(rng, others, 1440)
                .into_iter()
                .map(|one| (one, Arm::Control)),
        );
    }
    // Slots are aligned to the clock, not to the stage.
    let first_slot = 1_000_000 + rng.random_range(0..10_000);
    let config = StageConfig {
        first_slot,
        share: case.share,
        has_control,
        at_once: Vec::new(),
        minimum: Minimum::default(),
        cap: DEFAULT_CAP,
        alpha: (-needed(case.alpha)).exp(),
        checks: vec![
            Check::ErrorRateAbove { rate: BOUND },
            Check::LatencyAbove {
                quantile: 0.95,
                bound: std::time::Duration::from_secs(2),
            },
            Check::ErrorRateWorse { ratio: 1.2 },
            Check::LatencyWorse {
                quantile: 0.95,
                ratio: 1.2,
            },
        ],
    };
    let baselines: Vec<_> = (0..)
        .zip(&audience)
        .map(|(id, (tenant, _))| (id, baseline::draw(rng, tenant, 1440)))
        .collect();
    let mut stage = Stage::new(config, baselines);
    let mut peers = (Peer::flagger(), Peer::argo());
    // The harm begins within a slot; Sluice looks every other slot, the peers every minute, at a random phase.
    let onset = case.healthy_minutes * 12 + rng.random_range(0..12);
    let onset = if case.healthy_minutes == 0 { 0 } else { onset };
    let part_before = if onset == 0 { 0.0 } else { rng.random::<f64>() };
    let phase = rng.random_range(0..2_u64);
    let mut times = Times::default();
    for number in 0..=onset + PATIENCE {
        let part = match number.cmp(&onset) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => 1.0 - part_before,
            std::cmp::Ordering::Greater => 1.0,
        };
        let units: Vec<_> = (0..)
            .zip(&audience)
            .filter_map(|(id, (tenant, arm))| {
                let part = if *arm == Arm::Treatment { part } else { 0.0 };
                draw::slot(rng, id, tenant, *tenant.minutes.first()?, *arm, case.harm, part)
            })
            .collect();
        let of_treatment = || units.iter().filter(|count| count.arm == Arm::Treatment);
        let requests = of_treatment().map(|count| count.requests).sum();
        let errors = of_treatment().map(|count| count.errors).sum();
        #[expect(clippy::cast_precision_loss, reason = "slots")]
        let seconds = ((number + 1).saturating_sub(onset) as f64 - part_before) * 5.0;
        let is_flagged = peers.0.slot(requests, errors, BOUND);
        let is_limited = peers.1.slot(requests, errors, BOUND);
        times.flagger = times.flagger.or(is_flagged.then_some(seconds));
        times.argo = times.argo.or(is_limited.then_some(seconds));
        stage.ingest(&Slot {
            number: first_slot + number,
            counter_fell: false,
            units,
        });
        if number % 2 == phase && times.sluice.is_none() {
            let verdicts = stage.look(first_slot + number);
            let is_failed = verdicts
                .iter()
                .any(|verdict| verdict.status == verdicts::Status::Fail);
            times.sluice = is_failed.then_some(seconds);
        }
        if times.sluice.is_some() && times.flagger.is_some() && times.argo.is_some() {
            break;
        }
    }
    times
}
