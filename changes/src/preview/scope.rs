//! The flags that a change is previewed for: the changed ones with their dependents, or every flag.

use std::collections::{BTreeSet, HashMap};

use rules::FlagId;

use super::requests;
use super::side::Side;
use crate::affected::{Affected, UnknownTenantEffect};

/// Number of changed flags for which unchanged tenants are reported.
const MAX_REPORTED_FLAGS: usize = 20;

/// A flag before and after the change.
#[derive(Clone, Copy)]
pub(super) struct FlagPair<'s> {
    pub(super) key: &'s str,
    pub(super) from: Option<FlagId>,
    pub(super) to: Option<FlagId>,
    /// True if the change alters decisions that depend on a request's user or attributes.
    pub(super) by_request: bool,
    /// Its index among the flags for which unchanged tenants are reported.
    pub(super) reported: Option<usize>,
}

/// The flags to decide for each kind of tenant.
pub(super) struct Scope<'s> {
    /// The changed flags and their dependents, for tenants whose records do not change.
    pub(super) changed_flags: Vec<FlagPair<'s>>,
    /// Every flag, for tenants whose records change; empty if nothing needs it.
    pub(super) every_flag: Vec<FlagPair<'s>>,
    unknown_tenant: UnknownTenantEffect,
}

impl<'s> Scope<'s> {
    pub(super) fn new(old: &Side<'s>, new: &Side<'s>, affected: &Affected) -> Self {
        let changed = with_dependents(old, new, &affected.flags);
        let needs_every_flag =
            !affected.tenants.is_empty() || affected.unknown_tenant == UnknownTenantEffect::Changed;
        Self {
            changed_flags: pairs(old, new, changed.iter().map(String::as_str), &affected.flags),
            every_flag: if needs_every_flag {
                every_pair(old, new, &affected.flags)
            } else {
                Vec::new()
            },
            unknown_tenant: affected.unknown_tenant,
        }
    }

    /// Returns the flags to decide for tenants without a record.
    pub(super) fn of_unknown_tenant(&self) -> &[FlagPair<'s>] {
        match self.unknown_tenant {
            UnknownTenantEffect::Changed => &self.every_flag,
            UnknownTenantEffect::Same => &self.changed_flags,
        }
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

fn every_pair<'s>(old: &Side<'s>, new: &Side<'s>, changed: &BTreeSet<String>) -> Vec<FlagPair<'s>> {
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
) -> Vec<FlagPair<'s>> {
    let mut pairs = Vec::new();
    let mut reported = 0_usize;
    for key in keys {
        let (from, to) = (old.flags.id(key), new.flags.id(key));
        let flag = to.and_then(|id| new.flags.flag(id));
        let Some(flag) = flag.or_else(|| old.flags.flag(from?)) else {
            continue;
        };
        let is_changed = changed.contains(key);
        let is_reported = reported < MAX_REPORTED_FLAGS && is_changed;
        pairs.push(FlagPair {
            key: flag.key().as_str(),
            from,
            to,
            by_request: is_changed && requests::alter_decisions(old, new, (from, to)),
            reported: is_reported.then_some(reported),
        });
        reported = reported.saturating_add(usize::from(is_reported));
    }
    pairs
}
