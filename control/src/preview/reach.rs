//! How far a change reaches: the same decisions as a preview, counted and not listed.

use rules::{Flags, Tenant, Tenants, Timestamp};

use super::served::served;
use super::{MAX_PREVIEW_DECISIONS, Pair, Side, every_pair, pairs, with_dependents};
use crate::touched::{Touched, UnknownTouched};

/// Whether more than `limit` tenants would be served something else, or may be by what only a request tells. What is too
/// much to be looked at is more.
#[must_use]
pub fn reaches_beyond(
    limit: usize,
    before: (&Flags, &Tenants),
    after: (&Flags, &Tenants),
    touched: &Touched,
    now: Timestamp,
) -> bool {
    let (old, new) = (Side::new(before), Side::new(after));
    // There are no more.
    if limit >= new.tenants.len().saturating_add(touched.tenants.len()) {
        return false;
    }
    let changed = with_dependents(&old, &new, &touched.flags);
    let some = pairs(&old, &new, changed.iter().map(String::as_str), &touched.flags);
    let beyond = limit.saturating_add(1);
    let needs_all = !touched.tenants.is_empty() || touched.unknown_tenant == UnknownTouched::Changed;
    let all = if needs_all {
        every_pair(&old, &new, &touched.flags)
    } else {
        Vec::new()
    };
    let decisions = new
        .tenants
        .len()
        .saturating_mul(some.len())
        .saturating_add(touched.tenants.len().saturating_mul(all.len()));
    if decisions > MAX_PREVIEW_DECISIONS {
        return true;
    }
    let flips = |id: &str, (from, to): (Option<&Tenant>, Option<&Tenant>), pairs: &[Pair<'_>]| {
        pairs.iter().any(|pair| {
            let after = served(new.flags, pair.to, id, to, now);
            let before = served(old.flags, pair.from, id, from, now);
            let by_request = pair.by_request && (before.depends_on_requests() || after.depends_on_requests());
            by_request || !before.is_same(&after)
        })
    };
    let named = touched.tenants.iter();
    let named = named.filter(|id| flips(id, (old.tenants.find(id), new.tenants.find(id)), &all));
    let counted = named.take(beyond).count();
    if some.is_empty() || counted == beyond {
        return counted == beyond;
    }
    // Where no record was compiled anew, it is the same on both sides and needs no looking up.
    let are_shared = std::ptr::eq(old.tenants, new.tenants);
    let others = new.tenants.scan();
    let others = others.filter(|tenant| touched.tenants.is_empty() || !touched.tenants.contains(tenant.id()));
    let others = others.filter(|tenant| {
        let from = if are_shared {
            Some(*tenant)
        } else {
            old.tenants.find(tenant.id())
        };
        flips(tenant.id(), (from, Some(tenant)), &some)
    });
    let wanted = beyond.saturating_sub(counted);
    others.take(wanted).count() == wanted
}
