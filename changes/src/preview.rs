//! Previews a change: decides, with the data plane's `decide`, every flag that the change can affect for every
//! tenant, before and after it, and reports the decisions that differ.

mod reach;
mod requests;
mod served;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use rules::{AttributeId, Cause, FlagId, Flags, Tenant, Tenants, TierId, Timestamp};

pub use self::reach::affects_more_than;
use self::served::{Served, served};
use crate::affected::{Affected, UnknownTenantEffect};

/// The largest number of decisions (pairs of a tenant and a flag) that a preview evaluates.
pub const MAX_PREVIEW_DECISIONS: usize = 5_000_000;
/// The largest number of decisions listed in one page.
pub const MAX_LISTED_DECISIONS: usize = 1_000;
/// Number of changed flags for which unchanged tenants are reported.
const MAX_KEPT_FLAGS: usize = 20;

/// The effect of a change on decisions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    /// Number of tenants with a record after the change.
    pub tenants_total: usize,
    /// Number of tenants with at least one changed decision.
    pub tenants_changed: usize,
    /// Number of further tenants whose decisions may change for some requests, depending on users or attributes that
    /// only a request has.
    pub tenants_maybe_changed: usize,
    /// Number of changed decisions, that is, pairs of a tenant and a flag.
    pub decisions_changed: usize,
    /// A page of the changed decisions, ordered by tenant and flag.
    pub decisions: Vec<ChangedDecision>,
    /// The tenant and flag after which the next page starts; none on the last page.
    pub next: Option<(String, String)>,
    /// The changed decisions for tenants without a record. Rollouts by tenant are decided for an empty tenant id.
    pub unknown_tenant: Vec<ChangedDecision>,
    /// The tenants whose decisions of changed flags stay the same, grouped by flag, tier and cause.
    pub unchanged: Vec<UnchangedTenants>,
    /// Number of decisions that were not evaluated. The other counts do not include them.
    pub not_evaluated: usize,
}

/// A decision that differs after the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedDecision {
    /// The tenant; none for tenants without a record.
    pub tenant: Option<String>,
    /// The flag.
    pub flag: String,
    /// The variant before; none if the flag does not exist or tenants without a record are rejected.
    pub from: Option<String>,
    /// The variant after.
    pub to: Option<String>,
    /// The cause of the decision after the change; [`Cause::UnknownFlag`] if there is no variant.
    pub cause: Cause,
    /// The cause in words: `tier tier2`, `rule beta testers`.
    pub reason: String,
}

/// Tenants of one tier with the same cause, whose decision of a flag does not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnchangedTenants {
    /// The flag.
    pub flag: String,
    /// The tier; none for tenants without a tier.
    pub tier: Option<String>,
    /// The cause of the decision.
    pub cause: Cause,
    /// The cause in words: `not eligible at beta`, `overridden`, `opted out`.
    pub reason: String,
    /// Number of tenants.
    pub tenants: usize,
}

/// A page of changed decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewPage {
    /// The tenant and flag after which the page starts; none for the first page.
    pub after: Option<(String, String)>,
    /// The size of the page, at most [`MAX_LISTED_DECISIONS`].
    pub limit: usize,
}

impl Default for PreviewPage {
    fn default() -> Self {
        Self {
            after: None,
            limit: MAX_LISTED_DECISIONS,
        }
    }
}

impl Preview {
    /// Returns true if more than `limit` tenants are changed or may be changed, or if decisions were not evaluated.
    #[must_use]
    pub fn affects_more_than(&self, limit: usize) -> bool {
        self.not_evaluated > 0 || self.tenants_changed.saturating_add(self.tenants_maybe_changed) > limit
    }
}

/// Previews a change that can affect `affected`, with the first page of changed decisions.
#[must_use]
pub fn preview(
    before: (&Flags, &Tenants),
    after: (&Flags, &Tenants),
    affected: &Affected,
    now: Timestamp,
) -> Preview {
    preview_page(before, after, affected, now, &PreviewPage::default())
}

/// Previews a change, with another page of changed decisions.
#[must_use]
pub fn preview_page(
    before: (&Flags, &Tenants),
    after: (&Flags, &Tenants),
    affected: &Affected,
    now: Timestamp,
    page: &PreviewPage,
) -> Preview {
    let (old, new) = (Side::new(before), Side::new(after));
    let changed = with_dependents(&old, &new, &affected.flags);
    let mut look = Look {
        now,
        page,
        limit: page.limit.min(MAX_LISTED_DECISIONS),
        listed: BTreeMap::new(),
        kept: HashMap::new(),
        preview: Preview {
            tenants_total: new.tenants.len(),
            ..Preview::default()
        },
        budget: MAX_PREVIEW_DECISIONS,
    };
    let some = pairs(&old, &new, changed.iter().map(String::as_str), &affected.flags);
    let needs_all = !affected.tenants.is_empty() || affected.unknown_tenant == UnknownTenantEffect::Changed;
    let all = if needs_all {
        every_pair(&old, &new, &affected.flags)
    } else {
        Vec::new()
    };
    look.unknown(
        &old,
        &new,
        if affected.unknown_tenant == UnknownTenantEffect::Changed {
            &all
        } else {
            &some
        },
    );
    for id in &affected.tenants {
        let (from, to) = (old.tenants.find(id), new.tenants.find(id));
        look.tenant(&old, &new, (id, from, to), &all);
    }
    if !some.is_empty() {
        for tenant in new
            .tenants
            .iter()
            .filter(|tenant| !affected.tenants.contains(tenant.id()))
        {
            let from = old.tenants.find(tenant.id());
            look.tenant(&old, &new, (tenant.id(), from, Some(tenant)), &some);
        }
    }
    look.finish(&new)
}

/// The flags and tenants before or after a change.
struct Side<'s> {
    flags: &'s Flags,
    tenants: &'s Tenants,
    /// For attributes that were searched for: true if a tenant's record has one.
    recorded: RefCell<HashMap<AttributeId, bool>>,
}

/// A flag before and after the change.
#[derive(Clone, Copy)]
struct Pair<'s> {
    key: &'s str,
    from: Option<FlagId>,
    to: Option<FlagId>,
    /// True if the change alters decisions that depend on a request's user or attributes.
    by_request: bool,
    /// Its index among the flags for which unchanged tenants are reported.
    kept: Option<usize>,
}

/// A changed decision, before it is rendered.
struct Found<'s> {
    from: Served<'s>,
    to: Served<'s>,
}

struct Look<'p, 's> {
    now: Timestamp,
    page: &'p PreviewPage,
    limit: usize,
    listed: BTreeMap<(&'s str, &'s str), Found<'s>>,
    kept: HashMap<(usize, Option<TierId>, Cause), Seen<'s>>,
    preview: Preview,
    budget: usize,
}

/// A group of tenants whose decision does not change.
struct Seen<'s> {
    key: &'s str,
    why: String,
    tenants: usize,
}

impl<'s> Side<'s> {
    fn new((flags, tenants): (&'s Flags, &'s Tenants)) -> Self {
        Self {
            flags,
            tenants,
            recorded: RefCell::default(),
        }
    }
}

impl<'s> Look<'_, 's> {
    /// Decides every pair for one tenant, and counts and lists the decisions that differ.
    fn tenant(
        &mut self,
        old: &Side<'s>,
        new: &Side<'s>,
        (id, from, to): (&'s str, Option<&'s Tenant>, Option<&'s Tenant>),
        pairs: &[Pair<'s>],
    ) {
        let (mut flips, mut by_request) = (0_usize, false);
        for pair in pairs {
            if self.budget == 0 {
                self.preview.not_evaluated = self.preview.not_evaluated.saturating_add(1);
                continue;
            }
            self.budget = self.budget.saturating_sub(1);
            let from = served(old.flags, pair.from, id, from, self.now);
            let after = served(new.flags, pair.to, id, to, self.now);
            by_request |= pair.by_request && (from.depends_on_requests() || after.depends_on_requests());
            if from.is_same(&after) {
                self.keep(pair, to, &after);
            } else {
                flips = flips.saturating_add(1);
                self.list((id, pair.key), from, after);
            }
        }
        self.preview.decisions_changed = self.preview.decisions_changed.saturating_add(flips);
        let only_by_request = flips == 0 && by_request;
        self.preview.tenants_changed = self
            .preview
            .tenants_changed
            .saturating_add(usize::from(flips > 0));
        self.preview.tenants_maybe_changed = self
            .preview
            .tenants_maybe_changed
            .saturating_add(usize::from(only_by_request));
    }

    /// Decides every pair for a tenant without a record, with an empty tenant id.
    fn unknown(&mut self, old: &Side<'s>, new: &Side<'s>, pairs: &[Pair<'s>]) {
        for pair in pairs {
            let from = served(old.flags, pair.from, "", None, self.now);
            let to = served(new.flags, pair.to, "", None, self.now);
            if !from.is_same(&to) && self.preview.unknown_tenant.len() < MAX_LISTED_DECISIONS {
                self.preview.unknown_tenant.push(flip(None, pair.key, &from, &to));
            }
        }
    }

    fn list(&mut self, place: (&'s str, &'s str), from: Served<'s>, to: Served<'s>) {
        let after = self.page.after.as_ref();
        if after.is_some_and(|(tenant, flag)| place <= (tenant.as_str(), flag.as_str())) {
            return;
        }
        // One more than is listed, so that it is known whether there is another page.
        let is_full = self.listed.len() > self.limit;
        if is_full
            && self
                .listed
                .last_key_value()
                .is_some_and(|(last, _)| place > *last)
        {
            return;
        }
        self.listed.insert(place, Found { from, to });
        if is_full {
            self.listed.pop_last();
        }
    }

    fn keep(&mut self, pair: &Pair<'s>, tenant: Option<&Tenant>, to: &Served<'s>) {
        let (Some(place), Some(tenant), Some(cause)) = (pair.kept, tenant, to.cause()) else {
            return;
        };
        let group = self.kept.entry((place, tenant.tier(), cause));
        let group = group.or_insert_with(|| Seen {
            key: pair.key,
            why: to.words(),
            tenants: 0,
        });
        group.tenants = group.tenants.saturating_add(1);
    }

    fn finish(mut self, new: &Side<'s>) -> Preview {
        if self.listed.len() > self.limit {
            self.listed.pop_last();
            let last = self.listed.last_key_value();
            self.preview.next = last.map(|((tenant, flag), _)| ((*tenant).to_owned(), (*flag).to_owned()));
        }
        let listed = self.listed.iter();
        let listed = listed.map(|((tenant, flag), found)| flip(Some(tenant), flag, &found.from, &found.to));
        self.preview.decisions = listed.collect();
        let kept = self
            .kept
            .into_iter()
            .map(|((_, tier, cause), seen)| UnchangedTenants {
                flag: seen.key.to_owned(),
                tier: tier.and_then(|tier| new.flags.tier_name(tier)).map(str::to_owned),
                cause,
                reason: seen.why,
                tenants: seen.tenants,
            });
        self.preview.unchanged = kept.collect();
        let order = |kept: &UnchangedTenants| {
            (
                kept.flag.clone(),
                kept.tier.clone(),
                std::cmp::Reverse(kept.tenants),
                kept.reason.clone(),
            )
        };
        self.preview.unchanged.sort_by_key(order);
        self.preview
    }
}

fn flip(tenant: Option<&str>, flag: &str, from: &Served<'_>, to: &Served<'_>) -> ChangedDecision {
    ChangedDecision {
        tenant: tenant.map(str::to_owned),
        flag: flag.to_owned(),
        from: from.variant().map(str::to_owned),
        to: to.variant().map(str::to_owned),
        cause: to.cause().unwrap_or(Cause::UnknownFlag),
        reason: to.words(),
    }
}

/// Returns the flags and all flags that require one of them, directly or indirectly, before or after the change.
fn with_dependents(old: &Side<'_>, new: &Side<'_>, flags: &BTreeSet<String>) -> BTreeSet<String> {
    if flags.is_empty() {
        return BTreeSet::new();
    }
    let mut dependents: HashMap<&str, Vec<&str>> = HashMap::new();
    for side in [old, new] {
        for (_, flag) in side.flags.iter() {
            let required = (0..).map_while(|place| flag.required_flag(place));
            for required in required.filter_map(|id| side.flags.flag(id)) {
                let list = dependents.entry(required.key().as_str()).or_default();
                list.push(flag.key().as_str());
            }
        }
    }
    let mut found = flags.clone();
    let mut open: Vec<&str> = flags.iter().map(String::as_str).collect();
    while let Some(flag) = open.pop() {
        for &dependent in dependents.get(flag).into_iter().flatten() {
            if found.insert(dependent.to_owned()) {
                open.push(dependent);
            }
        }
    }
    found
}

fn every_pair<'s>(old: &Side<'s>, new: &Side<'s>, changed: &BTreeSet<String>) -> Vec<Pair<'s>> {
    let keys = old
        .flags
        .iter()
        .chain(new.flags.iter())
        .map(|(_, flag)| flag.key().as_str());
    let keys: BTreeSet<&str> = keys.collect();
    pairs(old, new, keys.into_iter(), changed)
}

fn pairs<'s, 'k>(
    old: &Side<'s>,
    new: &Side<'s>,
    keys: impl Iterator<Item = &'k str>,
    changed: &BTreeSet<String>,
) -> Vec<Pair<'s>> {
    let mut pairs = Vec::new();
    let mut told = 0_usize;
    for key in keys {
        let (from, to) = (old.flags.id(key), new.flags.id(key));
        let flag = to.and_then(|id| new.flags.flag(id));
        let Some(flag) = flag.or_else(|| old.flags.flag(from?)) else {
            continue;
        };
        let is_changed = changed.contains(key);
        let is_told = told < MAX_KEPT_FLAGS && is_changed;
        pairs.push(Pair {
            key: flag.key().as_str(),
            from,
            to,
            by_request: is_changed && requests::tell(old, new, (from, to)),
            kept: is_told.then_some(told),
        });
        told = told.saturating_add(usize::from(is_told));
    }
    pairs
}

#[cfg(test)]
mod tests;
