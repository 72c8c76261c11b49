//! The id of a run.

use aws_lc_rs::digest;
use config::{RolloutPlan, ToJson as _};
use rules::Timestamp;

use crate::record::Revision;

/// The bits of an id: a number of JSON has no more without loss.
const BITS: u32 = 53;

/// The facts that tell a run from any other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunFacts<'f> {
    pub(crate) flag: &'f str,
    /// The revision before the change that sets or starts the plan.
    pub(crate) revision: Revision,
    pub(crate) at: Timestamp,
    pub(crate) request_id: &'f str,
}

/// Returns the id of a run: a digest of the plan and of the change that sets or starts it. A store that was restored from a
/// backup repeats revisions, but neither times nor ids of requests.
pub(crate) fn run_id(plan: &RolloutPlan, facts: RunFacts<'_>) -> u64 {
    let text = serde_json::json!([
        facts.flag,
        facts.revision.0,
        facts.at.0,
        facts.request_id,
        plan.to_json()
    ]);
    let digest = digest::digest(&digest::SHA256, text.to_string().as_bytes());
    let bytes = digest.as_ref().iter().take(8);
    let number = bytes.fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    number >> (u64::BITS - BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_repeats_for_the_same_change_only() {
        let plan = |percentage: u32| {
            let plan =
                serde_json::json!({ "stages": [{ "name": "one", "percentage": percentage, "for": "1h" }] });
            config::read_plan(&plan).unwrap()
        };
        let facts = RunFacts {
            flag: "board",
            revision: Revision(7),
            at: Timestamp(1),
            request_id: "one",
        };
        let id = run_id(&plan(5), facts);
        assert_eq!(run_id(&plan(5), facts), id);
        assert!(id < 1 << BITS);
        let others = [
            run_id(&plan(6), facts),
            run_id(
                &plan(5),
                RunFacts {
                    at: Timestamp(2),
                    ..facts
                },
            ),
            run_id(
                &plan(5),
                RunFacts {
                    request_id: "two",
                    ..facts
                },
            ),
            run_id(
                &plan(5),
                RunFacts {
                    flag: "theme",
                    ..facts
                },
            ),
            run_id(
                &plan(5),
                RunFacts {
                    revision: Revision(8),
                    ..facts
                },
            ),
        ];
        assert!(others.iter().all(|other| *other != id), "{others:?}");
    }
}
