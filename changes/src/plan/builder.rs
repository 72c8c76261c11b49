//! Builds a plan step by step: each step adds edits, the records they write, and audit entries.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::{Edit, JsonEdit, OwnedTenant, ToJson as _};
use imbl::OrdMap;
use rules::{FlagDefinition, Lifecycle, Timestamp};
use serde_json::{Map, Value};

use super::flag_lists;
use super::planned::{NoPlan, Plan, Summary};
use super::record_steps;
use super::request::Request;
use crate::affected::Affected;
use crate::audit::{Entry, Outcome, Patch};
use crate::codec::{self, RecordChange};
use crate::event::Event;
use crate::flag::{self, ManagedFlag};
use crate::record::{Json, Key, Write};
use crate::refusal::{Code, Refusal};
use crate::rollout::RunFacts;
use crate::state::{State, StateEdit};
use crate::urgent::Urgent;

/// A plan that is being built.
pub(super) struct PlanBuilder<'a> {
    pub(super) state: &'a State,
    pub(super) request: &'a Request,
    pub(super) plan: Plan,
    /// The flags of the document that is applied.
    pub(super) written_flags: OrdMap<Arc<str>, Arc<FlagDefinition>>,
    /// Tenants of an import whose records would make the document invalid, with the reason.
    pub(super) invalid_tenants: BTreeMap<String, Refusal>,
}

/// The result of a step: all reasons to reject the change, if there are any.
pub(super) type PlanStep = Result<(), NoPlan>;

/// Optional fields of an audit entry.
#[derive(Default)]
pub(super) struct EntryFields<'a> {
    pub(super) flag: Option<&'a str>,
    pub(super) details: Map<String, Value>,
}

impl<'a> PlanBuilder<'a> {
    pub(super) fn new(
        state: &'a State,
        request: &'a Request,
        invalid_tenants: BTreeMap<String, Refusal>,
    ) -> Self {
        Self {
            state,
            request,
            plan: Plan::default(),
            written_flags: OrdMap::new(),
            invalid_tenants,
        }
    }

    pub(super) fn at(&self) -> Timestamp {
        self.request.at
    }

    /// Returns the flag, or a refusal if it does not exist.
    pub(super) fn flag(&self, key: &str) -> Result<ManagedFlag, Vec<Refusal>> {
        self.state.flag(key).ok_or_else(|| vec![flag_not_found(key)])
    }

    /// Writes a flag as changed by the actor now, unless it is equal to the current one.
    pub(super) fn write_flag(
        &mut self,
        event: Event,
        key: &str,
        mut after: ManagedFlag,
        mut details: Map<String, Value>,
    ) {
        if self.is_unchanged(key, &after) {
            return;
        }
        // As it is now: the plan can be another one when people are notified.
        let plan = after.state.plan.as_deref();
        if let Some(ticket) = plan.and_then(|managed| managed.plan.ticket.as_deref()) {
            details.insert("plan_ticket".to_owned(), ticket.into());
        }
        self.mark_changed(&mut after);
        let entry_fields = EntryFields {
            flag: Some(key),
            details,
        };
        self.write(
            event,
            entry_fields,
            vec![StateEdit::Flag(key.into(), Some(after))],
        );
    }

    /// Returns true if the flag is equal to the current one.
    pub(super) fn is_unchanged(&self, key: &str, flag: &ManagedFlag) -> bool {
        self.state.flag(key).as_ref() == Some(flag)
    }

    /// Returns the facts that tell a run of a flag's plan from any other, if this change sets or starts it.
    pub(super) fn run_facts<'f>(&'f self, flag: &'f str) -> RunFacts<'f> {
        RunFacts {
            flag,
            revision: self.state.revision,
            at: self.request.at,
            request_id: &self.request.request_id,
        }
    }

    /// Sets the time and actor of the last change.
    pub(super) fn mark_changed(&self, flag: &mut ManagedFlag) {
        let state = flag.state_mut();
        state.changed = self.request.at;
        state.changed_by.clone_from(&self.request.actor.name);
    }

    /// Writes or removes a tenant's record, unless it is equal to the current one. Adds an audit entry for each flag of
    /// the record that changes, as the call for that flag does, and one for the rest.
    pub(super) fn write_tenant(&mut self, org: &str, after: Option<Arc<OwnedTenant>>) {
        let before = self.state.tenant(org).map(|record| record.to_json());
        let json = after.as_ref().map(|record| record.to_json());
        let value = json.as_ref().map(Json::from);
        let steps = record_steps::steps(org, before, json, |flag, variant| self.is_off(flag, variant));
        if steps.is_empty() {
            return;
        }
        let entries = steps.into_iter().map(|step| Entry {
            flag: step.flag,
            org: Some(org.to_owned()),
            patch: step.patch,
            inverse: step.inverse,
            ..entry(self.request, step.event)
        });
        self.plan.audit.extend(entries);
        self.plan.writes.push(Write {
            key: Key::Tenant(org.to_owned()),
            value,
        });
        self.plan.edits.push(StateEdit::Tenant(org.into(), after));
    }

    /// Returns true if an override with this variant takes the flag from a tenant.
    fn is_off(&self, flag: &str, variant: &str) -> bool {
        let known = self.state.document.flags.get(flag);
        let definition = self.written_flags.get(flag).or(known);
        definition.is_some_and(|definition| flag::is_off(definition, variant))
    }

    /// Adds the edits that change a record, and one audit entry for them if there are any.
    pub(super) fn write(&mut self, event: Event, entry_fields: EntryFields<'_>, edits: Vec<StateEdit>) {
        let mut changes = Vec::new();
        for edit in edits {
            let changed = codec::changed(self.state, &edit);
            if !changed.is_empty() {
                changes.extend(changed);
                self.plan.edits.push(edit);
            }
        }
        if changes.is_empty() {
            return;
        }
        let (patch, inverse) = patches(&changes);
        self.plan.audit.push(Entry {
            flag: entry_fields.flag.map(str::to_owned),
            patch,
            inverse,
            details: entry_fields.details,
            ..entry(self.request, event)
        });
        let writes = changes.into_iter().map(|RecordChange { key, after, .. }| Write {
            key,
            value: after.as_ref().map(Json::from),
        });
        self.plan.writes.extend(writes);
    }

    /// Adds an audit entry without a patch.
    pub(super) fn audit(&mut self, event: Event, outcome: Outcome, details: Map<String, Value>) {
        let entry = Entry {
            outcome,
            details,
            ..entry(self.request, event)
        };
        self.plan.audit.push(entry);
    }

    /// Adds an audit entry of a flag without a patch.
    pub(super) fn audit_flag(&mut self, event: Event, flag: &str, details: Map<String, Value>) {
        self.audit(event, Outcome::Applied, details);
        if let Some(entry) = self.plan.audit.last_mut() {
            entry.flag = Some(flag.to_owned());
        }
    }

    /// Adds the audit entry of a new flag that a document starts beyond alpha, with the conditions that it skipped.
    pub(super) fn audit_adopted(
        &mut self,
        flag: &str,
        to: Lifecycle,
        skipped: &[Code],
        urgent: Option<&Urgent>,
    ) {
        let mut details = Map::new();
        details.insert("from".into(), Lifecycle::default().as_str().into());
        details.insert("to".into(), to.as_str().into());
        details.insert("adopted".into(), true.into());
        if urgent.is_some() {
            let codes: Vec<Value> = skipped.iter().map(|code| code.as_str().into()).collect();
            details.insert("skipped".into(), codes.into());
        }
        self.audit_flag(Event::StateChanged, flag, details);
        if let Some(entry) = self.plan.audit.last_mut() {
            entry.urgent = urgent.cloned();
        }
    }

    pub(super) fn summary(&mut self) -> &mut Summary {
        &mut self.plan.summary
    }

    pub(super) fn finish(mut self) -> Plan {
        let incident = self.request.incident_detail();
        for entry in &mut self.plan.audit {
            entry.set_actor(&self.request.actor);
            entry.details.extend(incident.clone());
        }
        Plan {
            affected: Affected::of(self.state, &self.plan.edits),
            ..self.plan
        }
    }
}

/// Creates the audit entry of an applied request with its actor, source and reason.
pub(super) fn entry(request: &Request, event: Event) -> Entry {
    let Request {
        actor, source, at, ..
    } = request;
    Entry {
        role: Some(actor.role),
        reason: request.reason.clone(),
        ..Entry::new(
            *at,
            event,
            *source,
            actor.name.clone(),
            request.request_id.clone(),
        )
    }
}

pub(super) fn flag_not_found(key: &str) -> Refusal {
    Refusal::new(Code::FlagNotFound, format!("no flag has the key {key}"))
        .help("list the flags to see their keys")
        .fact("flag", key)
}

pub(super) fn tenant_not_found(org: &str) -> Refusal {
    Refusal::new(Code::TenantNotFound, format!("the tenant {org} has no record"))
        .help("create its record first")
        .fact("org", org)
}

/// Reads a tenant's record as documents write it. A flag that a list repeats counts once.
pub(super) fn read_tenant(id: &str, written: Value) -> Result<Arc<OwnedTenant>, NoPlan> {
    let edit = JsonEdit::Tenant(id.to_owned(), Some(written));
    match JsonEdit::read(std::slice::from_ref(&edit)).as_deref() {
        Some([Edit::Tenant(_, Some(record))]) => Ok(flag_lists::with_each_flag_once(record)),
        _ => Err(NoPlan::Unreadable(vec![edit])),
    }
}

/// Returns the patch of changes and its inverse, relative to the JSON value of the whole state.
fn patches(changes: &[RecordChange]) -> (Patch, Patch) {
    let sections = |record: fn(&RecordChange) -> Option<&Value>| {
        let records = changes.iter();
        codec::sections(records.filter_map(|change| Some((&change.key, record(change)?.clone()))))
    };
    let before = sections(|change| change.before.as_ref());
    let after = sections(|change| change.after.as_ref());
    (patch(&before, &after), patch(&after, &before))
}

/// Returns the operations that turn `before` into `after`.
fn patch(before: &Value, after: &Value) -> Patch {
    record_steps::patch(&json_patch::diff(before, after).0)
}
