//! What is set of one tenant: its record, overrides, the beta allowlist, and what it chose for itself.

use std::collections::BTreeSet;

use rules::Lifecycle;
use serde_json::{Map, Value};

use super::definition::Definition;
use super::making::{Making, flag_not_found, tenant_not_found};
use crate::actor::Role;
use crate::audit::Event;
use crate::refusal::{Code, Refusal};

type Done = Result<(), Vec<Refusal>>;
type Record = Map<String, Value>;

/// Writes a record whole.
pub(super) fn put(making: &mut Making<'_>, org: &str, record: &Value) -> Done {
    object(org, record)?;
    making.write_tenant(Event::TenantChanged, org, None, Some(record.clone()));
    Ok(())
}

/// Changes fields of a record (RFC 7396).
pub(super) fn patch(making: &mut Making<'_>, org: &str, patch: &Value) -> Done {
    object(org, patch)?;
    let mut record = Value::Object(record(making, org)?);
    json_patch::merge(&mut record, patch);
    making.write_tenant(Event::TenantChanged, org, None, Some(record));
    Ok(())
}

/// Removes a record.
pub(super) fn delete(making: &mut Making<'_>, org: &str) -> Done {
    record(making, org)?;
    making.write_tenant(Event::TenantRemoved, org, None, None);
    Ok(())
}

/// Sets or removes an override.
pub(super) fn set_override(making: &mut Making<'_>, org: &str, flag: &str, variant: Option<&Value>) -> Done {
    let (definition, mut record) = both(making, org, flag)?;
    let overrides = record.entry("overrides").or_insert_with(|| Map::new().into());
    let Some(overrides) = overrides.as_object_mut() else {
        return Err(vec![no_mapping(org)]);
    };
    let event = match variant {
        None => {
            overrides.shift_remove(flag);
            Event::OverrideRemoved
        }
        Some(variant) => {
            overrides.insert(flag.to_owned(), definition.variant(variant));
            if definition.is_off(variant) {
                Event::FlagDisabled
            } else {
                Event::FlagEnabled
            }
        }
    };
    making.plan.withdraws = event == Event::FlagDisabled;
    write(making, event, org, flag, record);
    Ok(())
}

/// Puts the flag on the tenant's beta allowlist.
pub(super) fn allow(making: &mut Making<'_>, org: &str, flag: &str) -> Done {
    let (_, mut record) = both(making, org, flag)?;
    add(&mut record, "beta", flag);
    write(making, Event::BetaAllowed, org, flag, record);
    Ok(())
}

/// Takes the flag off the tenant's beta allowlist.
pub(super) fn disallow(making: &mut Making<'_>, org: &str, flag: &str) -> Done {
    let (_, mut record) = both(making, org, flag)?;
    remove(&mut record, "beta", flag);
    making.plan.withdraws = true;
    write(making, Event::BetaDisallowed, org, flag, record);
    Ok(())
}

/// The tenant chooses to have the flag.
pub(super) fn opt_in(making: &mut Making<'_>, org: &str, flag: &str) -> Done {
    let lifecycle = open(making, org, flag)?;
    if lifecycle == Lifecycle::Beta && !takes_opt_ins(making) {
        let detail = format!("{flag} is beta, and tenants can't opt in to beta flags here");
        let refusal = Refusal::new(Code::OptInClosed, detail).cure("ask to be put on its allowlist");
        return Err(vec![refusal]);
    }
    let mut record = record(making, org)?;
    remove(&mut record, "opt_out", flag);
    add(&mut record, "opt_in", flag);
    write(making, Event::OptedIn, org, flag, record);
    Ok(())
}

/// The tenant chooses not to have the flag.
pub(super) fn opt_out(making: &mut Making<'_>, org: &str, flag: &str) -> Done {
    open(making, org, flag)?;
    let mut record = record(making, org)?;
    remove(&mut record, "opt_in", flag);
    add(&mut record, "opt_out", flag);
    making.plan.withdraws = true;
    write(making, Event::OptedOut, org, flag, record);
    Ok(())
}

/// How far a flag is whose tenants may choose. An org's admin is not told of those that are not open to it.
fn open(making: &Making<'_>, org: &str, flag: &str) -> Result<Lifecycle, Vec<Refusal>> {
    let (definition, _) = both(making, org, flag)?;
    let (_, state) = making.flag(flag)?;
    let lifecycle = state.lifecycle().filter(|_| definition.kind().has_lifecycle());
    match lifecycle {
        Some(open @ (Lifecycle::Beta | Lifecycle::Ga)) => Ok(open),
        _ if making.request.actor.role == Role::OrgAdmin => Err(vec![flag_not_found(flag)]),
        closed => {
            let found = closed.map_or("has no lifecycle".to_owned(), |lifecycle| {
                format!("is {lifecycle}")
            });
            let detail = format!("{flag} {found}: tenants choose of beta and ga flags");
            Err(vec![Refusal::new(Code::OptInClosed, detail)])
        }
    }
}

fn takes_opt_ins(making: &Making<'_>) -> bool {
    let switch = making.state.head.pointer("/policy/beta_opt_in");
    switch.and_then(Value::as_bool) != Some(false)
}

/// The flag's definition and the tenant's record, or that one of them, or both, are missing.
fn both<'a>(making: &Making<'a>, org: &str, flag: &str) -> Result<(Definition<'a>, Record), Vec<Refusal>> {
    match (making.flag(flag), record(making, org)) {
        (Ok((definition, _)), Ok(record)) => Ok((Definition(definition), record)),
        (flag, record) => Err([flag.err(), record.err()]
            .into_iter()
            .flatten()
            .flatten()
            .collect()),
    }
}

fn record(making: &Making<'_>, org: &str) -> Result<Record, Vec<Refusal>> {
    let record = making.state.tenants.get(org).and_then(Value::as_object);
    record.cloned().ok_or_else(|| vec![tenant_not_found(org)])
}

fn object(org: &str, record: &Value) -> Done {
    if record.is_object() {
        Ok(())
    } else {
        Err(vec![no_mapping(org)])
    }
}

pub(super) fn no_mapping(org: &str) -> Refusal {
    Refusal::new(
        Code::InvalidDocument,
        format!("what is written of the tenant {org} is no mapping"),
    )
    .fact("org", org)
}

fn write(making: &mut Making<'_>, event: Event, org: &str, flag: &str, mut record: Record) {
    let before = making.state.tenants.get(org);
    tidy(&mut record, before);
    making.write_tenant(event, org, Some(flag), Some(Value::Object(record)));
}

/// Leaves out lists that have become empty, but not those that were written so.
fn tidy(record: &mut Record, before: Option<&Value>) {
    let is_empty = |value: &Value| {
        value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty)
    };
    record.retain(|field, value| {
        let listed = matches!(field.as_str(), "beta" | "overrides" | "opt_in" | "opt_out");
        !listed || !is_empty(value) || before.and_then(|before| before.get(field)) == Some(value)
    });
}

fn add(record: &mut Record, list: &str, flag: &str) {
    let list = record.entry(list).or_insert_with(|| Value::Array(Vec::new()));
    if let Some(list) = list.as_array_mut()
        && !list.iter().any(|item| item == flag)
    {
        list.push(flag.into());
    }
}

fn remove(record: &mut Record, list: &str, flag: &str) {
    if let Some(list) = record.get_mut(list).and_then(Value::as_array_mut) {
        list.retain(|item| item != flag);
    }
}

/// The record without any word of these flags; none where it has none.
pub(super) fn without(record: &Value, flags: &BTreeSet<&str>) -> Option<Value> {
    let is_removed = |item: &Value| item.as_str().is_some_and(|flag| flags.contains(flag));
    let mut after = record.as_object()?.clone();
    for list in ["beta", "opt_in", "opt_out"] {
        if let Some(list) = after.get_mut(list).and_then(Value::as_array_mut) {
            list.retain(|item| !is_removed(item));
        }
    }
    if let Some(overrides) = after.get_mut("overrides").and_then(Value::as_object_mut) {
        overrides.retain(|flag, _| !flags.contains(flag.as_str()));
    }
    tidy(&mut after, Some(record));
    let after = Value::Object(after);
    (after != *record).then_some(after)
}
