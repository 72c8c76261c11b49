//! The counting of requests apart from the edge, for measurements. Only with the feature `scripted`, which the binary does
//! not enable.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rules::{Action, Auth, RequestDecision, RouteId, Snapshot, Subject, Timestamp};

use super::arm_of_request::ArmsOfRequest;
use super::flag_arms::RequestEnd;
use super::observed_flags::{EndedRequest, ObservedFlags};

/// The observed flags of a snapshot.
pub struct ScriptedArms {
    snapshot: Arc<Snapshot>,
    observed: ObservedFlags,
}

impl ScriptedArms {
    /// Observes the flags of a snapshot.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Self {
            observed: ObservedFlags::none().following(&snapshot),
            snapshot,
        }
    }

    /// Decides a request of a route by the route's gate; its path is not matched.
    #[must_use]
    pub fn decide(&self, route: RouteId, subject: &Subject<'_>, now: Timestamp) -> RequestDecision<'_> {
        let found = self.snapshot.routes.all().get(route.index());
        let gate = found.and_then(|route| route.gate.as_ref());
        RequestDecision {
            route: Some(route),
            auth: found.map_or(Auth::None, |route| route.auth),
            verdict: gate.map(|gate| gate.decide(&self.snapshot.flags, subject, now)),
            // Counting does not read it.
            action: Action::Undecided,
            by_other_reading: false,
        }
    }

    /// Counts a decided request that an upstream answered, as the edge does: finds its arms, then counts its end.
    pub fn count(
        &self,
        decided: &RequestDecision<'_>,
        subject: &Subject<'_>,
        now: Timestamp,
        (id, started, duration): (&str, Instant, Duration),
    ) {
        let mut arms = ArmsOfRequest::new();
        self.observed
            .add_arms(&self.snapshot, decided, (subject, now), &mut arms);
        let ended = EndedRequest {
            id,
            tenant: subject.tenant,
            started,
            duration,
            status: 200,
            end: RequestEnd::Served(duration),
        };
        self.observed.count(&arms, &ended);
    }

    /// Ends the slot of each flag, and returns the number of requests in it.
    #[must_use]
    pub fn end_slots(&self) -> u64 {
        let units = |slot: super::TakenSlot| {
            slot.units
                .iter()
                .map(|unit| u64::from(unit.requests))
                .sum::<u64>()
        };
        self.observed.take_slots().map(|(_, slot)| units(slot)).sum()
    }
}
