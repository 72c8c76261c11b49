mod adopting;
mod applying;
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
pub(crate) struct Said {
    pub(crate) tenants: usize,
    pub(crate) errors: u64,
}

/// Facts that meet every condition of a promotion.
pub(crate) const GOOD: Said = Said {
    tenants: 10,
    errors: 0,
};

impl Facts for Said {
    fn tenants_with(&self, _: &str) -> usize {
        self.tenants
    }

    fn errors_within(&self, _: &str, window_ms: i64) -> u64 {
        assert_eq!(window_ms, 24 * HOUR);
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
            org: None,
        },
        source: ChangeSource::Api,
        reason: Some("because".into()),
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
