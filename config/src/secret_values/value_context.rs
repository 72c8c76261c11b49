//! The position of a value in a document, which decides whether the value is treated as a secret.

use redact::looks_random;
use tokens::Algorithm;

use crate::form::{Form, Text};
use crate::operators::OperatorRole;
use crate::quantity;
use crate::shape::text::FilePath;
use crate::shape::{ListShape, Shape, UnionShape, When};
use crate::suggest::{closest, qualified};

use super::harmless::{is_address, is_algorithm, is_duration, is_file, is_time, is_url, is_word};

/// The minimum length of a secret beside fields of secrets; shorter texts are treated as misspellings.
const SHORT: usize = 6;
/// The length from which on a text in the place of a header name is treated as a secret.
const LONG: usize = 32;

/// The number of levels below a union that are searched for fields of secrets.
const LEVELS: usize = 4;

/// The position of a value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ValueContext {
    /// The field has the name of a secret.
    pub(super) is_named: bool,
    /// The field is unknown, and its object has fields for secrets.
    pub(super) is_beside: bool,
    /// The object of the field has fields for secrets or for locations of secrets.
    pub(super) is_near: bool,
    /// The field contains the location of a secret.
    pub(super) is_source: bool,
    /// The document may be a secret as a whole.
    pub(super) is_confidential: bool,
}

impl ValueContext {
    pub(super) fn is_secret(self, text: &str, shape: Option<Shape>) -> bool {
        match shape {
            Some(Shape::Secret(_)) => true,
            // A mapping is expected, which may contain the location of a secret.
            Some(Shape::Union(union)) => self.is_secret_in_union(text, union()),
            Some(Shape::Object(_) | Shape::List(_)) if self.is_confidential => true,
            Some(Shape::Version) if self.is_confidential => text.parse::<u32>().is_err(),
            Some(shape) if self.is_confidential && is_instant(shape) => !is_time(text) && !is_word(text),
            Some(Shape::Object(object)) => self.is_named || object().has_secrets(),
            Some(Shape::Text(_) | Shape::Name(_)) if self.is_source => !is_location(text, shape),
            Some(Shape::Text(_) | Shape::Name(_)) => self.is_named,
            Some(Shape::List(ListShape { item, .. })) => self.is_near && is_foreign(text, *item),
            Some(other) => self.is_near && is_foreign(text, other),
            None => self.is_named || (self.is_beside && !is_role(text)),
        }
    }

    fn is_secret_in_union(self, text: &str, union: &UnionShape) -> bool {
        match union.case(When::Scalar) {
            Some(_) if takes_address(union) && is_address(text) => false,
            Some(scalar) => (self.is_near || holds_secrets(union, LEVELS)) && is_foreign(text, scalar),
            // The location of a secret, without the mapping around it.
            None if takes_path(union) && (is_file(text) || is_url(text)) => false,
            // The name of a header or cookie, without the mapping around it.
            None => union.has_secrets() || (self.is_named && (text.len() >= LONG || looks_random(text))),
        }
    }
}

/// Returns true for the name of a role, which is no secret.
fn is_role(text: &str) -> bool {
    OperatorRole::ALL.iter().any(|role| role.as_str() == text)
}

/// Returns true if a text is neither a value that the field accepts nor close to one.
fn is_foreign(text: &str, shape: Shape) -> bool {
    if text.len() < SHORT || is_word(text) {
        return false;
    }
    match shape {
        Shape::Choice(values) if is_same(values, Algorithm::SHAPE) && is_algorithm(text) => false,
        Shape::Choice(values) => {
            let values = || values.iter().copied();
            let is_qualified = qualified(text, values()).is_some() && text.split(['.', '_']).all(is_word);
            values().all(|value| value != text) && closest(text, values()).is_none() && !is_qualified
        }
        Shape::Duration => quantity::duration_ms(text).is_none() && !is_duration(text),
        Shape::Size => quantity::size_bytes(text).is_none(),
        Shape::Boolean | Shape::Integer(..) | Shape::Number | Shape::Percentage | Shape::Share => true,
        _ => false,
    }
}

/// Returns true for a field that accepts a time.
pub(super) fn is_instant(shape: Shape) -> bool {
    matches!(shape, Shape::Text(what) if what.contains("RFC 3339"))
}

/// Returns true if the mapping form of the union has an address.
pub(super) fn takes_address(union: &UnionShape) -> bool {
    matches!(union.case(When::Mapping), Some(Shape::Object(object)) if object().field("address").is_some())
}

/// Returns true if a mapping form of the union has the path of a file.
fn takes_path(union: &UnionShape) -> bool {
    let has_path = |shape| match shape {
        Shape::Object(object) => object().fields().any(|field| is_path(Some(field.shape))),
        _ => false,
    };
    union.cases.iter().any(|case| has_path(case.shape))
}

/// Returns true if there are fields for secrets within this number of levels. The number bounds the recursion, because
/// conditions contain conditions.
fn holds_secrets(union: &UnionShape, levels: usize) -> bool {
    union.cases.iter().any(|case| holds(case.shape, levels))
}

fn holds(shape: Shape, levels: usize) -> bool {
    match (shape, levels.checked_sub(1)) {
        (Shape::Object(object), Some(levels)) => {
            let object = object();
            object.has_secrets() || object.fields().any(|field| holds(field.shape, levels))
        }
        (Shape::Union(union), Some(levels)) => holds_secrets(union(), levels),
        _ => false,
    }
}

/// Returns true if a text looks like a path or URL and not like a secret. Accepted secrets have at least 32 bytes, so
/// that short texts are names of files.
fn is_location(text: &str, shape: Option<Shape>) -> bool {
    const SHORT: usize = 16;
    if is_path(shape) && (has_path(text) || is_file(text)) || is_url(text) {
        return true;
    }
    let is_name = is_path(shape) && text.len() < SHORT;
    (is_name || text.contains(['.', '/'])) && !looks_random(text)
}

/// Returns true if a text can only be a path: base64 contains no dots, and rarely a leading slash followed by another.
fn has_path(text: &str) -> bool {
    let extension = text.rsplit_once('.').map(|(_, extension)| extension);
    let has_extension = extension.is_some_and(|extension| {
        (1..=5).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    let inside = ["./", "../", "/"].iter().find_map(|root| text.strip_prefix(root));
    has_extension || inside.is_some_and(|inside| inside.contains('/') && !inside.contains(['+', '=']))
}

pub(super) fn is_path(shape: Option<Shape>) -> bool {
    matches!(shape, Some(Shape::Text(FilePath::WHAT)))
}

fn is_same(words: &[&str], shape: Shape) -> bool {
    matches!(shape, Shape::Choice(others) if words == others)
}
