//! Sign-offs: who may give one, and which of those that were given still count.

use rules::Lifecycle;
use serde_json::Map;

use super::builder::{PlanBuilder, PlanStep};
use super::facts::{Facts, Standing};
use crate::actor::Actor;
use crate::event::Event;
use crate::flag::{ManagedFlag, SignOff};
use crate::policy::{LifecyclePolicy, RequiredSignOff, Signer};
use crate::refusal::{Code, Refusal};

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
    let actor = &builder.request.actor;
    let from = flag.lifecycle().unwrap_or_default();
    let asked_for = policy.sign_offs_after(from);
    let groups = match asked_for.iter().find(|required| required.role == as_role) {
        None => {
            refusals.push(unknown_role(as_role, from, asked_for));
            Vec::new()
        }
        Some(required) => {
            if !may_sign(required, &actor.name, &actor.groups, &flag) {
                refusals.push(not_named(required, &flag, actor));
            }
            permitting_groups(required, &actor.groups, &flag)
        }
    };
    refusals.extend(signed_for_other_role(&flag, key, as_role, actor));
    if !refusals.is_empty() {
        return Err(refusals.into());
    }
    let sign_off = SignOff {
        role: as_role.to_owned(),
        by: actor.name.clone(),
        groups,
        at: builder.at(),
    };
    let sign_offs = &mut flag.state_mut().sign_offs;
    let is_same = |known: &SignOff| {
        let of = |sign_off: &SignOff| {
            (
                sign_off.role.clone(),
                sign_off.by.clone(),
                sign_off.groups.clone(),
            )
        };
        of(known) == of(&sign_off)
    };
    if sign_offs.iter().any(is_same) {
        return Ok(());
    }
    sign_offs.retain(|known| known.role != as_role);
    sign_offs.push(sign_off);
    let details = Map::from_iter([("role".to_owned(), as_role.into())]);
    builder.write_flag(Event::SignedOff, key, flag, details);
    Ok(())
}

/// Returns the reason why a required sign-off is missing; none if there is a valid one.
pub(super) fn missing(required: &RequiredSignOff, flag: &ManagedFlag, facts: &dyn Facts) -> Option<String> {
    let mut given = flag.state.sign_offs.iter();
    let Some(given) = given.find(|given| given.role == required.role) else {
        return Some(required.role.clone());
    };
    let (role, by) = (&required.role, &given.by);
    let groups = match facts.standing(by) {
        Standing::Removed => {
            return Some(format!(
                "{role} (that of {by} is lost: {by} is no longer an operator)"
            ));
        }
        Standing::Present { groups } => groups.unwrap_or_else(|| given.groups.clone()),
    };
    let counts = may_sign(required, by, &groups, flag);
    (!counts).then(|| format!("{role} (that of {by} is lost: {by} may no longer sign off for it)"))
}

/// Returns true if an operator with this name and these groups may sign off.
fn may_sign(required: &RequiredSignOff, name: &str, groups: &[String], flag: &ManagedFlag) -> bool {
    let Some(signers) = &required.signers else {
        return true;
    };
    signers.iter().any(|signer| match signer {
        Signer::Name(named) => named == name,
        Signer::Group(group) => groups.contains(group),
        Signer::Owner => {
            owner(flag).is_some_and(|owner| owner == name || groups.iter().any(|group| group == owner))
        }
    })
}

/// Returns the groups of a signer by which the policy permits the sign-off.
fn permitting_groups(required: &RequiredSignOff, groups: &[String], flag: &ManagedFlag) -> Vec<String> {
    let permits = |group: &&String| {
        let signers = required.signers.iter().flatten();
        let mut named = signers.map(|signer| match signer {
            Signer::Name(_) => None,
            Signer::Group(group) => Some(group.as_str()),
            Signer::Owner => owner(flag),
        });
        named.any(|named| named == Some(group.as_str()))
    };
    groups.iter().filter(permits).cloned().collect()
}

fn owner(flag: &ManagedFlag) -> Option<&str> {
    flag.definition.owner.as_deref()
}

fn unknown_role(as_role: &str, from: Lifecycle, asked_for: &[RequiredSignOff]) -> Refusal {
    let roles: Vec<String> = asked_for.iter().map(|required| required.role.clone()).collect();
    let detail = match roles.as_slice() {
        [] => format!("the policy requires no sign-offs of a flag at {from}"),
        roles => format!(
            "{as_role} is not a sign-off role of the policy for a flag at {from}; its roles are {}",
            roles.join(", ")
        ),
    };
    Refusal::new(Code::UnknownSignOff, detail).fact("roles", roles)
}

fn not_named(required: &RequiredSignOff, flag: &ManagedFlag, actor: &Actor) -> Refusal {
    let shown = required
        .signers
        .iter()
        .flatten()
        .map(|signer| match (signer, owner(flag)) {
            (Signer::Owner, Some(owner)) => format!("the owner of the flag, {owner}"),
            _ => signer.shown(),
        });
    let shown: Vec<String> = shown.collect();
    let (role, by) = (&required.role, &actor.name);
    let detail = format!(
        "{by} may not sign off for {role}; the policy names {}",
        shown.join(", ")
    );
    Refusal::new(Code::SignerNotNamed, detail)
        .help("have one of them sign off, or change `sign_offs` under `control.promotion` in sluice.yaml")
        .fact("signers", shown)
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
