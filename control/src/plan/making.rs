//! A plan in the making: collects what is written, step by step, with what is remembered of each step.

use std::collections::BTreeMap;

use rules::{Lifecycle, Timestamp};
use serde_json::{Map, Value, json};

use super::{Plan, Request, Summary};
use crate::audit::{Entry, Event, Outcome};
use crate::edits;
use crate::flag_state::FlagState;
use crate::refusal::{Code, Refusal};
use crate::state::{State, record_of};
use crate::store::{Key, Write};
use crate::touched::Touched;

/// A plan in the making.
pub(super) struct Making<'a> {
    pub(super) state: &'a State,
    pub(super) request: &'a Request,
    pub(super) plan: Plan,
    /// Tenants whose records would make the document invalid.
    pub(super) unfit: BTreeMap<String, Refusal>,
}

/// What is remembered of one step.
#[derive(Default)]
pub(super) struct About<'a> {
    pub(super) flag: Option<&'a str>,
    pub(super) org: Option<&'a str>,
    pub(super) details: Map<String, Value>,
}

impl<'a> Making<'a> {
    pub(super) fn new(state: &'a State, request: &'a Request, unfit: BTreeMap<String, Refusal>) -> Self {
        Self {
            state,
            request,
            plan: Plan::default(),
            unfit,
        }
    }

    pub(super) fn at(&self) -> Timestamp {
        self.request.at
    }

    /// The flag's definition and state, or the refusal that there is none.
    pub(super) fn flag(&self, key: &str) -> Result<(&'a Value, &'a FlagState), Vec<Refusal>> {
        let state: &'a State = self.state;
        let flag = state.definitions.get(key).zip(state.states.get(key));
        flag.ok_or_else(|| vec![flag_not_found(key)])
    }

    /// Writes what operators own of a flag, if that is not what it was. Says whether it was written.
    pub(super) fn write_state(
        &mut self,
        event: Event,
        key: &str,
        after: FlagState,
        details: Map<String, Value>,
    ) {
        if self.state.states.get(key) == Some(&after) {
            return;
        }
        let write = Write {
            key: Key::State(key.to_owned()),
            value: Some(record_of(&self.stamped(after))),
        };
        let about = About {
            flag: Some(key),
            org: None,
            details,
        };
        self.write(event, about, vec![write]);
    }

    /// The same state, changed now by the actor.
    pub(super) fn stamped(&self, state: FlagState) -> FlagState {
        FlagState {
            changed: self.request.at,
            changed_by: self.request.actor.name.clone(),
            ..state
        }
    }

    /// Writes a tenant's record, if that is not what it was.
    pub(super) fn write_tenant(&mut self, event: Event, org: &str, flag: Option<&str>, after: Option<Value>) {
        let about = About {
            flag,
            org: Some(org),
            details: Map::new(),
        };
        let write = Write {
            key: Key::Tenant(org.to_owned()),
            value: after,
        };
        self.write(event, about, vec![write]);
    }

    /// Writes those of the records that are not what they were, and remembers it if there are any.
    pub(super) fn write(&mut self, event: Event, about: About<'_>, mut writes: Vec<Write>) {
        writes.retain(|write| self.state.record(&write.key) != write.value);
        if writes.is_empty() {
            return;
        }
        let (patch, inverse) = patches(self.state, &writes);
        self.plan.audit.push(Entry {
            flag: about.flag.map(str::to_owned),
            org: about.org.map(str::to_owned),
            patch,
            inverse,
            details: about.details,
            ..entry(self.request, event)
        });
        self.plan.writes.append(&mut writes);
    }

    /// Remembers a change of many as one.
    pub(super) fn remember(&mut self, event: Event, outcome: Outcome, details: Map<String, Value>) {
        let entry = Entry {
            outcome,
            details,
            ..entry(self.request, event)
        };
        self.plan.audit.push(entry);
    }

    /// Remembers that a flag came in further than a flag begins: nothing was asked of it on the way.
    pub(super) fn remember_adopted(&mut self, flag: &str, to: Lifecycle) {
        let mut details = Map::new();
        details.insert("from".into(), Lifecycle::default().as_str().into());
        details.insert("to".into(), to.as_str().into());
        details.insert("adopted".into(), true.into());
        self.remember(Event::StateChanged, Outcome::Applied, details);
        if let Some(entry) = self.plan.audit.last_mut() {
            entry.flag = Some(flag.to_owned());
        }
    }

    pub(super) fn summary(&mut self) -> &mut Summary {
        &mut self.plan.summary
    }

    pub(super) fn finish(self) -> Plan {
        Plan {
            edits: edits::of(self.state, &self.plan.writes),
            touched: Touched::of(self.state, &self.plan.writes),
            ..self.plan
        }
    }
}

/// An entry that says who did what, and nothing more yet.
pub(super) fn entry(request: &Request, event: Event) -> Entry {
    Entry {
        at: request.at,
        actor: request.actor.name.clone(),
        role: Some(request.actor.role),
        source: request.source,
        request_id: request.request_id.clone(),
        event,
        outcome: Outcome::Applied,
        flag: None,
        org: None,
        reason: request.reason.clone(),
        urgent: None,
        patch: Vec::new(),
        inverse: Vec::new(),
        details: Map::new(),
    }
}

pub(super) fn flag_not_found(key: &str) -> Refusal {
    Refusal::new(Code::FlagNotFound, format!("no flag has the key {key}"))
        .cure("list the flags to see their keys")
        .fact("flag", key)
}

pub(super) fn tenant_not_found(org: &str) -> Refusal {
    Refusal::new(
        Code::TenantNotFound,
        format!("there is no record of the tenant {org}"),
    )
    .cure("write its record first")
    .fact("org", org)
}

/// From before to after and back, over everything that is kept as one JSON value: `head`, `segments`,
/// `definitions`, `states` and `tenants`.
fn patches(state: &State, writes: &[Write]) -> (Vec<Value>, Vec<Value>) {
    let (mut before, mut after) = (sections(), sections());
    for Write { key, value } in writes {
        put(&mut before, key, state.record(key));
        put(&mut after, key, value.clone());
    }
    (patch(&before, &after), patch(&after, &before))
}

fn sections() -> Value {
    json!({ "head": {}, "segments": {}, "definitions": {}, "states": {}, "tenants": {} })
}

fn put(sections: &mut Value, key: &Key, value: Option<Value>) {
    let (section, name) = match key {
        Key::Head => {
            if let (Some(head), Some(value)) = (sections.get_mut("head"), value) {
                *head = value;
            }
            return;
        }
        Key::Segment(name) => ("segments", name),
        Key::Definition(flag) => ("definitions", flag),
        Key::State(flag) => ("states", flag),
        Key::Tenant(id) => ("tenants", id),
    };
    let section = sections.get_mut(section).and_then(Value::as_object_mut);
    if let (Some(section), Some(value)) = (section, value) {
        section.insert(name.clone(), value);
    }
}

/// The operations that make `after` of `before`. Each is an object of texts and values, which always has a JSON form.
fn patch(before: &Value, after: &Value) -> Vec<Value> {
    let operations = json_patch::diff(before, after).0;
    let operations = operations
        .iter()
        .map(|operation| serde_json::to_value(operation).unwrap_or_default());
    operations.collect()
}
