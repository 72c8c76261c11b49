//! The units of a stage: their arm, tenant and baseline, in the order in which they appeared.

use serde::{Deserialize, Serialize};

use crate::{
    check::Baseline,
    slot::{Arm, UnitCount},
};

/// The most units of one stage. Further units are not counted, and reported.
pub const MAX_UNITS: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unit {
    pub(crate) tenant: u32,
    pub(crate) arm: Arm,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Roster {
    units: Vec<Unit>,
    baselines: Vec<Option<Baseline>>,
    /// Sorted by id.
    by_id: Vec<(u64, u32)>,
    tenants: Vec<(u64, u32)>,
    /// The baselines of units that have not appeared, sorted by id.
    waiting: Vec<(u64, Baseline)>,
    /// The number of tenants with requests in treatment and in control.
    arms: [Vec<u32>; 2],
}

/// The place of a unit in the roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Known(usize),
    New(usize),
    /// The unit was in the other arm.
    Moved,
    /// The roster is full.
    Full,
}

impl Roster {
    /// Creates a roster without units. Of two baselines for one unit the first is kept, and at most [`MAX_UNITS`].
    pub(crate) fn new(baselines: impl IntoIterator<Item = (u64, Baseline)>) -> Self {
        let mut waiting: Vec<_> = baselines.into_iter().collect();
        waiting.sort_by_key(|(id, _)| *id);
        waiting.dedup_by_key(|(id, _)| *id);
        waiting.truncate(MAX_UNITS);
        Self {
            units: Vec::new(),
            baselines: Vec::new(),
            by_id: Vec::new(),
            tenants: Vec::new(),
            waiting,
            arms: [Vec::new(), Vec::new()],
        }
    }

    /// Finds a unit, or adds it.
    pub(crate) fn place(&mut self, count: &UnitCount) -> Place {
        match self.by_id.binary_search_by_key(&count.unit, |(id, _)| *id) {
            Ok(at) => {
                let index = self.by_id.get(at).map_or(0, |(_, index)| *index as usize);
                let is_same = self.units.get(index).is_some_and(|unit| unit.arm == count.arm);
                if is_same {
                    Place::Known(index)
                } else {
                    Place::Moved
                }
            }
            Err(_) if self.units.len() >= MAX_UNITS => Place::Full,
            Err(at) => {
                let index = self.units.len();
                self.by_id
                    .insert(at, (count.unit, u32::try_from(index).unwrap_or(u32::MAX)));
                let tenant = self.tenant(count.tenant);
                self.units.push(Unit {
                    tenant,
                    arm: count.arm,
                });
                let waiting = self.waiting.binary_search_by_key(&count.unit, |(id, _)| *id);
                self.baselines
                    .push(waiting.ok().map(|at| self.waiting.remove(at).1));
                let [treatment, control] = &mut self.arms;
                let arm = if count.arm == Arm::Treatment {
                    treatment
                } else {
                    control
                };
                if let Err(at) = arm.binary_search(&tenant) {
                    arm.insert(at, tenant);
                }
                Place::New(index)
            }
        }
    }

    fn tenant(&mut self, id: u64) -> u32 {
        match self.tenants.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => self.tenants.get(at).map_or(0, |(_, index)| *index),
            Err(at) => {
                let index = u32::try_from(self.tenants.len()).unwrap_or(u32::MAX);
                self.tenants.insert(at, (id, index));
                index
            }
        }
    }

    pub(crate) fn units(&self) -> &[Unit] {
        &self.units
    }

    pub(crate) fn baseline(&self, unit: usize) -> Option<&Baseline> {
        self.baselines.get(unit)?.as_ref()
    }

    /// The baselines of all units, those that have appeared first.
    pub(crate) fn baselines(&self) -> impl Iterator<Item = &Baseline> {
        let waiting = self.waiting.iter().map(|(_, baseline)| baseline);
        self.baselines.iter().flatten().chain(waiting)
    }

    /// The number of tenants with requests in an arm.
    pub(crate) fn tenants_in(&self, arm: Arm) -> u32 {
        let [treatment, control] = &self.arms;
        let tenants = if arm == Arm::Treatment { treatment } else { control };
        u32::try_from(tenants.len()).unwrap_or(u32::MAX)
    }
}
