//! Changes of one tenant: its record, overrides, the beta allowlist, and its opt-ins and opt-outs.

use std::collections::BTreeSet;
use std::sync::Arc;

use config::{OwnedTenant, ToJson as _};
use rules::{Lifecycle, OwnedName, Site, Sited};
use serde_json::Value;

use super::builder::{PlanBuilder, PlanStep, flag_not_found, read_tenant, tenant_not_found};
use super::planned::NoPlan;
use crate::actor::Role;
use crate::flag::ManagedFlag;
use crate::refusal::{Code, Refusal};

/// Replaces the record.
pub(super) fn put(builder: &mut PlanBuilder<'_>, org: &str, record: &Value) -> PlanStep {
    require_object(org, record)?;
    let record = read_tenant(org, record.clone())?;
    builder.write_tenant(org, Some(record));
    Ok(())
}

/// Changes fields of the record (JSON merge patch, RFC 7396).
pub(super) fn patch(builder: &mut PlanBuilder<'_>, org: &str, patch: &Value) -> PlanStep {
    require_object(org, patch)?;
    let mut written = record(builder, org)?.to_json();
    json_patch::merge(&mut written, patch);
    let record = read_tenant(org, written)?;
    builder.write_tenant(org, Some(record));
    Ok(())
}

/// Removes a record.
pub(super) fn delete(builder: &mut PlanBuilder<'_>, org: &str) -> PlanStep {
    record(builder, org)?;
    builder.write_tenant(org, None);
    Ok(())
}

/// Sets or removes an override.
pub(super) fn set_override(
    builder: &mut PlanBuilder<'_>,
    org: &str,
    key: &str,
    variant: Option<&Value>,
) -> PlanStep {
    let (flag, mut record) = flag_and_record(builder, org, key)?;
    let variant = match variant {
        None => None,
        Some(variant) => Some(flag.variant(&variant_name(org, key, variant)?)),
    };
    let overrides = record.overrides.get_or_insert_default();
    let place = overrides.iter().position(|(named, _)| named.value == key);
    builder.plan.withdraws = variant.as_ref().is_some_and(|variant| flag.is_off(variant));
    match (variant, place) {
        (None, place) => drop(place.map(|place| overrides.remove(place))),
        (Some(variant), place) => match place.and_then(|place| overrides.get_mut(place)) {
            Some((_, forced)) => *forced = variant,
            None => overrides.push((name(key), variant)),
        },
    }
    write(builder, org, record);
    Ok(())
}

/// Reads the name of a variant, or a boolean in its place.
fn variant_name(org: &str, key: &str, variant: &Value) -> Result<OwnedName, NoPlan> {
    let written = serde_json::json!({ "overrides": { key: variant } });
    let read = read_tenant(org, written)?;
    let mut overrides = read.overrides.iter().flatten();
    let (_, variant) = overrides.next().ok_or_else(|| NoPlan::Unreadable(Vec::new()))?;
    Ok(variant.clone())
}

/// Puts the flag on the tenant's beta allowlist.
pub(super) fn allow(builder: &mut PlanBuilder<'_>, org: &str, flag: &str) -> PlanStep {
    let (_, mut record) = flag_and_record(builder, org, flag)?;
    add(&mut record.beta, flag);
    write(builder, org, record);
    Ok(())
}

/// Takes the flag off the tenant's beta allowlist.
pub(super) fn disallow(builder: &mut PlanBuilder<'_>, org: &str, flag: &str) -> PlanStep {
    let (_, mut record) = flag_and_record(builder, org, flag)?;
    remove(&mut record.beta, flag);
    builder.plan.withdraws = true;
    write(builder, org, record);
    Ok(())
}

/// Opts the tenant in.
pub(super) fn opt_in(builder: &mut PlanBuilder<'_>, org: &str, flag: &str) -> PlanStep {
    let lifecycle = open_lifecycle(builder, org, flag)?;
    if lifecycle == Lifecycle::Beta && !takes_opt_ins(builder) {
        let detail = format!("{flag} is beta, and tenants can't opt in to beta flags here");
        let refusal = Refusal::new(Code::OptInClosed, detail).help("ask to be put on its allowlist");
        return Err(vec![refusal].into());
    }
    let mut record = record(builder, org)?;
    remove(&mut record.opt_out, flag);
    add(&mut record.opt_in, flag);
    write(builder, org, record);
    Ok(())
}

/// Opts the tenant out.
pub(super) fn opt_out(builder: &mut PlanBuilder<'_>, org: &str, flag: &str) -> PlanStep {
    open_lifecycle(builder, org, flag)?;
    let mut record = record(builder, org)?;
    remove(&mut record.opt_in, flag);
    add(&mut record.opt_out, flag);
    builder.plan.withdraws = true;
    write(builder, org, record);
    Ok(())
}

/// Returns the lifecycle of a flag that is open to opt-ins. For an org's admin the other flags do not exist.
fn open_lifecycle(builder: &PlanBuilder<'_>, org: &str, key: &str) -> Result<Lifecycle, NoPlan> {
    let (flag, _) = flag_and_record(builder, org, key)?;
    let lifecycle = flag.lifecycle().filter(|_| flag.kind().has_lifecycle());
    let refusal = match lifecycle {
        Some(open @ (Lifecycle::Beta | Lifecycle::Ga)) => return Ok(open),
        _ if builder.request.actor.role == Role::OrgAdmin => flag_not_found(key),
        closed => {
            let found = closed.map_or("has no lifecycle".to_owned(), |lifecycle| {
                format!("is {lifecycle}")
            });
            let detail = format!("{key} {found}: tenants can opt in to and out of beta and ga flags only");
            Refusal::new(Code::OptInClosed, detail)
        }
    };
    Err(vec![refusal].into())
}

fn takes_opt_ins(builder: &PlanBuilder<'_>) -> bool {
    builder.state.document.head.policy().beta_opt_in
}

/// Returns the flag and a copy of the tenant's record, or a refusal for each that does not exist.
fn flag_and_record(
    builder: &PlanBuilder<'_>,
    org: &str,
    key: &str,
) -> Result<(ManagedFlag, OwnedTenant), Vec<Refusal>> {
    match (builder.flag(key), record(builder, org)) {
        (Ok(flag), Ok(record)) => Ok((flag, record)),
        (flag, record) => Err([flag.err(), record.err()]
            .into_iter()
            .flatten()
            .flatten()
            .collect()),
    }
}

/// Returns a copy of the tenant's record.
fn record(builder: &PlanBuilder<'_>, org: &str) -> Result<OwnedTenant, Vec<Refusal>> {
    let record = builder.state.tenant(org);
    let record = record.ok_or_else(|| vec![tenant_not_found(org)])?;
    Ok((**record).clone())
}

fn require_object(org: &str, record: &Value) -> PlanStep {
    if record.is_object() {
        Ok(())
    } else {
        Err(vec![no_mapping(org)].into())
    }
}

pub(super) fn no_mapping(org: &str) -> Refusal {
    Refusal::new(
        Code::InvalidDocument,
        format!("the record of the tenant {org} is no mapping"),
    )
    .fact("org", org)
}

fn write(builder: &mut PlanBuilder<'_>, org: &str, mut record: OwnedTenant) {
    drop_emptied_lists(&mut record, builder.state.tenant(org).map(|before| &**before));
    builder.write_tenant(org, Some(Arc::new(record)));
}

/// Removes lists that the change has emptied, but not lists that were empty before.
fn drop_emptied_lists(record: &mut OwnedTenant, before: Option<&OwnedTenant>) {
    fn drop_if_emptied<T: PartialEq>(list: &mut Option<Vec<T>>, before: Option<&Option<Vec<T>>>) {
        if list.as_ref().is_some_and(Vec::is_empty) && before != Some(list) {
            *list = None;
        }
    }
    drop_if_emptied(&mut record.beta, before.map(|before| &before.beta));
    drop_if_emptied(&mut record.overrides, before.map(|before| &before.overrides));
    drop_if_emptied(&mut record.opt_in, before.map(|before| &before.opt_in));
    drop_if_emptied(&mut record.opt_out, before.map(|before| &before.opt_out));
}

fn name(flag: &str) -> OwnedName {
    Sited::new(flag.to_owned().into(), Site::default())
}

fn add(list: &mut Option<Vec<OwnedName>>, flag: &str) {
    let list = list.get_or_insert_default();
    if !list.iter().any(|item| item.value == flag) {
        list.push(name(flag));
    }
}

fn remove(list: &mut Option<Vec<OwnedName>>, flag: &str) {
    if let Some(list) = list {
        list.retain(|item| item.value != flag);
    }
}

/// Returns the record without references to these flags; none if it has no such reference.
pub(super) fn without_flags(record: &OwnedTenant, flags: &BTreeSet<&str>) -> Option<OwnedTenant> {
    let mut after = record.clone();
    for list in [&mut after.beta, &mut after.opt_in, &mut after.opt_out]
        .into_iter()
        .flatten()
    {
        list.retain(|flag| !flags.contains(&*flag.value));
    }
    if let Some(overrides) = &mut after.overrides {
        overrides.retain(|(flag, _)| !flags.contains(&*flag.value));
    }
    drop_emptied_lists(&mut after, Some(record));
    (after != *record).then_some(after)
}
