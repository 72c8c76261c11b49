//! A document as a tree of nodes, each with its place. Texts are borrowed from the source where they stand
//! there as they are; what a plain scalar means (YAML 1.2 core schema) is asked for when it matters.

use std::borrow::Cow;

use rules::{Decimal, InvalidDecimal};

/// A stretch of a source, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    /// The first byte.
    pub(crate) start: u32,
    /// How many bytes.
    pub(crate) len: u32,
}

/// A value of a document and where it is.
#[derive(Debug)]
pub(crate) struct Node<'s> {
    /// Of a scalar: all of it. Of a list or mapping: its first character.
    pub(crate) span: Span,
    pub(crate) kind: NodeKind<'s>,
}

#[derive(Debug)]
pub(crate) enum NodeKind<'s> {
    /// A scalar without quotes: a text, unless it reads as something else.
    Plain(Cow<'s, str>),
    /// A text in quotes, or a block.
    Quoted(Cow<'s, str>),
    List(Vec<Node<'s>>),
    Mapping(Vec<Entry<'s>>),
    /// Something that was refused when it was read; nothing more is said of it.
    Refused,
}

/// A key of a mapping and its value.
#[derive(Debug)]
pub(crate) struct Entry<'s> {
    pub(crate) key: Cow<'s, str>,
    pub(crate) key_span: Span,
    pub(crate) value: Node<'s>,
}

/// What a scalar is (YAML 1.2.2 section 10.3.2, core schema).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar<'n> {
    Null,
    Boolean(bool),
    /// An integer, with its text.
    Integer(i128),
    /// Any other number.
    Number(Decimal),
    /// The spelling of a number that no [`Decimal`] holds.
    InvalidNumber(InvalidDecimal),
    Text(&'n str),
}

impl<'s> Node<'s> {
    /// The scalar, or none where this is a list or a mapping.
    pub(crate) fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.kind {
            NodeKind::Plain(text) => Some(resolve(text)),
            NodeKind::Quoted(text) => Some(Scalar::Text(text)),
            NodeKind::List(_) | NodeKind::Mapping(_) | NodeKind::Refused => None,
        }
    }

    /// The text of a scalar as written, whatever it reads as.
    pub(crate) fn raw(&self) -> Option<&Cow<'s, str>> {
        match &self.kind {
            NodeKind::Plain(text) | NodeKind::Quoted(text) => Some(text),
            NodeKind::List(_) | NodeKind::Mapping(_) | NodeKind::Refused => None,
        }
    }

    /// The text, where this is one.
    pub(crate) fn text(&self) -> Option<&Cow<'s, str>> {
        match self.scalar()? {
            Scalar::Text(_) => self.raw(),
            _ => None,
        }
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        match self.scalar()? {
            Scalar::Boolean(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn number(&self) -> Option<Decimal> {
        match self.scalar()? {
            Scalar::Integer(value) => Decimal::try_from(value).ok(),
            Scalar::Number(value) => Some(value),
            _ => None,
        }
    }

    /// Returns why the scalar is a number that can't be compared, where it is one. Infinities and not-a-number read as
    /// texts, which most fields take. A field for texts and numbers alike would take them as texts that nobody meant.
    pub(crate) fn invalid_number(&self) -> Option<InvalidDecimal> {
        match (self.scalar()?, &self.kind) {
            (Scalar::InvalidNumber(invalid), _) => Some(invalid),
            (Scalar::Text(text), NodeKind::Plain(_)) if is_not_finite(text) => Some(InvalidDecimal::Syntax),
            _ => None,
        }
    }

    pub(crate) fn integer(&self) -> Option<i128> {
        match self.scalar()? {
            Scalar::Integer(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.scalar() == Some(Scalar::Null)
    }

    /// The items, where this is a list.
    pub(crate) fn items(&self) -> Option<&[Node<'s>]> {
        match &self.kind {
            NodeKind::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, where this is a mapping.
    pub(crate) fn entries(&self) -> Option<&[Entry<'s>]> {
        match &self.kind {
            NodeKind::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key, where this is a mapping that has it.
    pub(crate) fn field(&self, key: &str) -> Option<&Node<'s>> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key, where this is a mapping that has it.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry<'s>> {
        self.entries()?.iter().find(|entry| entry.key == key)
    }

    /// What this is, for people.
    pub(crate) fn describe(&self) -> String {
        match (&self.kind, self.scalar()) {
            (NodeKind::List(_), _) => "a list".to_owned(),
            (NodeKind::Mapping(_), _) => "a mapping".to_owned(),
            (NodeKind::Refused, _) | (_, Some(Scalar::Null) | None) => "nothing".to_owned(),
            (_, Some(Scalar::Boolean(value))) => format!("the boolean `{value}`"),
            (_, Some(Scalar::Integer(_) | Scalar::Number(_) | Scalar::InvalidNumber(_))) => {
                format!(
                    "the number `{}`",
                    self.raw().map_or("".into(), |text| shorten(text))
                )
            }
            (_, Some(Scalar::Text(text))) => format!("the text `{}`", shorten(text)),
        }
    }
}

/// At most 60 characters of the first line of a text.
pub(crate) fn shorten(text: &str) -> Cow<'_, str> {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(60) {
        None if line.len() == text.len() => Cow::Borrowed(line),
        None => Cow::Owned(format!("{line}...")),
        Some((end, _)) => Cow::Owned(format!("{}...", line.get(..end).unwrap_or_default())),
    }
}

/// What a plain scalar is.
fn resolve(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Boolean(true),
        "false" | "False" | "FALSE" => return Scalar::Boolean(false),
        _ => {}
    }
    // Only these can begin a number, and most scalars begin with none of them.
    if !text.starts_with(|c: char| matches!(c, '0'..='9' | '+' | '-' | '.')) {
        return Scalar::Text(text);
    }
    number(text).unwrap_or(Scalar::Text(text))
}

fn number(text: &str) -> Option<Scalar<'_>> {
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    match Decimal::parse(text) {
        Ok(number) => Some(text.parse().map_or(Scalar::Number(number), Scalar::Integer)),
        Err(InvalidDecimal::Syntax) => None,
        Err(invalid) => Some(Scalar::InvalidNumber(invalid)),
    }
}

fn radix(digits: &str, radix: u32) -> Option<Scalar<'_>> {
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    // What is too large for an integer has more digits than a decimal number may have.
    let integer = i128::from_str_radix(digits, radix).map_err(|_| InvalidDecimal::TooManyDigits);
    let held = integer.and_then(|integer| Decimal::try_from(integer).map(|_| integer));
    Some(held.map_or_else(Scalar::InvalidNumber, Scalar::Integer))
}

/// Returns true for the texts that YAML has for infinities and for not-a-number (1.2.2 section 10.3.2, core schema).
/// `NaN` and `Infinity` are none: they are texts in a document.
#[must_use]
pub fn is_not_finite(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

#[cfg(test)]
mod tests;
