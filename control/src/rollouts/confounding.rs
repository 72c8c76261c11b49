//! Other planned flags on the routes of a flag: an error or a slow answer may be due to either.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::observe::{ArmName, ObservedSlot};
use crate::stage_report::ConfoundedFlag;

/// The requests of a stage that count for other planned flags, too.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Confounding {
    /// All requests in an arm of the plan.
    requests: u64,
    /// By the key of the other flag: the requests that both plans treat.
    treated_by_both: BTreeMap<String, u64>,
}

impl Confounding {
    /// Adds a slot.
    pub(super) fn add(&mut self, slot: &ObservedSlot) {
        let is_compared = |arm| match arm {
            ArmName::Treatment | ArmName::Control | ArmName::OptedIn => true,
            ArmName::Excluded => false,
        };
        let compared = slot.units.iter().filter(|unit| is_compared(unit.arm));
        let requests: u64 = compared.map(|unit| u64::from(unit.requests)).sum();
        self.requests = self.requests.saturating_add(requests);
        for overlap in slot.overlaps.iter().filter(|overlap| overlap.requests > 0) {
            let both = self.treated_by_both.entry(overlap.flag.clone()).or_default();
            *both = both.saturating_add(overlap.treated_by_both);
        }
    }

    /// Returns the flags with which requests are shared.
    pub(super) fn report(&self) -> Vec<ConfoundedFlag> {
        #[expect(clippy::cast_precision_loss, reason = "a share, for people")]
        let share = |both: u64| both as f64 / self.requests.max(1) as f64;
        let flags = self.treated_by_both.iter();
        flags
            .map(|(flag, both)| ConfoundedFlag {
                flag: flag.clone(),
                share: share(*both).min(1.0),
            })
            .collect()
    }
}
