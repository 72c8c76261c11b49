//! Forms: the one description of each value of a document. A form declares the accepted values, as data for the JSON
//! Schema and the search for secrets, and reads a node into a typed value. Reading reports every refused value, so that
//! no second list of words is needed.
//!
//! Forms are types: words ([`words!`]), objects ([`object!`], [`fields!`]), unions ([`union!`]), lists, maps and
//! scalars. `Placed<F>` and `Sited<F>` add the place to the form `F`; `Option<F>` keeps a refusal as none.

mod collection;
mod document;
mod field;
mod object;
mod parsed;
mod scalar;
mod text;
mod union;
mod words;

use std::borrow::Cow;
use std::marker::PhantomData;
use std::path::PathBuf;

use rules::Sited;

use crate::node::{Node, Span};
use crate::shape::Shape;
use crate::validate::{Slot, Validator};

pub(crate) use self::collection::{List, Map};
pub(crate) use self::document::{read_document, read_root, read_stored, read_with_notes};
pub(crate) use self::field::{Field, FieldKey};
pub(crate) use self::object::{Fields, fields, group, object, single, word, word_of};
pub(crate) use self::parsed::parsed;
pub(crate) use self::scalar::{
    AnyJson, Boolean, Comparable, Duration, Fraction, Number, Percentage, Prose, Secret, SecretTokens, Size,
    VariableSecret,
};
pub(crate) use self::scalar::{VariantWord, Version, Whole};
pub(crate) use self::text::{Boxed, Owned, Text, texts};
pub(crate) use self::union::union;
pub(crate) use self::words::words;

/// The description of a value of a document.
pub(crate) trait Form {
    /// The value that a node is read into.
    type Value<'s>;

    /// The shape that is accepted.
    const SHAPE: Shape;

    /// Reads a node. Returns none if the node was refused: then a problem was reported, here or by the parser.
    fn read<'s>(node: &Node<'s>, slot: Slot<'_>, validator: &mut Validator<'_>) -> Option<Self::Value<'s>>;
}

/// The value of a form.
pub(crate) type Of<'s, F> = <F as Form>::Value<'s>;

/// A value and the place of its node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl<T> Placed<T> {
    /// Maps the value and keeps its place.
    pub(crate) fn map<U>(self, make: impl FnOnce(T) -> U) -> Placed<U> {
        let (value, span) = (make(self.value), self.span);
        Placed { value, span }
    }
}

/// A text and its place.
pub(crate) type PlacedText<'s> = Placed<Cow<'s, str>>;

impl<F: Form> Form for Placed<F> {
    type Value<'s> = Placed<F::Value<'s>>;

    const SHAPE: Shape = F::SHAPE;

    fn read<'s>(node: &Node<'s>, slot: Slot<'_>, validator: &mut Validator<'_>) -> Option<Self::Value<'s>> {
        let value = F::read(node, slot, validator)?;
        let span = node.span;
        Some(Placed { value, span })
    }
}

impl<F: Form> Form for Sited<F> {
    type Value<'s> = Sited<F::Value<'s>>;

    const SHAPE: Shape = F::SHAPE;

    fn read<'s>(node: &Node<'s>, slot: Slot<'_>, validator: &mut Validator<'_>) -> Option<Self::Value<'s>> {
        let value = F::read(node, slot, validator)?;
        Some(Sited::new(value, validator.site(node.span)))
    }
}

/// The path that a text contains, relative to its document.
pub(crate) struct Resolved<F>(PhantomData<F>);

impl<F: for<'s> Form<Value<'s> = Cow<'s, str>>> Form for Resolved<F> {
    type Value<'s> = PathBuf;

    const SHAPE: Shape = F::SHAPE;

    fn read<'s>(node: &Node<'s>, slot: Slot<'_>, validator: &mut Validator<'_>) -> Option<PathBuf> {
        let path = F::read(node, slot, validator)?;
        Some(validator.path(&path))
    }
}

/// Keeps a refusal as none, so that a list or map has an entry for each written one.
impl<F: Form> Form for Option<F> {
    type Value<'s> = Option<F::Value<'s>>;

    const SHAPE: Shape = F::SHAPE;

    fn read<'s>(node: &Node<'s>, slot: Slot<'_>, validator: &mut Validator<'_>) -> Option<Self::Value<'s>> {
        Some(F::read(node, slot, validator))
    }
}

#[cfg(test)]
mod tests;
