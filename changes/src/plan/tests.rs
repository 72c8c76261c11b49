mod adopting;
mod applying;
mod conditions;
mod incidents;
mod lifecycles;
mod operating;
pub(crate) mod properties;
mod reports;
mod rollout_properties;
mod rollouts;
mod tenants;

use config::FlagsDocument;
use rules::{Lifecycle, Timestamp};
use serde_json::json;

use super::*;
use crate::actor::{Actor, ChangeSource, Role};
use crate::change::GaDefault;
use crate::codec;
use crate::record::{Key, Revision};
use crate::refusal::Code;
use crate::state::StateEdit;

pub(crate) const HOUR: i64 = 3_600_000;
/// 2026-11-20 09:14:00, the start of every test.
pub(crate) const START: i64 = 1_795_252_440_000 - 24 * HOUR;

/// Facts of the running system.
#[derive(Clone)]
pub(crate) struct Said {
    pub(crate) tenants: usize,
    pub(crate) errors: u64,
    /// The hours after [`START`] at which a request was served last; none if none was.
    pub(crate) served_after: Option<i64>,
    /// The hours after [`START`] since which requests are observed; none if they always were.
    pub(crate) observed_after: Option<i64>,
    /// The operators who were removed.
    pub(crate) removed: &'static [&'static str],
}

/// Facts that meet every condition of a promotion.
pub(crate) const GOOD: Said = Said {
    tenants: 10,
    errors: 0,
    served_after: Some(1_000),
    observed_after: None,
    removed: &[],
};

impl Facts for Said {
    fn pilots(&self, _: &str, _: Timestamp, _: Timestamp) -> Pilots {
        Pilots {
            counted: self.tenants,
            ..Pilots::default()
        }
    }

    fn is_served_since(&self, _: &str, since: Timestamp) -> bool {
        let served = self.served_after.map(|hours| Timestamp(START + hours * HOUR));
        served.is_some_and(|served| served > since)
    }

    fn observed_since(&self) -> Option<Timestamp> {
        self.observed_after.map(|hours| Timestamp(START + hours * HOUR))
    }

    fn standing(&self, operator: &str) -> Standing {
        match self.removed.contains(&operator) {
            true => Standing::Removed,
            false => Standing::Present { groups: None },
        }
    }

    fn errors_within(&self, _: &str, window_ms: i64) -> u64 {
        assert!(window_ms >= 24 * HOUR);
        self.errors
    }
}

pub(crate) fn admin(change: Change, after_ms: i64) -> Request {
    Request {
        change,
        actor: Actor {
            name: "ada".into(),
            display_name: None,
            role: Role::PlatformAdmin,
            groups: Vec::new(),
            org: None,
        },
        source: ChangeSource::Api,
        reason: Some("because".into()),
        incident: None,
        request_id: "r-1".into(),
        expected: None,
        force: false,
        at: Timestamp(START + after_ms),
    }
}

pub(crate) fn by(role: Role, org: Option<&str>, request: Request) -> Request {
    let actor = Actor {
        name: "bob".into(),
        display_name: None,
        role,
        groups: Vec::new(),
        org: org.map(str::to_owned),
    };
    Request { actor, ..request }
}

/// Parses a document.
pub(crate) fn document(written: &Value) -> FlagsDocument {
    let read = FlagsDocument::parse("document", written.to_string().as_bytes());
    read.unwrap_or_else(|report| panic!("{report}"))
}

pub(crate) fn applying(written: Value) -> Change {
    Change::ApplyDocument {
        document: document(&written),
        prune: false,
        new_flags: NewFlags::AsWritten,
    }
}

/// The state after a document was applied to an empty state, at [`START`].
pub(crate) fn state(document: Value) -> State {
    let mut state = State::default();
    made(&mut state, &admin(applying(document), 0));
    state
}

/// Applies a change and returns its plan.
pub(crate) fn made(state: &mut State, request: &Request) -> Plan {
    let plan = plan(state, request, &LifecyclePolicy::default(), &GOOD).unwrap();
    if !plan.writes.is_empty() {
        state.absorb(&plan.edits, Revision(state.revision.0 + 1));
    }
    plan
}

pub(crate) fn refused(state: &State, request: &Request) -> Vec<Refusal> {
    refusals_by(state, request, &LifecyclePolicy::default(), &GOOD)
}

pub(crate) fn refusals_by(
    state: &State,
    request: &Request,
    policy: &LifecyclePolicy,
    facts: &Said,
) -> Vec<Refusal> {
    refusals(plan(state, request, policy, facts).expect_err("it was let through"))
}

pub(crate) fn codes(refusals: &[Refusal]) -> Vec<&'static str> {
    refusals.iter().map(|refusal| refusal.code.as_str()).collect()
}

pub(crate) fn set_state(flag: &str, to: Lifecycle) -> Change {
    Change::SetState {
        flag: flag.into(),
        to,
        cascade: false,
        ga_default: GaDefault::On,
        urgent: None,
    }
}

pub(crate) fn urgently(flag: &str, to: Lifecycle) -> Change {
    Change::SetState {
        flag: flag.into(),
        to,
        cascade: false,
        ga_default: GaDefault::On,
        urgent: Some(Urgent {
            decision_maker: "grace".into(),
            incident: "INC-7".into(),
            reason: "the old one is down".into(),
        }),
    }
}

/// Returns the whole state as one JSON value, which the patches of entries refer to.
pub(crate) fn records(state: &State) -> Value {
    let keys = all_keys(state);
    let records = keys.iter().map(|key| (key, codec::record(state, key).unwrap()));
    codec::sections(records)
}

/// Returns the keys of all records.
pub(crate) fn all_keys(state: &State) -> Vec<Key> {
    let names = |name: &std::sync::Arc<str>| name.to_string();
    let document = &state.document;
    let mut keys = vec![Key::Head];
    keys.extend(document.segments.keys().map(names).map(Key::Segment));
    keys.extend(document.flags.keys().map(names).map(Key::Definition));
    keys.extend(state.states.keys().map(names).map(Key::State));
    keys.extend(document.tenants.keys().map(names).map(Key::Tenant));
    keys
}

/// Returns a flag as JSON of a document.
pub(crate) fn flag(state: &State, key: &str) -> Value {
    use config::ToJson as _;
    state.flag(key).unwrap().definition.to_json()
}

/// Returns the refusals of a change that does not meet the policy.
pub(crate) fn refusals(found: NoPlan) -> Vec<Refusal> {
    match found {
        NoPlan::Refused(refusals) => refusals,
        NoPlan::Unreadable(edits) => panic!("it is not of the form: {edits:?}"),
    }
}

/// Returns the stored record of a tenant.
pub(crate) fn tenant(state: &State, id: &str) -> Value {
    codec::record(state, &Key::Tenant(id.to_owned())).unwrap()
}

pub(crate) fn patched(mut records: Value, patch: &[Value]) -> Value {
    let patch: json_patch::Patch = serde_json::from_value(patch.to_vec().into()).unwrap();
    json_patch::patch(&mut records, &patch).unwrap();
    records
}
