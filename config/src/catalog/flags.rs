//! Compiles the flags of a change: those that are edited and those that require them, or all of them where the head
//! or a segment changes.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use imbl::OrdMap;
use rules::{FlagDefinition, FlagId, FlagsDefinition, Former, Names};

use super::part::{Head, Part};
use super::{Catalog, Compiled, Edited, Flag, Segment};

/// The former names with those of edited flags in their places; none where all flags are to get new ids.
pub(super) fn names_alone(former: &Compiled, edited: &Edited<Flag>) -> Option<Arc<Names>> {
    let is_known = |(key, part): &(Arc<str>, Option<Part<Flag>>)| match part {
        Some(part) => former.names.has(&part.definition),
        None => former.names.flag(key).is_none(),
    };
    if edited.iter().all(is_known) {
        return Some(Arc::clone(&former.names));
    }
    let names = former.names.with(definitions(edited), removed(edited));
    names.map(Arc::new)
}

/// The former flags with the edited ones in their places, and the ids that mean something else now: what requires one
/// of these is compiled anew, too. None where something is wrong.
pub(super) fn some(
    catalog: &Catalog,
    names: Arc<Names>,
    edited: &Edited<Flag>,
) -> Option<(Compiled, Vec<FlagId>)> {
    let former = &catalog.compiled;
    if edited.is_empty() {
        return Some((former.clone(), Vec::new()));
    }
    let edited_keys = edited.iter().map(|(key, _)| &**key);
    let moved = names.moved_among(&former.names, edited_keys);
    let mut requiring: BTreeSet<&str> = former.flags.requiring(&moved).collect();
    for (key, _) in edited {
        requiring.remove(&**key);
    }
    let requiring = requiring.into_iter().filter_map(|key| catalog.flags.get(key));
    let changed = definitions(edited).chain(requiring.map(definition));
    let flags = former.flags.with(changed, removed(edited), &names).ok()?;
    let compiled = Compiled {
        flags: Arc::new(flags),
        names,
        ..former.clone()
    };
    Some((compiled, moved))
}

fn definitions<'e>(edited: &'e Edited<Flag>) -> impl Iterator<Item = &'e FlagDefinition> {
    let parts = edited.iter().filter_map(|(_, part)| part.as_ref());
    parts.map(definition)
}

fn definition<'p>(part: &'p Part<Flag>) -> &'p FlagDefinition {
    &part.definition
}

fn removed(edited: &Edited<Flag>) -> impl Iterator<Item = &str> {
    let removed = edited.iter().filter(|(_, part)| part.is_none());
    removed.map(|(key, _)| &**key)
}

/// All flags, from the definitions that are kept and those that are edited, and the ids that mean something else now.
pub(super) fn all(
    catalog: &Catalog,
    head: Option<&Head>,
    segments: &Edited<Segment>,
    flags: &Edited<Flag>,
) -> Option<(Compiled, Vec<FlagId>)> {
    let edited_keys: HashSet<&str> = flags.iter().map(|(key, _)| &**key).collect();
    let former = &catalog.compiled;
    let head = head.unwrap_or(&catalog.head);
    let definition = FlagsDefinition {
        tiers: head.tiers.clone(),
        unknown_tenant: head.unknown_tenant.clone(),
        policy: head.policy,
        segments: merged(&catalog.segments, segments),
        flags: merged(&catalog.flags, flags),
        tenants: Vec::new(),
    };
    let names = Names::following(&definition, &former.names);
    let kept = Former {
        flags: &former.flags,
        names: &former.names,
        is_kept: &|key| !edited_keys.contains(key),
    };
    let flags = rules::compile_flags(&definition, &names, catalog.eligibility, kept).ok()?;
    let moved = names.moved(&former.names);
    let compiled = Compiled {
        flags: Arc::new(flags),
        names: Arc::new(names),
        ..former.clone()
    };
    Some((compiled, moved))
}

fn merged<T: Clone>(kept: &OrdMap<Arc<str>, Part<T>>, edited: &Edited<T>) -> Vec<T> {
    let mut all: BTreeMap<&str, &T> = kept
        .iter()
        .map(|(name, part)| (&**name, &part.definition))
        .collect();
    for (name, part) in edited {
        match part {
            Some(part) => all.insert(name, &part.definition),
            None => all.remove(&**name),
        };
    }
    all.into_values().cloned().collect()
}
