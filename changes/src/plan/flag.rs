//! Changes of a flag that operators make besides its lifecycle: kill switch, tier defaults, rollout, sign-offs.

use config::{JsonEdit, ToJson as _, read_rollout, read_tiers, variants_by_name};
use serde_json::{Map, Value};

use super::builder::{PlanBuilder, PlanStep};
use super::planned::NoPlan;
use super::rollout::{ManualChange, pause_killed, yield_to_hand};
use crate::actor::Actor;
use crate::event::Event;
use crate::flag::{ManagedFlag, SignOff, Unsettled};
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
        builder.write_flag(Event::FlagKilled, key, flag, Map::new());
    }
    builder.plan.withdraws = true;
    Ok(())
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
    flag.state_mut().unsettled = Some(Unsettled {
        how: how.into(),
        at: builder.at(),
    });
}

/// Sets the defaults of the named tiers; the other tiers keep theirs. Null removes the default of a tier.
pub(super) fn set_tiers(builder: &mut PlanBuilder<'_>, key: &str, written: &Map<String, Value>) -> PlanStep {
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
    for (tier, variant) in read {
        match tiers.iter_mut().find(|(known, _)| *known == tier) {
            Some((_, known)) => *known = variant,
            None => tiers.push((tier, variant)),
        }
    }
    flag.definition_mut().tiers = flag.tiers_by_name(&tiers);
    let details = Map::from_iter([("tiers".to_owned(), Value::Object(written.clone()))]);
    builder.write_flag(Event::TiersChanged, key, flag, details);
    Ok(())
}

/// Sets the rollout, or removes it.
pub(super) fn set_rollout(builder: &mut PlanBuilder<'_>, key: &str, written: Option<&Value>) -> PlanStep {
    let mut flag = builder.flag(key)?;
    yield_to_hand(builder, key, &mut flag, ManualChange::Rollout)?;
    let after = match written {
        None => None,
        Some(written) => match read_rollout(written) {
            Some(rollout) => Some(rollout),
            None => return Err(malformed_field(key, &flag, "rollout", written.clone())),
        },
    };
    let before = std::mem::replace(&mut flag.definition_mut().rollout, after.clone());
    let details = [("from", before), ("to", after)];
    let details = details
        .into_iter()
        .filter_map(|(field, rollout)| Some((field.to_owned(), rollout?.percentage.value.to_json())));
    builder.write_flag(Event::RolloutChanged, key, flag, details.collect());
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

/// Adds the actor's sign-off for one role, in place of an earlier one for that role. An actor signs off for one role
/// only.
pub(super) fn sign_off(
    builder: &mut PlanBuilder<'_>,
    key: &str,
    as_role: &str,
    policy: &LifecyclePolicy,
) -> PlanStep {
    let mut flag = builder.flag(key)?;
    let mut refusals = Vec::new();
    let kind = flag.kind();
    if !kind.has_lifecycle() {
        let detail = format!("{key} is of kind {kind}, which has no lifecycle");
        refusals.push(Refusal::new(Code::NoLifecycle, detail).fact("kind", kind.as_str()));
    }
    let asked_for = &policy.ga.sign_offs;
    if !asked_for.iter().any(|role| role == as_role) {
        let detail = match asked_for.as_slice() {
            [] => "the policy requires no sign-offs".to_owned(),
            roles => format!(
                "{as_role} is not a sign-off role of the policy; its roles are {}",
                roles.join(", ")
            ),
        };
        refusals.push(Refusal::new(Code::UnknownSignOff, detail).fact("roles", asked_for.clone()));
    }
    let actor = &builder.request.actor;
    refusals.extend(signed_for_other_role(&flag, key, as_role, actor));
    if !refusals.is_empty() {
        return Err(refusals.into());
    }
    let sign_offs = &mut flag.state_mut().sign_offs;
    let mut signed = sign_offs.iter();
    if signed.any(|sign_off| sign_off.role == as_role && sign_off.by == actor.name) {
        return Ok(());
    }
    sign_offs.retain(|sign_off| sign_off.role != as_role);
    sign_offs.push(SignOff {
        role: as_role.to_owned(),
        by: actor.name.clone(),
        at: builder.at(),
    });
    let details = Map::from_iter([("role".to_owned(), as_role.into())]);
    builder.write_flag(Event::SignedOff, key, flag, details);
    Ok(())
}

/// Returns the refusal of an actor who has signed off for another role.
fn signed_for_other_role(flag: &ManagedFlag, key: &str, as_role: &str, actor: &Actor) -> Option<Refusal> {
    let mut sign_offs = flag.state.sign_offs.iter();
    let taken = sign_offs.find(|sign_off| sign_off.by == actor.name && sign_off.role != as_role)?;
    let by = &actor.name;
    let detail = format!("{by} has signed off {key} for {} already", taken.role);
    let help = format!("have somebody else sign off for {as_role}: one person signs off for one role");
    Some(
        Refusal::new(Code::SignOffTaken, detail)
            .help(help)
            .fact("signed_as", taken.role.as_str()),
    )
}
