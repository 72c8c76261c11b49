//! Attribute values: what a subject is known by beside tenant, user and groups.
//! `AttributeValue` is owned (tenant records, verified claims), `Value` borrows from it or from a request.

use crate::Decimal;

/// An owned attribute value, as a tenant record or a verified token holds it.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// Any string, the empty one included.
    String(Box<str>),
    /// An exact number.
    Number(Decimal),
    /// `true` or `false`.
    Boolean(bool),
    /// A list of strings, in the order given.
    List(Box<[Box<str>]>),
}

/// A borrowed attribute value, as `decide` reads it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Any string, the empty one included.
    String(&'a str),
    /// An exact number.
    Number(Decimal),
    /// `true` or `false`.
    Boolean(bool),
    /// A list of strings.
    List(&'a [Box<str>]),
}

impl AttributeValue {
    /// Returns the same value, borrowed.
    #[must_use]
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Self::String(text) => Value::String(text),
            Self::Number(number) => Value::Number(*number),
            Self::Boolean(boolean) => Value::Boolean(*boolean),
            Self::List(items) => Value::List(items),
        }
    }
}

impl From<&str> for AttributeValue {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<Decimal> for AttributeValue {
    fn from(number: Decimal) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for AttributeValue {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}

impl<S: Into<Box<str>>> FromIterator<S> for AttributeValue {
    fn from_iter<I: IntoIterator<Item = S>>(items: I) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}
