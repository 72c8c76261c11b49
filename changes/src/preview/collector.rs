//! Decides the flags of a preview for one tenant after the other, counts the decisions that differ, and keeps a page of
//! them.

use std::collections::{BTreeMap, HashMap};

use rules::{Cause, Tenant, TierId, Timestamp};

use super::outcome::{
    ChangedDecision, MAX_LISTED_DECISIONS, MAX_PREVIEW_DECISIONS, Preview, PreviewPage, UnchangedTenants,
};
use super::scope::FlagPair;
use super::side::Side;
use super::tenant_decision::{TenantDecision, tenant_decision};
use super::unknown_tenants::UnknownTenants;

/// A changed decision, before it is rendered.
struct FoundChange<'s> {
    from: TenantDecision<'s>,
    to: TenantDecision<'s>,
}

/// A group of tenants whose decision does not change.
struct UnchangedGroup<'s> {
    key: &'s str,
    why: String,
    tenants: usize,
}

/// The decisions of a preview so far.
pub(super) struct Collector<'p, 's> {
    old: &'p Side<'s>,
    new: &'p Side<'s>,
    now: Timestamp,
    page: &'p PreviewPage,
    limit: usize,
    listed: BTreeMap<(&'s str, &'s str), FoundChange<'s>>,
    unchanged: HashMap<(usize, Option<TierId>, Cause), UnchangedGroup<'s>>,
    preview: Preview,
    /// The number of decisions that may still be evaluated.
    budget: usize,
}

impl<'p, 's> Collector<'p, 's> {
    pub(super) fn new(old: &'p Side<'s>, new: &'p Side<'s>, now: Timestamp, page: &'p PreviewPage) -> Self {
        Self {
            old,
            new,
            now,
            page,
            limit: page.limit.min(MAX_LISTED_DECISIONS),
            listed: BTreeMap::new(),
            unchanged: HashMap::new(),
            preview: Preview {
                tenants_total: new.tenants.len(),
                ..Preview::default()
            },
            budget: MAX_PREVIEW_DECISIONS,
        }
    }

    /// Decides every pair for one tenant, and counts and lists the decisions that differ.
    pub(super) fn tenant(
        &mut self,
        id: &'s str,
        (from, to): (Option<&'s Tenant>, Option<&'s Tenant>),
        pairs: &[FlagPair<'s>],
    ) {
        let (mut changed, mut by_request) = (0_usize, false);
        for pair in pairs {
            // The pairs beyond the budget are counted, so that the preview says how much is missing.
            if self.budget == 0 {
                self.preview.not_evaluated = self.preview.not_evaluated.saturating_add(1);
                continue;
            }
            self.budget = self.budget.saturating_sub(1);
            let from = tenant_decision(self.old.flags, pair.from, id, from, self.now);
            let after = tenant_decision(self.new.flags, pair.to, id, to, self.now);
            by_request |= pair.by_request && (from.depends_on_requests() || after.depends_on_requests());
            if from.is_same(&after) {
                self.count_unchanged(pair, to, &after);
            } else {
                changed = changed.saturating_add(1);
                self.list((id, pair.key), from, after);
            }
        }
        self.preview.decisions_changed = self.preview.decisions_changed.saturating_add(changed);
        let only_by_request = changed == 0 && by_request;
        self.preview.tenants_changed = self
            .preview
            .tenants_changed
            .saturating_add(usize::from(changed > 0));
        self.preview.tenants_maybe_changed = self
            .preview
            .tenants_maybe_changed
            .saturating_add(usize::from(only_by_request));
    }

    /// Decides every pair for tenants without a record. A flag that depends on the tenant's id is decided for a sample of
    /// ids; any other flag is decided alike for all of them.
    pub(super) fn unknown_tenant(&mut self, pairs: &[FlagPair<'s>]) {
        let sample = UnknownTenants::new(self.old, self.new, pairs);
        for pair in pairs {
            let room = MAX_LISTED_DECISIONS.saturating_sub(self.preview.unknown_tenant.len());
            let changed = sample.changed(pair, self.now).into_iter().take(room);
            let changed = changed.map(|found| ChangedDecision {
                share_permille: found.share_permille,
                ..changed_decision(None, pair.key, &found.from, &found.to)
            });
            self.preview.unknown_tenant.extend(changed);
        }
    }

    /// Adds a changed decision if it is on the requested page. Tenants come in no order, so the page is the smallest
    /// keys seen so far, and a later tenant can displace a listed one.
    fn list(&mut self, pair: (&'s str, &'s str), from: TenantDecision<'s>, to: TenantDecision<'s>) {
        let after = self.page.after.as_ref();
        if after.is_some_and(|(tenant, flag)| pair <= (tenant.as_str(), flag.as_str())) {
            return;
        }
        // One more than the page is held, to know if there is a next page.
        let is_full = self.listed.len() > self.limit;
        if is_full && self.listed.last_key_value().is_some_and(|(last, _)| pair > *last) {
            return;
        }
        self.listed.insert(pair, FoundChange { from, to });
        if is_full {
            self.listed.pop_last();
        }
    }

    fn count_unchanged(&mut self, pair: &FlagPair<'s>, tenant: Option<&Tenant>, to: &TenantDecision<'s>) {
        let (Some(reported), Some(tenant), Some(cause)) = (pair.reported, tenant, to.cause()) else {
            return;
        };
        let group = self.unchanged.entry((reported, tenant.tier(), cause));
        let group = group.or_insert_with(|| UnchangedGroup {
            key: pair.key,
            why: to.cause_text(),
            tenants: 0,
        });
        group.tenants = group.tenants.saturating_add(1);
    }

    pub(super) fn finish(mut self) -> Preview {
        if self.listed.len() > self.limit {
            self.listed.pop_last();
            let last = self.listed.last_key_value();
            self.preview.next = last.map(|((tenant, flag), _)| ((*tenant).to_owned(), (*flag).to_owned()));
        }
        let listed = self.listed.iter();
        let listed = listed
            .map(|((tenant, flag), found)| changed_decision(Some(tenant), flag, &found.from, &found.to));
        self.preview.decisions = listed.collect();
        let unchanged = self
            .unchanged
            .into_iter()
            .map(|((_, tier, cause), group)| UnchangedTenants {
                flag: group.key.to_owned(),
                tier: tier
                    .and_then(|tier| self.new.flags.tier_name(tier))
                    .map(str::to_owned),
                cause,
                reason: group.why,
                tenants: group.tenants,
            });
        self.preview.unchanged = unchanged.collect();
        let order = |unchanged: &UnchangedTenants| {
            (
                unchanged.flag.clone(),
                unchanged.tier.clone(),
                std::cmp::Reverse(unchanged.tenants),
                unchanged.reason.clone(),
            )
        };
        self.preview.unchanged.sort_by_key(order);
        self.preview
    }
}

fn changed_decision(
    tenant: Option<&str>,
    flag: &str,
    from: &TenantDecision<'_>,
    to: &TenantDecision<'_>,
) -> ChangedDecision {
    ChangedDecision {
        tenant: tenant.map(str::to_owned),
        flag: flag.to_owned(),
        from: from.variant().map(str::to_owned),
        to: to.variant().map(str::to_owned),
        cause: to.cause().unwrap_or(Cause::UnknownFlag),
        reason: to.cause_text(),
        share_permille: None,
    }
}
