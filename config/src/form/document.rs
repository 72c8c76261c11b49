//! Reading of whole documents by their form.

use super::{Form, Of};
use crate::node::Node;
use crate::problem::Problem;
use crate::secret_values::secret_values;
use crate::source::Source;
use crate::validate::{Notes, Slot, Validator};

/// Reads the document with this root, and reports every difference from its form.
pub(crate) fn read_document<'s, F: Form>(
    source: &Source,
    root: &Node<'s>,
    problems: &mut Vec<Problem>,
) -> Option<Of<'s, F>> {
    read_with_notes::<F>(source, root, problems).0
}

/// Reads a document as [`read_document`] does, and returns the warnings about it and those that it allows, too.
pub(crate) fn read_with_notes<'s, F: Form>(
    source: &Source,
    root: &Node<'s>,
    problems: &mut Vec<Problem>,
) -> (Option<Of<'s, F>>, Notes) {
    // Before the first problem: messages quote values, and their secrets must be known to mask them.
    let secrets = secret_values(&source.text, source.is_confidential(), root, F::SHAPE);
    source.set_secrets(secrets);
    let slot = Slot::root(root, F::SHAPE);
    let mut validator = Validator::new(source, problems);
    let value = F::read(root, slot, &mut validator);
    (value, validator.into_notes())
}
