//! One healthy plan of seven days: nothing depends on the arm.

use verdicts::{Arm, Check, DEFAULT_CAP, Minimum, Slot, Stage, StageConfig, alpha_of_check};

use crate::{
    baseline,
    draw::{self, Harm},
    peer::Peer,
    world::{self, Profile, Random, Tenant},
};

/// The part of each absolute bound at which the arm's long-run rate lies.
pub const PARTS: [f64; 2] = [0.5, 0.9];
/// The checks of a plan: two absolute ones and two comparisons.
pub const CHECKS: u32 = 4;
/// The stages: the percentages before and in the stage, and days.
const STAGES: [(f64, f64, usize); 4] = [(0.0, 0.05, 1), (0.05, 0.25, 2), (0.25, 0.5, 2), (0.5, 1.0, 2)];
const DAY: usize = 1440;
/// The alpha of a plan.
pub const ALPHA: f64 = 0.005;

/// Returns `ln (1 / alpha)` of one check in one stage, for an alpha of the plan.
#[expect(clippy::cast_possible_truncation, reason = "four stages")]
pub fn needed(alpha: f64) -> f64 {
    -alpha_of_check(alpha, CHECKS, STAGES.len() as u32).ln()
}

/// The result of one plan.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The largest evidence of each check, with a control arm and without: errors and latency against the bounds of
    /// each part, then errors and latency against control.
    pub evidence: [[f64; 6]; 2],
    /// Flagger's rule and Argo's rule ended the plan, by part.
    pub peers: [[bool; 2]; 2],
    /// The stages that ended with a pass of the comparison of errors, and the stages with control.
    pub passed: (u32, u32),
}

impl Outcome {
    /// Returns whether the plan was failed with an alpha, at one of the parts.
    pub fn is_failed(&self, part: usize, alpha: f64) -> bool {
        (0..2).any(|control| self.is_failed_where(part, control, alpha))
    }

    /// Returns whether one check failed the plan.
    pub fn is_failed_by(&self, check: usize, alpha: f64) -> bool {
        self.evidence.iter().any(|checks| {
            checks
                .get(check)
                .is_some_and(|evidence| *evidence >= needed(alpha))
        })
    }

    /// Returns whether a stage with a control arm (0) or without (1) was failed.
    pub fn is_failed_where(&self, part: usize, control: usize, alpha: f64) -> bool {
        self.evidence.get(control).is_some_and(|checks| {
            let of = |check: usize| {
                checks
                    .get(check)
                    .is_some_and(|evidence| *evidence >= needed(alpha))
            };
            of(part) || of(part + 2) || of(4) || of(5)
        })
    }
}

/// Simulates the days of one plan, at most `days`.
pub fn plan(seed: u64, run: u64, profile: Profile, days: usize) -> Outcome {
    let mut rng = world::random(seed, run);
    let tenants = world::draw(&mut rng, DAY * (days + 1), profile);
    let mut outcome = Outcome::default();
    let mut peers = [[Peer::flagger(), Peer::argo()]; 2];
    let mut start = DAY;
    for (before, share, days_of_stage) in STAGES {
        let minutes = DAY * days_of_stage.min((DAY * (days + 1) - start) / DAY);
        if minutes > 0 {
            stage(
                &mut rng,
                &tenants,
                (before, share),
                (start, minutes),
                &mut outcome,
                &mut peers,
            );
        }
        start += minutes;
    }
    outcome
}

fn stage(
    rng: &mut Random,
    tenants: &[Tenant],
    (before, percentage): (f64, f64),
    (start, minutes): (usize, usize),
    outcome: &mut Outcome,
    peers: &mut [[Peer; 2]; 2],
) {
    let audience: Vec<(u64, &Tenant, Arm)> = (0..)
        .zip(tenants)
        .filter(|(_, tenant)| tenant.hash >= before)
        .map(|(id, tenant)| {
            (
                id,
                tenant,
                if tenant.hash < percentage {
                    Arm::Treatment
                } else {
                    Arm::Control
                },
            )
        })
        .collect();
    let treatment = || {
        audience
            .iter()
            .filter(|(_, _, arm)| *arm == Arm::Treatment)
            .map(|(_, tenant, _)| *tenant)
    };
    let rate = baseline::error_rate(treatment(), start, minutes);
    let bounds = PARTS.map(|part| (rate / part).clamp(0.0005, 0.5));
    let latencies =
        PARTS.map(|part| baseline::latency_exceeded(rng, treatment(), (start, minutes), 0.05 * part));
    let [half, close] = bounds;
    let [slow_half, slow_close] = latencies;
    let first_slot = start as u64 * 12;
    let has_control = percentage < 1.0;
    let config = StageConfig {
        first_slot,
        share: (percentage - before) / (1.0 - before),
        has_control,
        at_once: Vec::new(),
        minimum: Minimum::default(),
        cap: DEFAULT_CAP,
        alpha: (-needed(ALPHA)).exp(),
        checks: vec![
            Check::ErrorRateAbove { rate: half },
            Check::ErrorRateAbove { rate: close },
            Check::LatencyAbove {
                quantile: 0.95,
                bound: slow_half,
            },
            Check::LatencyAbove {
                quantile: 0.95,
                bound: slow_close,
            },
            Check::ErrorRateWorse { ratio: 1.2 },
            Check::LatencyWorse {
                quantile: 0.95,
                ratio: 1.2,
            },
        ],
    };
    let baselines: Vec<_> = audience
        .iter()
        .map(|(id, tenant, _)| (*id, baseline::draw(rng, tenant, start)))
        .collect();
    let mut evidence = Stage::new(config, baselines);
    for number in 0..minutes as u64 * 12 {
        let at = start + usize::try_from(number / 12).unwrap_or(0);
        let units = audience.iter().filter_map(|(id, tenant, arm)| {
            draw::slot(rng, *id, tenant, *tenant.minutes.get(at)?, *arm, Harm::NONE, 0.0)
        });
        let slot = Slot {
            number: first_slot + number,
            counter_fell: false,
            units: units.collect(),
        };
        evidence.ingest(&slot);
        let Some(largest) = outcome.evidence.get_mut(usize::from(!has_control)) else {
            continue;
        };
        for (largest, now) in largest.iter_mut().zip(evidence.log_evidence()) {
            *largest = largest.max(now);
        }
        let of_treatment = || slot.units.iter().filter(|count| count.arm == Arm::Treatment);
        let requests = of_treatment().map(|count| count.requests).sum();
        let errors = of_treatment().map(|count| count.errors).sum();
        for ((peers, ended), bound) in peers.iter_mut().zip(&mut outcome.peers).zip(bounds) {
            for (peer, ended) in peers.iter_mut().zip(ended) {
                *ended |= peer.slot(requests, errors, bound);
            }
        }
    }
    if has_control {
        let verdicts = evidence.look(first_slot + minutes as u64 * 12);
        let is_passed = verdicts
            .get(4)
            .is_some_and(|verdict| verdict.status == verdicts::Status::Pass);
        outcome.passed.0 += u32::from(is_passed);
        outcome.passed.1 += 1;
    }
}
