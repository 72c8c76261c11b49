//! The parts of a subject that the flags of each gate read. Found when the first request of a route is kept, once for a snapshot.

use std::sync::OnceLock;

use rules::{AttributeId, RouteId, Snapshot};

/// The parts of a subject that the flags of a gate read, beside its tenant.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SubjectNeeds {
    /// Groups of the user, or the user.
    pub(crate) person: bool,
    pub(crate) attributes: Box<[AttributeId]>,
    /// True if the verdict of the gate has its only decision, and tenant and user are enough to find its bucket.
    pub(crate) is_verdict_enough: bool,
}

/// The needs of the gates of a snapshot, by the ids of its routes.
#[derive(Debug)]
pub(crate) struct GateNeeds(Box<[OnceLock<SubjectNeeds>]>);

impl GateNeeds {
    /// Creates the needs for the routes of a snapshot, none of them found yet.
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        Self(snapshot.routes.all().iter().map(|_| OnceLock::new()).collect())
    }

    /// Returns the needs of the route's gate in the snapshot that these were created for.
    pub(crate) fn of_route(&self, id: RouteId, snapshot: &Snapshot) -> Option<&SubjectNeeds> {
        let found = self.0.get(id.index())?;
        Some(found.get_or_init(|| find(id, snapshot).unwrap_or_default()))
    }
}

fn find(id: RouteId, snapshot: &Snapshot) -> Option<SubjectNeeds> {
    let gate = snapshot.routes.route(id)?.gate.as_ref()?;
    let mut needs = SubjectNeeds::default();
    let mut attributes = Vec::new();
    for flag in gate.flags() {
        let inputs = snapshot.flags.request_inputs(*flag);
        needs.person |= inputs.person;
        attributes.extend(inputs.attributes);
    }
    attributes.sort_unstable();
    attributes.dedup();
    let is_planned = |id| snapshot.flags.flag(id).is_some_and(rules::Flag::is_planned);
    let single = gate.single_flag().filter(|(flag, _)| !is_planned(*flag));
    let requires = single.and_then(|(flag, _)| snapshot.flags.flag(flag)?.required_flag(0));
    needs.is_verdict_enough =
        single.is_some() && requires.is_none() && attributes.is_empty() && !needs.person;
    needs.attributes = attributes.into();
    Some(needs)
}
