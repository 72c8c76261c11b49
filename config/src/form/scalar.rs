//! Numbers, booleans, quantities, and free texts.

use std::borrow::Cow;
use std::marker::PhantomData;

use rules::{AttributeValue, Decimal, Spelled};
use serde_json::Value;

use super::Form;
use crate::json;
use crate::node::{Node, Scalar};
use crate::quantity;
use crate::shape::Shape;
use crate::validate::{Slot, Validator};

/// `true` or `false`.
pub(crate) enum Boolean {}
/// A free text for people.
pub(crate) enum Prose {}
/// Any number.
pub(crate) enum Number {}
/// A number from 0 to 100. `rules` checks the range.
pub(crate) enum Percentage {}
/// A number from 0 to 1.
pub(crate) enum Fraction {}
/// A text, number or boolean.
pub(crate) enum Comparable {}
/// The name of a variant. `rules` reads `true` and `false` as the `on` and `off` of a boolean flag.
pub(crate) enum VariantWord {}
/// Any JSON value.
pub(crate) enum AnyJson {}
/// The version of the document.
pub(crate) enum Version {}
/// A duration in milliseconds, written with its unit.
pub(crate) enum Duration {}
/// A size in bytes, written with its unit or as a number.
pub(crate) enum Size {}
/// A reference to an environment variable, `${NAME}`. `secret_file` takes a file instead.
pub(crate) enum Secret {}
/// A reference to an environment variable with tokens. `file` takes a file instead.
pub(crate) enum SecretTokens {}
/// A reference to an environment variable. No field takes a file instead.
pub(crate) enum VariableSecret {}
/// A whole number from `MIN` to `MAX`.
pub(crate) struct Whole<T, const MIN: i64, const MAX: i64>(PhantomData<T>);

/// Implements [`Form`] for scalars. A line has the form, its value, its shape, and the conversion of a node.
macro_rules! scalars {
    ($($form:ty: $value:ty, $shape:expr, |$node:pat_param, $scalar:pat_param| $made:expr;)+) => {$(
        impl Form for $form {
            type Value<'s> = $value;

            const SHAPE: Shape = $shape;

            fn read<'s>(node: &Node<'s>, slot: Slot<'_>, validator: &mut Validator<'_>) -> Option<$value> {
                let scalar = validator.scalar(node, Self::SHAPE, slot)?;
                let ($node, $scalar) = (node, scalar);
                $made
            }
        }
    )+};
}

scalars! {
    Boolean: bool, Shape::Boolean, |node, _| node.boolean();
    Prose: Cow<'s, str>, Shape::Prose, |node, _| node.text().cloned();
    Number: Spelled<Decimal>, Shape::Number, |node, _| number(node);
    Percentage: Spelled<Decimal>, Shape::Percentage, |node, _| number(node);
    Fraction: Spelled<Decimal>, Shape::Share, |node, _| number(node);
    Comparable: Spelled<AttributeValue>, Shape::Scalar, |node, scalar| attribute_value(node, scalar);
    VariantWord: Cow<'s, str>, Shape::Variant, |node, scalar| variant(node, scalar);
    Version: (), Shape::Version, |_, _| Some(());
    Duration: u64, Shape::Duration, |node, _| quantity::duration_ms(node.text()?);
    Size: u64, Shape::Size, |_, scalar| size(scalar);
    Secret: Cow<'s, str>, Shape::Secret(Some("secret_file")), |node, _| node.text().cloned();
    SecretTokens: Cow<'s, str>, Shape::Secret(Some("file")), |node, _| node.text().cloned();
    VariableSecret: Cow<'s, str>, Shape::Secret(None), |node, _| node.text().cloned();
}

impl<T: TryFrom<i128>, const MIN: i64, const MAX: i64> Form for Whole<T, MIN, MAX> {
    type Value<'s> = T;

    const SHAPE: Shape = Shape::Integer(MIN, MAX);

    fn read<'s>(node: &Node<'s>, slot: Slot<'_>, validator: &mut Validator<'_>) -> Option<T> {
        validator.scalar(node, Self::SHAPE, slot)?;
        T::try_from(node.integer()?).ok()
    }
}

impl Form for AnyJson {
    type Value<'s> = Value;

    const SHAPE: Shape = Shape::Any;

    fn read<'s>(node: &Node<'s>, _: Slot<'_>, validator: &mut Validator<'_>) -> Option<Value> {
        validator.any(node);
        Some(json::value(node))
    }
}

fn attribute_value(node: &Node<'_>, scalar: Scalar<'_>) -> Option<Spelled<AttributeValue>> {
    Some(match scalar {
        Scalar::Text(text) => AttributeValue::String(text.into()).into(),
        Scalar::Boolean(value) => AttributeValue::Boolean(value).into(),
        Scalar::Integer(_) | Scalar::Number(_) => {
            let Spelled { value, spelling } = number(node)?;
            let value = AttributeValue::Number(value);
            Spelled { value, spelling }
        }
        Scalar::Null | Scalar::InvalidNumber(_) => return None,
    })
}

/// Returns a number, with its spelling as a JSON number if that differs from its canonical text.
fn number(node: &Node<'_>) -> Option<Spelled<Decimal>> {
    let value = node.number()?;
    let written = json::value(node).to_string();
    let spelling = (written != value.to_string()).then(|| written.into());
    Some(Spelled { value, spelling })
}

fn variant<'s>(node: &Node<'s>, scalar: Scalar<'_>) -> Option<Cow<'s, str>> {
    match scalar {
        Scalar::Boolean(true) => Some(Cow::Borrowed("true")),
        Scalar::Boolean(false) => Some(Cow::Borrowed("false")),
        _ => node.text().cloned(),
    }
}

fn size(scalar: Scalar<'_>) -> Option<u64> {
    match scalar {
        Scalar::Integer(bytes) => u64::try_from(bytes).ok(),
        Scalar::Text(text) => quantity::size_bytes(text),
        _ => None,
    }
}
