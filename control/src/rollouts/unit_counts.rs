//! The counts of the units of a slot, as the tests take them.

use verdicts::histogram::Histogram;
use verdicts::{Arm, UnitCount};

use crate::observe::{ArmName, ObservedUnit};

/// Returns the counts of the units that are compared, and the number of units that are left out because they were in both
/// arms. A request that began before the stage was entered ends in it, and counts for the arm that its unit had then.
pub(super) fn unit_counts(units: &[ObservedUnit]) -> (Vec<UnitCount>, u64) {
    let mut counts: Vec<UnitCount> = units.iter().filter_map(unit_in_arm).collect();
    counts.sort_unstable_by_key(|count| count.unit);
    let is_alone = |same: &[UnitCount]| same.len() == 1;
    let of_units = counts.chunk_by(|one, other| one.unit == other.unit);
    let moved = of_units.clone().filter(|same| !is_alone(same)).count();
    let alone: Vec<UnitCount> = of_units
        .filter(|same| is_alone(same))
        .flatten()
        .cloned()
        .collect();
    (alone, u64::try_from(moved).unwrap_or(u64::MAX))
}

/// Returns the counts of a unit in one of the arms that are compared.
fn unit_in_arm(unit: &ObservedUnit) -> Option<UnitCount> {
    match unit.arm {
        ArmName::Treatment => Some(unit_count(unit, Arm::Treatment)),
        ArmName::Control => Some(unit_count(unit, Arm::Control)),
        ArmName::OptedIn | ArmName::Excluded => None,
    }
}

/// Returns the counts of a unit, in an arm.
pub(super) fn unit_count(unit: &ObservedUnit, arm: Arm) -> UnitCount {
    let count = |counted: usize| u32::try_from(counted).unwrap_or(u32::MAX);
    let errors = unit.counted.iter().filter(|counted| counted.is_error).count();
    let buckets = unit.counted.iter().filter_map(|counted| counted.bucket);
    UnitCount {
        unit: unit.unit,
        tenant: unit.tenant,
        arm,
        requests: u64::from(unit.requests),
        errors: u64::from(unit.errors),
        capped_requests: count(unit.counted.len()),
        capped_errors: count(errors),
        latency: Histogram::new(buckets.map(|bucket| (bucket, 1))),
    }
}
