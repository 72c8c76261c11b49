//! Properties of a stage for any traffic.

use std::time::Duration;

use proptest::prelude::*;
use verdicts::{
    Arm, Baseline, Check, DEFAULT_CAP, Minimum, Slot, Stage, StageConfig, Status, Tally, UnitCount,
    histogram::Histogram,
};

const FIRST: u64 = 100;

fn config() -> StageConfig {
    StageConfig {
        first_slot: FIRST,
        share: 0.5,
        has_control: true,
        at_once: Vec::new(),
        minimum: Minimum {
            requests: 50,
            tenants: 2,
        },
        cap: DEFAULT_CAP,
        alpha: 0.005 / 16.0,
        checks: vec![
            Check::ErrorRateAbove { rate: 0.01 },
            Check::ErrorRateWorse { ratio: 1.2 },
            Check::LatencyAbove {
                quantile: 0.95,
                bound: Duration::from_millis(500),
            },
            Check::LatencyWorse {
                quantile: 0.95,
                ratio: 1.2,
            },
        ],
    }
}

fn new_stage(config: StageConfig) -> Stage {
    let latency = Histogram::new([(200, 900), (240, 100)]);
    let day = Tally {
        requests: 1000,
        errors: 5,
        latency,
    };
    Stage::new(
        config,
        (0..40).map(|unit| {
            (
                unit,
                Baseline {
                    day: day.clone(),
                    recent: Tally::default(),
                },
            )
        }),
    )
}

/// One unit in one slot: requests, errors, slow requests, bucket of the slow ones.
type Counts = (u64, u32, u32, u32, u16);

fn unit((unit, requests, errors, slow, bucket): Counts) -> UnitCount {
    let (errors, slow) = (errors.min(requests), slow.min(requests));
    UnitCount {
        unit,
        // Two users of each tenant.
        tenant: unit / 4 * 2 + unit % 2,
        arm: if unit % 2 == 0 {
            Arm::Treatment
        } else {
            Arm::Control
        },
        requests: u64::from(requests),
        errors: u64::from(errors),
        capped_requests: requests,
        capped_errors: errors,
        latency: Histogram::new([(200, requests - slow), (bucket, slow)]),
    }
}

fn counts() -> impl Strategy<Value = Counts> {
    let errors = prop_oneof![3 => Just(0), 1 => 0..3_u32, 1 => 0..=20_u32];
    (0..32_u64, 1..=20_u32, errors, 0..8_u32, 200..330_u16)
}

/// A course of slots, with gaps.
fn slots() -> impl Strategy<Value = Vec<Slot>> {
    prop::collection::vec((1..4_u64, prop::collection::vec(counts(), 0..30)), 1..60).prop_map(|course| {
        let mut number = FIRST;
        course
            .into_iter()
            .map(|(step, mut counts)| {
                number += step;
                counts.sort_by_key(|(unit, ..)| *unit);
                counts.dedup_by_key(|(unit, ..)| *unit);
                Slot {
                    number,
                    counter_fell: false,
                    units: counts.into_iter().map(unit).collect(),
                }
            })
            .collect()
    })
}

fn end(slots: &[Slot]) -> u64 {
    slots.last().map_or(FIRST, |slot| slot.number)
}

/// The bytes of the state.
fn bytes(stage: &Stage) -> Vec<u8> {
    postcard::to_allocvec(stage).unwrap_or_default()
}

fn after(slots: &[Slot]) -> Stage {
    let mut stage = new_stage(config());
    for slot in slots {
        stage.ingest(slot);
    }
    stage
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn doubled_and_late_slots_change_nothing(slots in slots(), at in any::<prop::sample::Index>()) {
        let mut stage = new_stage(config());
        for slot in &slots {
            stage.ingest(slot);
            stage.ingest(slot);
            stage.ingest(&slots[at.index(slots.len())]);
        }
        // A slot of the future was counted early: the course after it differs. Compare with that course.
        let mut course: Vec<Slot> = Vec::new();
        for slot in &slots {
            for one in [slot, &slots[at.index(slots.len())]] {
                if course.last().is_none_or(|last| last.number < one.number) {
                    course.push(one.clone());
                }
            }
        }
        let mut once = after(&course);
        prop_assert_eq!(stage.look(end(&slots)), once.look(end(&slots)));
    }

    #[test]
    fn a_restart_changes_nothing(slots in slots(), at in any::<prop::sample::Index>()) {
        let at = at.index(slots.len());
        let mut stage = after(&slots[..at]);
        let mut restored: Stage = postcard::from_bytes(&bytes(&stage)).unwrap();
        for slot in &slots[at..] {
            stage.ingest(slot);
            restored.ingest(slot);
        }
        prop_assert_eq!(stage.look(end(&slots)), restored.look(end(&slots)));
        prop_assert_eq!(bytes(&stage), bytes(&restored));
    }

    #[test]
    fn the_order_of_units_changes_nothing(slots in slots(), rotation in 0..30_usize) {
        let turned: Vec<Slot> = slots
            .iter()
            .map(|slot| {
                let mut slot = slot.clone();
                let by = rotation.min(slot.units.len());
                slot.units.rotate_left(by);
                slot.units.reverse();
                slot
            })
            .collect();
        prop_assert_eq!(bytes(&after(&slots)), bytes(&after(&turned)));
    }

    #[test]
    fn looking_changes_no_evidence(slots in slots()) {
        let mut stage = new_stage(config());
        for slot in &slots {
            stage.ingest(slot);
            stage.look(slot.number);
        }
        let mut once = after(&slots);
        let without_since = |verdict: verdicts::Verdict| verdicts::Verdict { since: 0, ..verdict };
        let looked: Vec<_> = stage.look(end(&slots)).into_iter().map(without_since).collect();
        let once: Vec<_> = once.look(end(&slots)).into_iter().map(without_since).collect();
        prop_assert_eq!(looked, once);
    }

    #[test]
    fn an_improvement_is_no_evidence(slots in slots()) {
        let mut stage = new_stage(config());
        for slot in &slots {
            let mut slot = slot.clone();
            for count in slot.units.iter_mut().filter(|count| count.arm == Arm::Treatment) {
                count.errors = 0;
                count.capped_errors = 0;
                count.latency = Histogram::new([(150, count.capped_requests)]);
            }
            stage.ingest(&slot);
            prop_assert!(stage.log_evidence().all(|evidence| evidence == 0.0));
        }
    }

    #[test]
    fn a_single_bad_tenant_never_fails(slots in slots(), tenant in 0..8_u64) {
        let mut stage = new_stage(config());
        for slot in &slots {
            let mut slot = slot.clone();
            for count in slot.units.iter_mut().filter(|count| count.arm == Arm::Treatment) {
                let is_bad = count.tenant == tenant * 2;
                count.errors = if is_bad { count.requests } else { 0 };
                count.capped_errors = if is_bad { count.capped_requests } else { 0 };
                count.latency = Histogram::new([(if is_bad { 400 } else { 150 }, count.capped_requests)]);
            }
            stage.ingest(&slot);
        }
        prop_assert!(stage.look(end(&slots)).iter().all(|verdict| verdict.status != Status::Fail));
    }
}

#[test]
fn memory_is_bounded() {
    let mut stage = Stage::new(config(), []);
    let mut sizes = Vec::new();
    for round in 0..4 {
        for part in 0..12_u64 {
            let units = (0..1000).map(|at| {
                let mut count = unit((part * 1000 + at, 20, 2, 3, 250));
                count.arm = if at % 2 == 0 { Arm::Treatment } else { Arm::Control };
                count
            });
            let number = FIRST + round * 12 + part;
            stage.ingest(&Slot {
                number,
                counter_fell: false,
                units: units.collect(),
            });
        }
        sizes.push(bytes(&stage).len());
    }
    assert_eq!(stage.uncounted().beyond_maximum, 4 * 2000);
    assert!(sizes[3] < sizes[0] + sizes[0] / 10, "{sizes:?}");
    assert!(sizes[3] < 4_000_000, "{sizes:?}");
}

#[test]
fn a_long_gap_is_forgotten_quickly() {
    let mut stage = after(&[]);
    for number in [FIRST, FIRST + 1_000_000_000] {
        let units = (0..32).map(|at| unit((at, 20, 0, 1, 240))).collect();
        stage.ingest(&Slot {
            number,
            counter_fell: false,
            units,
        });
    }
    assert_eq!(stage.totals().0.requests, 2 * 16 * 20);
}
