//! The form of `allow`: the codes of warnings that are expected about a part of a document.

use crate::form::{Form, List};
use crate::node::Node;
use crate::problem::WARNINGS;
use crate::shape::Shape;
use crate::validate::{Slot, Validator};

/// The codes of the warnings that are expected about the object that has the list.
pub(crate) type Allow = List<WarningCode, 1, { WARNINGS.len() }>;

/// The code of a warning.
pub(crate) enum WarningCode {}

impl Form for WarningCode {
    type Value<'s> = &'static str;

    const SHAPE: Shape = Shape::Choice(&WARNINGS);

    fn read<'s>(node: &Node<'s>, slot: Slot<'_>, validator: &mut Validator<'_>) -> Option<&'static str> {
        let code = WARNINGS.get(validator.word(node, Self::SHAPE, slot)?).copied()?;
        validator.allow(code, node.span);
        Some(code)
    }
}
