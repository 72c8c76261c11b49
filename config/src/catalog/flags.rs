//! Compiles the flags of a change: the edited ones and those that require them, or all flags if the head or a segment
//! changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::OrdMap;
use rules::{DefinitionProblem, FlagDefinition, FlagId, Flags, FlagsDefinition, Former, Names};

use super::edit::Edits;
use super::{Catalog, Compiled};

/// The names of an edited document, its flags or their problems, and the ids whose meaning changes.
type CompiledFlags = (
    Arc<Names>,
    Result<Arc<Flags>, Vec<DefinitionProblem>>,
    Vec<FlagId>,
);

/// Returns the former names with those of the edited flags, which keep their ids. Returns none if all flags need new
/// ids.
pub(super) fn names_alone(former: &Compiled, edits: &Edits) -> Option<Arc<Names>> {
    let is_known = |(key, flag): (&Arc<str>, &Option<Arc<FlagDefinition>>)| match flag {
        Some(flag) => former.names.has(flag),
        None => former.names.flag(key).is_none(),
    };
    if edits.flags.iter().all(is_known) {
        return Some(Arc::clone(&former.names));
    }
    let names = former.names.with(changed(edits), removed(edits));
    names.map(Arc::new)
}

/// Compiles the edited flags, and the flags that require one whose id has another meaning now. All others are shared.
pub(super) fn some(catalog: &Catalog, names: Arc<Names>, edits: &Edits) -> CompiledFlags {
    let former = &catalog.compiled;
    if edits.flags.is_empty() {
        return (names, Ok(Arc::clone(&former.flags)), Vec::new());
    }
    let moved = names.moved_among(&former.names, edits.flags.keys().map(|key| &**key));
    let mut requiring: BTreeSet<&str> = former.flags.requiring(&moved).collect();
    for key in edits.flags.keys() {
        requiring.remove(&**key);
    }
    let kept = &catalog.document.flags;
    let requiring = requiring.into_iter().filter_map(|key| kept.get(key));
    let changed = changed(edits).chain(requiring.map(|flag| &**flag));
    let flags = former.flags.with(changed, removed(edits), &names);
    (names, flags.map(Arc::new), moved)
}

/// Compiles all flags, and shares those that are unchanged.
pub(super) fn all(catalog: &Catalog, edits: &Edits) -> CompiledFlags {
    let former = &catalog.compiled;
    let document = &catalog.document;
    let head = edits.head.as_ref().unwrap_or(&document.head);
    let definition = FlagsDefinition {
        tiers: head.tiers.clone(),
        unknown_tenant: head.unknown_tenant.clone(),
        policy: head.policy,
        segments: merged(&document.segments, &edits.segments),
        flags: merged(&document.flags, &edits.flags),
        tenants: Vec::new(),
    };
    let names = Names::following(&definition, &former.names);
    let kept = Former {
        flags: &former.flags,
        names: &former.names,
        is_kept: &|key| !edits.flags.contains_key(key),
    };
    let flags = rules::compile_flags(&definition, &names, catalog.eligibility, kept);
    let moved = names.moved(&former.names);
    (Arc::new(names), flags.map(Arc::new), moved)
}

fn changed(edits: &Edits) -> impl Iterator<Item = &FlagDefinition> {
    edits.flags.values().filter_map(Option::as_deref)
}

fn removed(edits: &Edits) -> impl Iterator<Item = &str> {
    let removed = edits.flags.iter().filter(|(_, flag)| flag.is_none());
    removed.map(|(key, _)| &**key)
}

/// Returns the edited parts, in the order of their names.
fn merged<T>(
    kept: &OrdMap<Arc<str>, Arc<T>>,
    edited: &std::collections::BTreeMap<Arc<str>, Option<Arc<T>>>,
) -> Vec<Arc<T>> {
    let mut all = kept.clone();
    for (name, part) in edited {
        match part {
            Some(part) => all.insert(Arc::clone(name), Arc::clone(part)),
            None => all.remove(name),
        };
    }
    all.into_iter().map(|(_, part)| part).collect()
}
