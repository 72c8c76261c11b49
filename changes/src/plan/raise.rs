//! Changes of a flag that give it to more subjects: a higher percentage, a tier default that is on. They are rejected
//! while the flag's requests fail; a lower percentage never is.

use rules::{Decimal, OwnedName, RolloutDefinition};
use serde_json::{Map, Value};

use super::builder::PlanBuilder;
use super::error_condition;
use super::facts::Facts;
use crate::flag::ManagedFlag;
use crate::permission::Permission;
use crate::policy::LifecyclePolicy;
use crate::refusal::Refusal;

/// Rejects a change that raises the share of subjects with the flag while its requests fail. A platform-admin can
/// force it; the audit entry then has the conditions that were skipped.
pub(super) fn check(
    builder: &PlanBuilder<'_>,
    (key, flag): (&str, &ManagedFlag),
    (policy, facts): (&LifecyclePolicy, &dyn Facts),
    details: &mut Map<String, Value>,
) -> Result<(), Vec<Refusal>> {
    let limit = policy.errors_in(flag.lifecycle());
    let unmet = error_condition::unmet((key, flag), limit, facts, builder.at());
    if unmet.is_empty() {
        return Ok(());
    }
    let actor = &builder.request.actor;
    if builder.request.force && Permission::Administer.is_held_by(actor, None) {
        let skipped = unmet.iter().map(|refusal| Value::from(refusal.code.as_str()));
        details.insert("skipped".to_owned(), skipped.collect());
        return Ok(());
    }
    let refusals = unmet.into_iter().map(|refusal| {
        let help = refusal.help.clone().unwrap_or_default();
        refusal.help(format!("{help}; a platform-admin can skip this with `force`"))
    });
    Err(refusals.collect())
}

/// Returns true if a rollout admits subjects that the one before did not.
pub(super) fn is_raised_rollout(
    flag: &ManagedFlag,
    before: Option<&RolloutDefinition>,
    after: Option<&RolloutDefinition>,
) -> bool {
    let Some(after) = after else {
        // Without a rollout the default of the flag decides.
        return before.is_some() && default_is_on(flag);
    };
    let is_none = after.percentage.value.value == Decimal::ZERO;
    let Some(before) = before else {
        return !is_none;
    };
    let same_but_percentage = RolloutDefinition {
        percentage: before.percentage.clone(),
        ..after.clone()
    };
    !is_none && (same_but_percentage != *before || is_higher(before, after))
}

fn is_higher(before: &RolloutDefinition, after: &RolloutDefinition) -> bool {
    after.percentage.value.value > before.percentage.value.value
}

/// Returns true if a tier is served the feature that was not before. `set` has the new defaults of tiers, `removed` the
/// tiers without one.
pub(super) fn is_raised_tier(
    flag: &ManagedFlag,
    set: &[(OwnedName, OwnedName)],
    removed: &Map<String, Value>,
) -> bool {
    let before = |tier: &str| {
        let mut tiers = flag.definition.tiers.iter();
        tiers
            .find(|(known, _)| known.value == tier)
            .map(|(_, variant)| variant)
    };
    let is_raised = set.iter().any(|(tier, variant)| {
        let same = before(&tier.value).is_some_and(|known| flag.variant(known) == flag.variant(variant));
        !flag.is_off(variant) && !same
    });
    let was_off = |tier: &String| before(tier).is_some_and(|variant| flag.is_off(variant));
    is_raised || (default_is_on(flag) && removed.keys().any(was_off))
}

fn default_is_on(flag: &ManagedFlag) -> bool {
    let default = flag.definition.default.as_ref();
    default.is_some_and(|default| !flag.serves_off(&default.value))
}
