//! Changes of a flag that operators make besides its lifecycle: kill switch, tier defaults, rollout.

use config::{JsonEdit, ToJson as _, read_rollout, read_tiers, variants_by_name};
use serde_json::{Map, Value};

use super::builder::{PlanBuilder, PlanStep};
use super::facts::Facts;
use super::incident::{self, Named};
use super::planned::NoPlan;
use super::raise;
use super::rollout::{ManualChange, pause_killed, yield_to_hand};
use crate::event::Event;
use crate::flag::{ManagedFlag, Unsettled};
use crate::policy::LifecyclePolicy;
use crate::refusal::{Code, Refusal};

/// Turns the flag off for everyone, until it is restored.
pub(super) fn kill(builder: &mut PlanBuilder<'_>, key: &str) -> PlanStep {
    let mut flag = builder.flag(key)?;
    if flag.lifecycle() == Some(rules::Lifecycle::Retired) {
        let detail = format!("{key} is retired: it serves its final variant even if it is killed");
        let refusal = Refusal::new(Code::FlagRetired, detail).help("revert it to ga, then kill it");
        return Err(vec![refusal].into());
    }
    if flag.is_enabled() {
        flag.definition_mut().enabled = Some(false);
        unsettle(builder, &mut flag, "killed");
        pause_killed(builder, &mut flag);
    } else {
        follow_with_reason(builder, &mut flag);
    }
    let incident = builder.request.incident.as_deref();
    let named = incident::open_with(builder, (key, &mut flag), incident);
    // A flag that was killed before is unchanged, and has no entry otherwise.
    match named == Named::NotOpened && builder.is_unchanged(key, &flag) {
        true => builder.audit_flag(Event::FlagKilled, key, Map::new()),
        false => builder.write_flag(Event::FlagKilled, key, flag, Map::new()),
    }
    builder.plan.withdraws = true;
    Ok(())
}

/// Sets the reason of a kill that had none: it may follow.
fn follow_with_reason(builder: &PlanBuilder<'_>, flag: &mut ManagedFlag) {
    let is_without = |unsettled: &Unsettled| unsettled.how == "killed" && unsettled.reason.is_none();
    let mut unsettled = flag.state.unsettled.clone();
    if let Some(kill) = unsettled.as_mut().filter(|unsettled| is_without(unsettled))
        && builder.request.reason.is_some()
    {
        kill.reason.clone_from(&builder.request.reason);
        flag.state_mut().unsettled = unsettled;
    }
}

/// Ends a kill.
pub(super) fn restore(builder: &mut PlanBuilder<'_>, key: &str) -> PlanStep {
    let mut flag = builder.flag(key)?;
    if !flag.is_enabled() {
        flag.definition_mut().enabled = None;
        unsettle(builder, &mut flag, "restored");
        builder.write_flag(Event::FlagRestored, key, flag, Map::new());
    }
    Ok(())
}

/// Sets the flag's last kill, restore or revert.
pub(super) fn unsettle(builder: &PlanBuilder<'_>, flag: &mut ManagedFlag, how: &str) {
    let request = builder.request;
    flag.state_mut().unsettled = Some(Unsettled {
        how: how.into(),
        at: builder.at(),
        by: Some(request.actor.name.clone()),
        reason: request.reason.clone(),
        incident: request.incident.clone(),
    });
}

/// Sets the defaults of the named tiers; the other tiers keep theirs. Null removes the default of a tier.
pub(super) fn set_tiers(
    builder: &mut PlanBuilder<'_>,
    key: &str,
    written: &Map<String, Value>,
    conditions: (&LifecyclePolicy, &dyn Facts),
) -> PlanStep {
    let mut flag = builder.flag(key)?;
    let (removed, set): (Map<_, _>, Map<_, _>) = written
        .clone()
        .into_iter()
        .partition(|(_, variant)| variant.is_null());
    let mut tiers = flag.definition.tiers.clone();
    tiers.retain(|(tier, _)| !removed.contains_key(&*tier.value));
    let set = Value::Object(set);
    let Some(read) = read_tiers(&set) else {
        let mut all = variants_by_name(&tiers);
        if let (Some(all), Value::Object(set)) = (all.as_object_mut(), set) {
            all.extend(set);
        }
        return Err(malformed_field(key, &flag, "tiers", all));
    };
    let mut details = Map::from_iter([("tiers".to_owned(), Value::Object(written.clone()))]);
    if raise::is_raised_tier(&flag, &read, &removed) {
        raise::check(builder, (key, &flag), conditions, &mut details)?;
    }
    for (tier, variant) in read {
        match tiers.iter_mut().find(|(known, _)| *known == tier) {
            Some((_, known)) => *known = variant,
            None => tiers.push((tier, variant)),
        }
    }
    flag.definition_mut().tiers = flag.tiers_by_name(&tiers);
    builder.write_flag(Event::TiersChanged, key, flag, details);
    Ok(())
}

/// Sets the rollout, or removes it.
pub(super) fn set_rollout(
    builder: &mut PlanBuilder<'_>,
    key: &str,
    written: Option<&Value>,
    conditions: (&LifecyclePolicy, &dyn Facts),
) -> PlanStep {
    let mut flag = builder.flag(key)?;
    let running = yield_to_hand(builder, key, &mut flag, ManualChange::Rollout);
    let after = match written {
        None => None,
        Some(written) => match read_rollout(written) {
            Some(rollout) => Some(rollout),
            None => return Err(malformed_field(key, &flag, "rollout", written.clone())),
        },
    };
    let mut refusals = Vec::from_iter(running);
    let mut skipped = Map::new();
    if raise::is_raised_rollout(&flag, flag.definition.rollout.as_ref(), after.as_ref()) {
        let raised = raise::check(builder, (key, &flag), conditions, &mut skipped);
        refusals.extend(raised.err().into_iter().flatten());
    }
    if !refusals.is_empty() {
        return Err(refusals.into());
    }
    let before = std::mem::replace(&mut flag.definition_mut().rollout, after.clone());
    let details = [("from", before), ("to", after)];
    let details = details
        .into_iter()
        .filter_map(|(field, rollout)| Some((field.to_owned(), rollout?.percentage.value.to_json())));
    builder.write_flag(Event::RolloutChanged, key, flag, details.chain(skipped).collect());
    Ok(())
}

/// Returns the flag with a field that does not have its form, to be explained.
fn malformed_field(key: &str, flag: &ManagedFlag, field: &str, written: Value) -> NoPlan {
    let mut definition = flag.definition.to_json();
    if let Some(fields) = definition.as_object_mut() {
        fields.insert(field.to_owned(), written);
    }
    NoPlan::Unreadable(vec![JsonEdit::Flag(key.to_owned(), Some(definition))])
}
