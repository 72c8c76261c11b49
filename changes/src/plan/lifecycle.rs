//! Changes of a flag's lifecycle. A promotion is one state at a time, if the policy is met or the promotion is
//! urgent. A revert goes to any earlier state at once, unless other flags depend on the flag.

use rules::{Lifecycle, ServeDefinition, Site, Sited, Timestamp};
use serde_json::{Map, Value};

use super::builder::{PlanBuilder, PlanStep};
use super::dependency;
use super::facts::Facts;
use super::flag::unsettle;
use super::incident;
use super::planned::NoPlan;
use super::promotion::{Condition, NextStep, Promotion};
use super::rollout::{ManualChange, excluded_by_plan, yield_to_hand};
use crate::change::GaDefault;
use crate::event::Event;
use crate::flag::ManagedFlag;
use crate::permission::Permission;
use crate::policy::{LifecyclePolicy, UrgentPolicy};
use crate::refusal::{Code, Refusal};
use crate::state::State;
use crate::urgent::Urgent;
use crate::watch::Watch;

/// A requested change of a flag's lifecycle.
pub(super) struct Transition<'r> {
    pub(super) flag: &'r str,
    pub(super) to: Lifecycle,
    pub(super) dependents: Dependents,
    pub(super) ga_default: GaDefault,
    pub(super) urgent: Option<&'r Urgent>,
}

/// The treatment of flags that depend on a flag that is reverted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dependents {
    /// The revert is rejected.
    Reject,
    /// They are reverted too.
    Revert,
}

pub(super) fn set_state(
    builder: &mut PlanBuilder<'_>,
    transition: &Transition<'_>,
    policy: &LifecyclePolicy,
    facts: &dyn Facts,
) -> PlanStep {
    let flag = builder.flag(transition.flag)?;
    let kind = flag.kind();
    if !kind.has_lifecycle() {
        let detail = format!("{} is of kind {kind}, which has no lifecycle", transition.flag);
        let refusal = Refusal::new(Code::NoLifecycle, detail).help("set its tiers, its rollout, or kill it");
        return Err(vec![refusal.fact("kind", kind.as_str())].into());
    }
    let from = flag.lifecycle().unwrap_or_default();
    if from == transition.to {
        let detail = format!("{} is {from} already", transition.flag);
        let refusal = Refusal::new(Code::StateUnchanged, detail).fact("state", from.as_str());
        return Err(vec![refusal].into());
    }
    if transition.to < from {
        return revert(builder, transition, from);
    }
    let mut flag = flag;
    let change = manual_change(transition.to);
    let running = yield_to_hand(builder, transition.flag, &mut flag, change);
    let promotion = Promotion {
        state: builder.state,
        key: transition.flag,
        flag: &flag,
        from,
        to: transition.to,
        at: builder.at(),
    };
    promote(builder, transition, (&promotion, running), policy, facts)
}

/// Returns the next step of a flag's lifecycle with its conditions, for a promotion that turns it on for everyone at ga.
/// `None` if there is no such flag.
#[must_use]
pub fn next_step(
    state: &State,
    key: &str,
    at: Timestamp,
    policy: &LifecyclePolicy,
    facts: &dyn Facts,
) -> Option<NextStep> {
    let flag = &state.flag(key)?;
    let from = flag
        .kind()
        .has_lifecycle()
        .then(|| flag.lifecycle().unwrap_or_default());
    let to = from.and_then(|from| Lifecycle::ALL.into_iter().find(|state| *state > from));
    let (Some(from), Some(to)) = (from, to) else {
        return Some(NextStep {
            from,
            to: None,
            conditions: Vec::new(),
        });
    };
    let promotion = Promotion {
        state,
        key,
        flag,
        from,
        to,
        at,
    };
    let mut conditions = Vec::new();
    if flag.state.plan.is_some() {
        let running = excluded_by_plan(key, flag, manual_change(to));
        conditions.push(Condition::new(
            Code::RolloutRunning,
            "no active rollout plan",
            running,
        ));
    }
    conditions.extend(promotion.conditions(policy, facts));
    if let Err(refusal) = ga_default(&promotion, GaDefault::On) {
        let requirement = "a definition that says what everyone is served at ga";
        conditions.push(Condition::new(refusal.code, requirement, Some(*refusal)));
    }
    Some(NextStep {
        from: Some(from),
        to: Some(to),
        conditions,
    })
}

/// Returns the kind of a promotion, for a rollout plan.
fn manual_change(to: Lifecycle) -> ManualChange {
    match to {
        Lifecycle::Retired => ManualChange::Retirement,
        _ => ManualChange::Lifecycle,
    }
}

/// Promotes a flag. `running` is the refusal of its active rollout plan, if it has one.
fn promote(
    builder: &mut PlanBuilder<'_>,
    transition: &Transition<'_>,
    (promotion, running): (&Promotion<'_>, Option<Refusal>),
    policy: &LifecyclePolicy,
    facts: &dyn Facts,
) -> PlanStep {
    let actor = &builder.request.actor;
    let mut unmet = promotion.unmet(policy, facts);
    let mut skipped = Vec::new();
    match transition.urgent {
        Some(_) if !Permission::Administer.is_held_by(actor, None) => {
            unmet.insert(0, Permission::Administer.refusal(actor));
        }
        Some(_) => (skipped, unmet) = skip(unmet, &policy.urgent),
        None => {}
    }
    // First, and not before the conditions that an urgent promotion skips: only `force` skips it.
    unmet.splice(0..0, running);
    let mut after = with_lifecycle(promotion.flag, transition.to, builder);
    after.state_mut().watch = Watch::after(transition.to, builder.at(), policy.watch_ms);
    match ga_default(promotion, transition.ga_default) {
        Ok(Some(default)) => after.promote_default(Some(default)),
        Ok(None) => {}
        Err(refusal) => unmet.push(*refusal),
    }
    if !unmet.is_empty() {
        return Err(unmet.into());
    }
    let mut details = from_to(promotion.from, transition.to);
    if transition.to == Lifecycle::Ga {
        let default = match transition.ga_default {
            GaDefault::On => "on",
            GaDefault::Tiers => "tiers",
        };
        details.insert("default".into(), default.into());
    }
    if transition.urgent.is_some() {
        let codes: Vec<Value> = skipped.iter().map(|code| code.as_str().into()).collect();
        details.insert("skipped".into(), codes.into());
    }
    let serves_everyone = transition.to == Lifecycle::Ga && transition.ga_default == GaDefault::On;
    let kept_off = if serves_everyone {
        kept_off(promotion.flag)
    } else {
        Vec::new()
    };
    write(builder, transition, transition.flag, after, details);
    builder.summary().skipped = skipped;
    builder.summary().kept_off = kept_off;
    Ok(())
}

/// Returns the conditions that an urgent promotion skips, and those that it cannot.
pub(super) fn skip(unmet: Vec<Refusal>, policy: &UrgentPolicy) -> (Vec<Code>, Vec<Refusal>) {
    let (skipped, kept): (Vec<_>, Vec<_>) = unmet.into_iter().partition(|refusal| policy.skips(refusal.code));
    let kept = kept.into_iter().map(|refusal| {
        let help = refusal.help.clone().unwrap_or_default();
        refusal.help(format!(
            "{help}; an urgent promotion cannot skip this (`control.promotion.urgent`)"
        ))
    });
    (
        skipped.iter().map(|refusal| refusal.code).collect(),
        kept.collect(),
    )
}

/// Returns the tiers that stay off when the default is on: a tier default has precedence over the flag's default.
pub(crate) fn kept_off(flag: &ManagedFlag) -> Vec<String> {
    let tiers = flag.definition.tiers.iter();
    tiers
        .filter(|(_, variant)| flag.is_off(variant))
        .map(|(tier, _)| tier.value.to_string())
        .collect()
}

/// Returns the default after the promotion if the promotion changes it. A split is kept: it exists to compare its
/// variants.
fn ga_default(
    promotion: &Promotion<'_>,
    wanted: GaDefault,
) -> Result<Option<Sited<ServeDefinition>>, Box<Refusal>> {
    let flag = promotion.flag;
    let written = flag.written_default().map(|default| &default.value);
    let is_split = matches!(written, Some(ServeDefinition::Split { .. }));
    if promotion.to != Lifecycle::Ga || wanted == GaDefault::Tiers || is_split {
        return Ok(None);
    }
    if let Some(on) = flag.on() {
        let on = Sited::new(on.to_owned().into(), Site::default());
        return Ok(Some(Sited::new(ServeDefinition::Variant(on), Site::default())));
    }
    if written.is_some_and(|default| !flag.serves_off(default)) {
        return Ok(None);
    }
    let detail = format!(
        "{} has no variant `on`, so the variant to serve everyone at ga is unknown",
        promotion.key
    );
    Err(Refusal::new(Code::InvalidDocument, detail)
        .help("write `opt_in_serves` or `default` into its definition, or promote it with `default: tiers`")
        .into())
}

fn revert(builder: &mut PlanBuilder<'_>, transition: &Transition<'_>, from: Lifecycle) -> PlanStep {
    let mut ahead = dependency::dependents_ahead(builder.state, transition.flag, transition.to);
    let mut refusals = Vec::new();
    if !ahead.is_empty() && transition.dependents == Dependents::Reject {
        let flags: Vec<Value> = ahead.iter().map(|(flag, _)| flag.as_str().into()).collect();
        let detail = format!("flags that require it are ahead: {}", dependency::listed(&ahead));
        let refusal = Refusal::new(Code::FlagDependency, detail)
            .help("revert them first, or all of them at once with `cascade`")
            .fact("flags", flags);
        refusals.push(refusal);
        ahead.clear();
    }
    // A revert that only turns features off has no limit on its blast radius.
    let mut withdraws = !turns_on(builder, transition.flag, from, transition.to);
    let details = from_to(from, transition.to);
    refusals.extend(revert_flag(builder, transition, transition.flag, details)?);
    for (flag, from) in ahead {
        withdraws &= !turns_on(builder, &flag, from, transition.to);
        let mut details = from_to(from, transition.to);
        details.insert("cascade_of".into(), transition.flag.into());
        refusals.extend(revert_flag(builder, transition, &flag, details)?);
        builder.summary().cascade.push(flag);
    }
    if !refusals.is_empty() {
        return Err(refusals.into());
    }
    builder.plan.withdraws = withdraws;
    Ok(())
}

/// Returns true if the revert can turn the flag on for a tenant. A retired flag serves its final variant, which may
/// be off. At alpha an override gives the flag to tenants that are not eligible at beta.
fn turns_on(builder: &PlanBuilder<'_>, key: &str, from: Lifecycle, to: Lifecycle) -> bool {
    let is_overridden = || {
        let Some(flag) = builder.state.flag(key) else {
            return false;
        };
        let mut overrides = builder
            .state
            .tenants()
            .flat_map(|(_, record)| record.overrides.iter().flatten());
        overrides.any(|(named, variant)| named.value == key && !flag.is_off(variant))
    };
    from == Lifecycle::Retired || (from == Lifecycle::Beta && to == Lifecycle::Alpha && is_overridden())
}

/// Reverts one flag. Returns the refusal of its active rollout plan, if it has one.
fn revert_flag(
    builder: &mut PlanBuilder<'_>,
    transition: &Transition<'_>,
    flag: &str,
    details: Map<String, Value>,
) -> Result<Option<Refusal>, NoPlan> {
    let mut before = builder.flag(flag)?;
    let running = yield_to_hand(builder, flag, &mut before, ManualChange::Lifecycle);
    if running.is_some() {
        return Ok(running);
    }
    let mut after = with_lifecycle(&before, transition.to, builder);
    unsettle(builder, &mut after, "reverted");
    after.state_mut().watch = None;
    let urgent = transition.urgent.map(|urgent| urgent.incident.as_str());
    let incident = builder.request.incident.as_deref().or(urgent);
    if let Some(unsettled) = &mut after.state_mut().unsettled {
        unsettled.incident = incident.map(str::to_owned);
    }
    incident::open_with(builder, (flag, &mut after), incident);
    if transition.to < Lifecycle::Ga {
        after.promote_default(None);
    }
    write(builder, transition, flag, after, details);
    Ok(None)
}

/// Writes the flag, and audits the justification of an urgent change even if no condition had to be skipped.
fn write(
    builder: &mut PlanBuilder<'_>,
    transition: &Transition<'_>,
    flag: &str,
    after: ManagedFlag,
    mut details: Map<String, Value>,
) {
    if let Some(urgent) = transition.urgent {
        details.insert("decision_maker".into(), urgent.decision_maker.as_str().into());
        details.insert("incident".into(), urgent.incident.as_str().into());
    }
    builder.write_flag(Event::StateChanged, flag, after, details);
    if let Some(entry) = builder.plan.audit.last_mut() {
        entry.urgent = transition.urgent.cloned();
    }
}

/// Returns the flag with another lifecycle and without sign-offs.
pub(super) fn with_lifecycle(flag: &ManagedFlag, to: Lifecycle, builder: &PlanBuilder<'_>) -> ManagedFlag {
    let mut moved = flag.clone();
    moved.definition_mut().lifecycle = Some(Sited::new(to, Site::default()));
    let state = moved.state_mut();
    state.since = builder.at();
    state.sign_offs = Vec::new();
    moved
}

fn from_to(from: Lifecycle, to: Lifecycle) -> Map<String, Value> {
    let fields = [("from", from), ("to", to)];
    fields
        .into_iter()
        .map(|(field, lifecycle)| (field.to_owned(), lifecycle.as_str().into()))
        .collect()
}
