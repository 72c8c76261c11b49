//! Compiles the parts that a change affects: the edited flags and those that require them, and the tenants whose
//! records name a flag with another meaning. Ids stay the same, so that all other parts are shared.

use std::sync::Arc;

use rules::{DefinitionProblem, Names};

use super::edit::Edits;
use super::{Catalog, Compiled, Edit, IdChanges, flags, tenants};

/// The problems that `rules` found in an edited document.
#[derive(Debug)]
pub(super) struct DraftProblems {
    pub(super) problems: Vec<DefinitionProblem>,
    /// The names of the edited document.
    pub(super) names: Arc<Names>,
}

/// Compiles the document with these edits.
pub(super) fn compile(catalog: &Catalog, edits: &[Edit]) -> Result<Compiled, DraftProblems> {
    let edits = Edits::of(edits.to_vec());
    let former = &catalog.compiled;
    let is_of_flags = edits.head.is_none() && edits.segments.is_empty();
    let names = flags::names_alone(former, &edits).filter(|_| is_of_flags);
    let (names, flags, moved) = match names {
        Some(names) => flags::some(catalog, names, &edits),
        None => flags::all(catalog, &edits),
    };
    let mut compiled = Compiled {
        names,
        ..former.clone()
    };
    // Tenants need only the names of flags, so that their problems are found even if a flag cannot be compiled.
    let mut problems = match flags {
        Ok(flags) => {
            compiled.has_held_flags |= !flags.is_empty();
            compiled.flags = flags;
            Vec::new()
        }
        Err(problems) => problems,
    };
    let same_tiers = compiled.names.same_tiers(&former.names);
    let tenants = if same_tiers {
        tenants::some(catalog, &edits, &compiled, &moved)
    } else {
        tenants::all(catalog, &edits, &compiled)
    };
    match tenants {
        Ok(tenants) => compiled.tenants = tenants,
        Err(found) => problems.extend(found),
    }
    if !problems.is_empty() {
        return Err(DraftProblems {
            problems,
            names: compiled.names,
        });
    }
    compiled.id_changes = if !same_tiers || !compiled.flags.same_attributes(&former.flags) {
        IdChanges::All
    } else if moved.is_empty() {
        IdChanges::None
    } else {
        IdChanges::Flags(moved.into())
    };
    Ok(compiled)
}
