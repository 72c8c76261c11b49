//! Reading of whole documents by their form.

use super::{Form, Of};
use crate::node::Node;
use crate::problem::Problem;
use crate::secret_values::secret_values;
use crate::source::Source;
use crate::validate::{Notes, Origin, Slot, Validator};

/// Reads the document with this root, and reports every difference from its form.
pub(crate) fn read_document<'s, F: Form>(
    source: &Source,
    root: &Node<'s>,
    problems: &mut Vec<Problem>,
) -> Option<Of<'s, F>> {
    read_with_notes::<F>(Origin::People, source, root, problems).0
}

/// Reads a document as [`read_document`] does. Sluice wrote it, so it may have the fields that only stores have.
pub(crate) fn read_stored<'s, F: Form>(
    source: &Source,
    root: &Node<'s>,
    problems: &mut Vec<Problem>,
) -> Option<Of<'s, F>> {
    read_with_notes::<F>(Origin::Store, source, root, problems).0
}

/// Reads a document of this origin as [`read_document`] does, and returns the warnings about it and those that it allows,
/// too.
pub(crate) fn read_with_notes<'s, F: Form>(
    origin: Origin,
    source: &Source,
    root: &Node<'s>,
    problems: &mut Vec<Problem>,
) -> (Option<Of<'s, F>>, Notes) {
    // Before the first problem: messages quote values, and their secrets must be known to mask them.
    let secrets = secret_values(&source.text, source.is_confidential(), root, F::SHAPE);
    source.set_secrets(secrets);
    read_with::<F>(root, Validator::new(origin, source, problems))
}

/// Reads the document with this root, whose secrets are known and whose references to variables were replaced. Returns
/// the warnings about it and those that it allows, too.
pub(crate) fn read_root<'s, F: Form>(
    source: &Source,
    root: &Node<'s>,
    problems: &mut Vec<Problem>,
) -> (Option<Of<'s, F>>, Notes) {
    read_with::<F>(root, Validator::after_insertion(source, problems))
}

fn read_with<'s, F: Form>(root: &Node<'s>, mut validator: Validator<'_>) -> (Option<Of<'s, F>>, Notes) {
    let value = F::read(root, Slot::root(root, F::SHAPE), &mut validator);
    (value, validator.into_notes())
}
