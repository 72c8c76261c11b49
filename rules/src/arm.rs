//! The arm of a rollout plan that a decision belongs to. The plan compares the requests of its arms.

use crate::{Cause, Decision, FlagId, Flags, Subject, subject::AttributeRef};

/// The arm of a decision. Treatment and control differ by the bucket alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arm {
    /// Admitted by the current stage.
    Treatment,
    /// In the audience of the current stage and outside its bucket.
    Control,
    /// In the audience of the current stage and opted in: on regardless of the bucket, so there is nothing to compare with.
    OptedIn,
    /// Neither. The cause is that of the decision: [`Cause::Rollout`] for a subject that an earlier stage admitted,
    /// [`Cause::HeldBack`] for one that only the audience of an earlier stage contains, or that has no id.
    Excluded(Cause),
}

impl Flags {
    /// Returns the arm of `decision`, which was made about this flag for `subject`. Without an exposure there are no arms:
    /// every decision is excluded. Allocates nothing.
    #[must_use]
    pub fn arm(&self, flag: FlagId, decision: &Decision, subject: &Subject<'_>) -> Arm {
        let excluded = Arm::Excluded(decision.cause);
        let exposure = self.flag(flag).and_then(|flag| flag.exposure.as_deref());
        let Some(exposure) = exposure else {
            return excluded;
        };
        let is_in_current_audience = || {
            let current = exposure.stages.last();
            current.is_some_and(|stage| stage.is_in_audience(self, subject))
        };
        let is_of_current = !exposure.stages.is_empty() && usize::from(decision.place) == exposure.current();
        match decision.cause {
            Cause::Rollout if is_of_current => Arm::Treatment,
            Cause::HeldBack if is_of_current => Arm::Control,
            Cause::OptIn if is_in_current_audience() => Arm::OptedIn,
            _ => excluded,
        }
    }

    /// Returns the hash of the id that a flag with a rollout plan randomises by, and of the tenant's id for other flags;
    /// `None` if the subject has no such id. `tenant` is the XXH3 hash of the tenant's id, so that it is computed once for
    /// several flags.
    #[must_use]
    pub fn unit(&self, flag: FlagId, subject: &Subject<'_>, tenant: Option<u64>) -> Option<u64> {
        match self.flag(flag)?.exposure.as_deref() {
            Some(exposure) if exposure.bucketing.by != AttributeRef::Tenant => {
                exposure.bucketing.id_hash(self, subject)
            }
            _ => tenant,
        }
    }
}
