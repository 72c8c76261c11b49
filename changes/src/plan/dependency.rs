//! Lifecycles of flags along `requires`. A flag without a lifecycle is transparent: the flags that it requires count
//! in its place. A retired flag has no prerequisites, since it serves its final variant regardless.

use std::collections::BTreeSet;

use rules::Lifecycle;

use crate::state::State;

/// A flag and its lifecycle.
pub(super) type FlagAt = (String, Lifecycle);

/// Returns the required flags whose lifecycle is before `to`. Retiring needs the same as ga.
pub(super) fn prerequisites_behind(state: &State, flag: &str, to: Lifecycle) -> Vec<FlagAt> {
    let to = to.min(Lifecycle::Ga);
    let required = |key: &str| required(state, key);
    walk(
        state,
        flag,
        required,
        |lifecycle| lifecycle < to,
        Through::Transparent,
    )
}

/// Returns the flags that require `flag`, directly or indirectly, and whose lifecycle would be after its own at `to`.
pub(super) fn dependents_ahead(state: &State, flag: &str, to: Lifecycle) -> Vec<FlagAt> {
    let is_further = |lifecycle| lifecycle > to && lifecycle != Lifecycle::Retired;
    let dependents = state.dependents();
    let next = |key: &str| dependents.get(key).cloned().unwrap_or_default();
    walk(state, flag, next, is_further, Through::Found)
}

fn required<'s>(state: &'s State, flag: &str) -> Vec<&'s str> {
    let definition = state.document.flags.get(flag);
    let required = definition.into_iter().flat_map(|definition| &definition.requires);
    required.map(|required| &*required.flag.value).collect()
}

/// The flags whose neighbours are visited too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Through {
    /// Flags without a lifecycle.
    Transparent,
    /// Flags without a lifecycle and flags in the result.
    Found,
}

/// Returns the wanted flags among those that `next` leads to from `flag`. Visits each flag once, so that it ends in a
/// state with cycles too.
fn walk<'s>(
    state: &'s State,
    flag: &'s str,
    next: impl Fn(&str) -> Vec<&'s str>,
    wanted: impl Fn(Lifecycle) -> bool,
    through: Through,
) -> Vec<FlagAt> {
    let mut seen = BTreeSet::from([flag]);
    let mut open = vec![flag];
    let mut found = Vec::new();
    while let Some(flag) = open.pop() {
        for key in next(flag) {
            let Some(other) = state.document.flags.get(key).filter(|_| seen.insert(key)) else {
                continue;
            };
            match other.lifecycle.map(|lifecycle| lifecycle.value) {
                None => open.push(key),
                Some(lifecycle) if wanted(lifecycle) => {
                    found.push((key.to_owned(), lifecycle));
                    if through == Through::Found {
                        open.push(key);
                    }
                }
                Some(_) => {}
            }
        }
    }
    found.sort();
    found
}

/// Returns the flags as text: `a is alpha, b is beta`.
pub(super) fn listed(flags: &[FlagAt]) -> String {
    let words = flags
        .iter()
        .map(|(flag, lifecycle)| format!("{flag} is {lifecycle}"));
    words.collect::<Vec<_>>().join(", ")
}
