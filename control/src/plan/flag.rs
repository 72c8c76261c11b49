//! What operators set of a flag besides its lifecycle: the kill switch, tier defaults, the rollout, sign-offs.

use serde_json::{Map, Value};

use super::definition::Definition;
use super::making::Making;
use crate::audit::Event;
use crate::flag_state::{FlagState, SignOff, Unsettled};
use crate::policy::Policy;
use crate::refusal::{Code, Refusal};

type Done = Result<(), Vec<Refusal>>;

/// Off for everyone. A flag that is killed stays so.
pub(super) fn kill(making: &mut Making<'_>, flag: &str) -> Done {
    let (_, state) = making.flag(flag)?;
    if state.lifecycle() == Some(rules::Lifecycle::Retired) {
        let detail = format!("{flag} is retired: it serves its final variant, killed or not");
        let refusal = Refusal::new(Code::FlagRetired, detail).cure("revert it to ga, then kill it");
        return Err(vec![refusal]);
    }
    if state.enabled {
        let after = unsettled(making, state, "killed");
        making.write_state(
            Event::FlagKilled,
            flag,
            FlagState {
                enabled: false,
                ..after
            },
            Map::new(),
        );
    }
    making.plan.withdraws = true;
    Ok(())
}

/// No longer killed.
pub(super) fn restore(making: &mut Making<'_>, flag: &str) -> Done {
    let (_, state) = making.flag(flag)?;
    if !state.enabled {
        let after = unsettled(making, state, "restored");
        making.write_state(
            Event::FlagRestored,
            flag,
            FlagState {
                enabled: true,
                ..after
            },
            Map::new(),
        );
    }
    Ok(())
}

fn unsettled(making: &Making<'_>, state: &FlagState, how: &str) -> FlagState {
    FlagState {
        unsettled: Some(Unsettled {
            how: how.into(),
            at: making.at(),
        }),
        ..state.clone()
    }
}

/// Sets the tiers that are named and leaves the others.
pub(super) fn set_tiers(making: &mut Making<'_>, flag: &str, tiers: &Map<String, Value>) -> Done {
    let (definition, state) = making.flag(flag)?;
    let mut after = state.clone();
    for (tier, variant) in tiers {
        match variant {
            Value::Null => drop(after.tiers.shift_remove(tier)),
            variant => drop(
                after
                    .tiers
                    .insert(tier.clone(), Definition(definition).variant(variant)),
            ),
        }
    }
    let details = Map::from_iter([("tiers".to_owned(), Value::Object(tiers.clone()))]);
    making.write_state(Event::TiersChanged, flag, after, details);
    Ok(())
}

/// Sets the rollout, or removes it.
pub(super) fn set_rollout(making: &mut Making<'_>, flag: &str, rollout: Option<&Value>) -> Done {
    let (_, state) = making.flag(flag)?;
    let after = FlagState {
        rollout: rollout.cloned(),
        ..state.clone()
    };
    let share = |rollout: Option<&Value>| rollout.and_then(|rollout| rollout.get("percentage")).cloned();
    let details = [("from", share(state.rollout.as_ref())), ("to", share(rollout))];
    let details = details
        .into_iter()
        .filter_map(|(field, percentage)| Some((field.to_owned(), percentage?)));
    making.write_state(Event::RolloutChanged, flag, after, details.collect());
    Ok(())
}

/// Somebody answers for the flag's next promotion, for one role only; who signed off on the same behalf before is
/// replaced.
pub(super) fn sign_off(making: &mut Making<'_>, flag: &str, as_role: &str, policy: &Policy) -> Done {
    let (definition, state) = making.flag(flag)?;
    let mut refusals = Vec::new();
    let kind = Definition(definition).kind();
    if !kind.has_lifecycle() {
        let detail = format!("{flag} is of kind {kind}, which has no lifecycle");
        refusals.push(Refusal::new(Code::NoLifecycle, detail).fact("kind", kind.as_str()));
    }
    let asked_for = &policy.ga.sign_offs;
    if !asked_for.iter().any(|role| role == as_role) {
        let detail = match asked_for.as_slice() {
            [] => "no promotion takes a sign-off here".to_owned(),
            roles => format!(
                "no promotion takes a sign-off of {as_role}, but of {}",
                roles.join(", ")
            ),
        };
        refusals.push(Refusal::new(Code::UnknownSignOff, detail).fact("roles", asked_for.clone()));
    }
    let by = making.request.actor.name.clone();
    refusals.extend(signed_otherwise(state, flag, as_role, &by));
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let mut after = state.clone();
    if after
        .sign_offs
        .iter()
        .any(|sign_off| sign_off.role == as_role && sign_off.by == by)
    {
        return Ok(());
    }
    after.sign_offs.retain(|sign_off| sign_off.role != as_role);
    after.sign_offs.push(SignOff {
        role: as_role.to_owned(),
        by,
        at: making.at(),
    });
    let details = Map::from_iter([("role".to_owned(), as_role.into())]);
    making.write_state(Event::SignedOff, flag, after, details);
    Ok(())
}

/// Why somebody who answers for another role can't answer for this one as well.
fn signed_otherwise(state: &FlagState, flag: &str, as_role: &str, by: &str) -> Option<Refusal> {
    let mut sign_offs = state.sign_offs.iter();
    let taken = sign_offs.find(|sign_off| sign_off.by == by && sign_off.role != as_role)?;
    let detail = format!("{by} has signed off {flag} for {} already", taken.role);
    let cure = format!("have somebody else sign off for {as_role}: one person answers for one role");
    Some(
        Refusal::new(Code::SignOffTaken, detail)
            .cure(cure)
            .fact("signed_as", taken.role.as_str()),
    )
}
