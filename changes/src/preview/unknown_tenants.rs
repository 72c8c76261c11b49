//! Decides flags for tenants without a record. Their ids are unknown, so a flag with a rollout or a split by tenant is
//! decided for a sample of ids, and each pair of variants has a share.

use rules::{FlagId, Timestamp};

use super::scope::FlagPair;
use super::side::Side;
use super::tenant_decision::{TenantDecision, tenant_decision};

/// The largest number of sampled ids for one flag: a share of 25 % is estimated within 1.3 points (3 standard errors).
const MAX_SAMPLE: usize = 10_000;
/// The smallest number of sampled ids for one flag.
const MIN_SAMPLE: usize = 200;
/// The number of decisions for all flags of a preview together.
const MAX_SAMPLED_DECISIONS: usize = 1_000_000;

/// Tenants without a record, before and after a change.
pub(super) struct UnknownTenants<'p, 's> {
    old: &'p Side<'s>,
    new: &'p Side<'s>,
    /// The number of sampled ids.
    size: usize,
}

/// A changed decision of tenants without a record.
pub(super) struct UnknownChange<'s> {
    pub(super) from: TenantDecision<'s>,
    pub(super) to: TenantDecision<'s>,
    /// The share of the tenants in thousandths; none for all of them.
    pub(super) share_permille: Option<u16>,
}

impl<'p, 's> UnknownTenants<'p, 's> {
    pub(super) fn new(old: &'p Side<'s>, new: &'p Side<'s>, pairs: &[FlagPair<'s>]) -> Self {
        let each = MAX_SAMPLED_DECISIONS.checked_div(pairs.len()).unwrap_or_default();
        Self {
            old,
            new,
            size: each.clamp(MIN_SAMPLE, MAX_SAMPLE),
        }
    }

    /// Returns the changed decisions of a flag, the most frequent first.
    pub(super) fn changed(&self, pair: &FlagPair<'s>, now: Timestamp) -> Vec<UnknownChange<'s>> {
        let decisions = |id: &str| {
            let from = tenant_decision(self.old.flags, pair.from, id, None, now);
            let to = tenant_decision(self.new.flags, pair.to, id, None, now);
            (!from.is_same(&to)).then_some((from, to))
        };
        let reads_id = |side: &Side<'_>, id: Option<FlagId>| {
            id.is_some_and(|id| side.flags.request_inputs(id).tenant_id)
        };
        let all = |(from, to)| UnknownChange {
            from,
            to,
            share_permille: None,
        };
        if !reads_id(self.old, pair.from) && !reads_id(self.new, pair.to) {
            return decisions("").map(all).into_iter().collect();
        }
        let mut groups: Vec<(usize, (TenantDecision<'s>, TenantDecision<'s>))> = Vec::new();
        for number in 0..self.size {
            let Some((from, to)) = decisions(&sampled_id(number)) else {
                continue;
            };
            let is_same = |(_, known): &&mut (usize, (TenantDecision<'s>, TenantDecision<'s>))| {
                known.0.variant() == from.variant() && known.1.variant() == to.variant()
            };
            match groups.iter_mut().find(is_same) {
                Some((count, _)) => *count = count.saturating_add(1),
                None => groups.push((1, (from, to))),
            }
        }
        groups.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let share = |count: usize| {
            let permille = count
                .saturating_mul(1_000)
                .checked_div(self.size)
                .unwrap_or_default();
            u16::try_from(permille).unwrap_or(u16::MAX)
        };
        let changes = groups.into_iter().map(|(count, (from, to))| UnknownChange {
            from,
            to,
            share_permille: (count < self.size).then(|| share(count)),
        });
        changes.collect()
    }
}

/// Returns the id of a sampled tenant. The ids are the same for every preview, so a preview has one result.
pub(super) fn sampled_id(number: usize) -> String {
    format!("tenant-{number}")
}
