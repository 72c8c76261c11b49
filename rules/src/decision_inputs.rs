//! The inputs of several flags' decisions together: whether they depend on the tenant alone, and how long they stay the
//! same. What is rendered from such decisions can be kept for the tenant.

use std::collections::HashSet;
use std::ops::Range;

use crate::{FlagId, Flags, HeaderPlan, Include, Lifecycle, RequestInputs, Subject, Tenant, Timestamp};

/// The inputs of several flags' decisions, besides the tenant and the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DecisionInputs {
    requests: RequestInputs,
    /// The begins and the ends of schedules, sorted.
    instants: Vec<Timestamp>,
}

impl Flags {
    /// Returns the inputs of the decisions of `ids`, and of the flags that these require. Time is linear in the number of
    /// these flags and the size of their conditions.
    #[must_use]
    pub fn decision_inputs(&self, ids: impl IntoIterator<Item = FlagId>) -> DecisionInputs {
        let mut inputs = DecisionInputs::default();
        let mut pending: Vec<FlagId> = ids.into_iter().collect();
        let mut seen: HashSet<FlagId> = pending.iter().copied().collect();
        while let Some(id) = pending.pop() {
            let Some(flag) = self.flag(id) else { continue };
            // Such a flag is decided by the first lines of the table, whatever the others say.
            if !flag.is_enabled() || flag.lifecycle() == Some(Lifecycle::Retired) {
                continue;
            }
            inputs.requests.flag_alone(self, flag);
            if let Some(schedule) = flag.schedule {
                inputs.instants.extend([schedule.from, schedule.until]);
            }
            let required = flag.requires.iter().map(|required| required.flag);
            pending.extend(required.filter(|id| seen.insert(*id)));
        }
        inputs.instants.sort_unstable();
        inputs.instants.dedup();
        inputs
    }
}

impl HeaderPlan {
    /// Returns the inputs of every value that depends on decisions, where `gated` are the flags of the route's gate.
    #[must_use]
    pub fn decision_inputs(&self, flags: &Flags, gated: &[FlagId]) -> DecisionInputs {
        let listed: &[FlagId] = match self.flags.as_ref().map(|header| &header.include) {
            Some(Include::All) => &flags.order,
            Some(Include::Route) => gated,
            Some(Include::List(ids)) => ids,
            None => &[],
        };
        let per_flag = self.per_flag.iter().map(|(flag, _)| *flag);
        flags.decision_inputs(listed.iter().copied().chain(per_flag))
    }

    /// Returns true if the values depend on the route of the request, by the flags of its gate.
    #[must_use]
    pub fn depends_on_route(&self) -> bool {
        let include = self.flags.as_ref().map(|header| &header.include);
        include == Some(&Include::Route)
    }
}

impl DecisionInputs {
    /// Returns true if all requests of a tenant with this record are decided alike: nothing is read of a request. An
    /// attribute that the record has is not read of the request.
    #[must_use]
    pub fn depend_on_tenant_alone(&self, record: Option<&Tenant>) -> bool {
        let is_recorded = |id| record.is_some_and(|record| record.has(id));
        !self.requests.person && self.requests.attributes.iter().all(|id| is_recorded(*id))
    }

    /// Returns true if the subject has a value for an attribute that one of the rollouts or splits is `by`.
    #[must_use]
    pub fn has_visitor_id(&self, subject: &Subject<'_>) -> bool {
        let ids = &self.requests.visitor_ids;
        subject.attributes.iter().any(|(id, _)| ids.contains(id))
    }

    /// Returns the longest period with `now` in which no schedule begins or ends, from its start (inclusive) to its end
    /// (exclusive). All decisions for one subject are the same in it.
    #[must_use]
    pub fn period(&self, now: Timestamp) -> Range<Timestamp> {
        let next = self.instants.partition_point(|instant| *instant <= now);
        let before = next.checked_sub(1).and_then(|last| self.instants.get(last));
        let until = self.instants.get(next);
        let (from, until) = (before.copied(), until.copied());
        from.unwrap_or(Timestamp::MIN)..until.unwrap_or(Timestamp::MAX)
    }
}
