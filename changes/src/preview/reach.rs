//! Counts the tenants that a change affects up to a limit: the same decisions as a preview, without listing them.
//! Ends as soon as the limit is exceeded.

use rules::{Flags, TableLine, Tenant, Tenants, Timestamp};

use super::outcome::MAX_PREVIEW_DECISIONS;
use super::scope::{FlagPair, Scope};
use super::side::Side;
use super::tenant_decision::{TenantDecision, tenant_decision};
use crate::affected::Affected;

/// Returns true if more than `limit` tenants are changed or may be changed, or if the decisions are more than
/// [`MAX_PREVIEW_DECISIONS`].
#[must_use]
pub fn affects_more_than(
    limit: usize,
    before: (&Flags, &Tenants),
    after: (&Flags, &Tenants),
    affected: &Affected,
    now: Timestamp,
) -> bool {
    let (old, new) = (Side::new(before), Side::new(after));
    // No preview is needed if the limit is at least the number of tenants.
    if limit >= new.tenants.len().saturating_add(affected.tenants.len()) {
        return false;
    }
    let scope = Scope::new(&old, &new, affected);
    let (changed_flags, every_flag) = (&scope.changed_flags, &scope.every_flag);
    let beyond = limit.saturating_add(1);
    let decisions = new
        .tenants
        .len()
        .saturating_mul(changed_flags.len())
        .saturating_add(affected.tenants.len().saturating_mul(every_flag.len()));
    if decisions > MAX_PREVIEW_DECISIONS {
        return true;
    }
    let (old_flags, new_flags) = (old.flags, new.flags);
    let differs = |pair: &FlagPair<'_>, id: &str, from: Option<&Tenant>, after: TenantDecision<'_>| {
        let before = tenant_decision(old_flags, pair.from, id, from, now);
        let by_request = pair.by_request && (before.depends_on_requests() || after.depends_on_requests());
        by_request || !before.is_same(&after)
    };
    let is_affected = |id: &str, (from, to): (Option<&Tenant>, Option<&Tenant>), pairs: &[FlagPair<'_>]| {
        let after = |pair: &FlagPair<'_>| tenant_decision(new_flags, pair.to, id, to, now);
        pairs.iter().any(|pair| differs(pair, id, from, after(pair)))
    };
    // Tenants whose records change are decided for every flag, all others only for the changed flags.
    let named = affected.tenants.iter();
    let named = named.filter(|id| is_affected(id, (old.tenants.find(id), new.tenants.find(id)), every_flag));
    let counted = named.take(beyond).count();
    let wanted = beyond.saturating_sub(counted);
    if changed_flags.is_empty() || wanted == 0 {
        return wanted == 0;
    }
    let is_other = |tenant: &Tenant| affected.tenants.is_empty() || !affected.tenants.contains(tenant.id());
    if !std::ptr::eq(old.tenants, new.tenants) {
        let former = old.tenants;
        let found = |tenant: &Tenant| {
            is_affected(
                tenant.id(),
                (former.find(tenant.id()), Some(tenant)),
                changed_flags,
            )
        };
        return are_found(new.tenants, wanted, |tenant| is_other(tenant) && found(tenant));
    }
    // The records are the same on both sides, and so is every decision by a line of the table before the first line that
    // differs. Most tenants are therefore decided once, and only the others a second time on the old side.
    let pairs = changed_flags
        .iter()
        .filter_map(|pair| Some((pair, first_difference(&old, &new, pair)?)));
    let pairs: Vec<(&FlagPair<'_>, TableLine)> = pairs.collect();
    let found = |tenant: &Tenant| {
        pairs.iter().any(|(pair, first)| {
            let after = tenant_decision(new_flags, pair.to, tenant.id(), Some(tenant), now);
            after.line().is_none_or(|line| line >= *first) && differs(pair, tenant.id(), Some(tenant), after)
        })
    };
    are_found(new.tenants, wanted, |tenant| is_other(tenant) && found(tenant))
}

/// Returns true if at least `wanted` tenants fulfil `is_one`. Ends with the last one that is wanted.
fn are_found(tenants: &Tenants, wanted: usize, is_one: impl Fn(&Tenant) -> bool) -> bool {
    let found = tenants.scan().filter(|tenant| is_one(tenant));
    found.take(wanted).count() >= wanted
}

/// Returns the first line of the decision table in which the flag differs after the change; none if no line differs.
fn first_difference(old: &Side<'_>, new: &Side<'_>, pair: &FlagPair<'_>) -> Option<TableLine> {
    match pair.from.zip(pair.to) {
        Some((from, to)) if from == to => old.flags.differences(from, new.flags).first(),
        _ => Some(TableLine::FIRST),
    }
}
