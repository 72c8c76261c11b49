//! A document as a tree of nodes, each with its place. Texts without escapes are borrowed from the source. Plain
//! scalars are resolved (YAML 1.2 core schema) when they are read by their form.

use std::borrow::Cow;

use rules::{Decimal, InvalidDecimal};

/// A range of a source, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    /// The first byte.
    pub(crate) start: u32,
    /// The number of bytes.
    pub(crate) len: u32,
}

/// A value of a document, and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node<'s> {
    /// The whole of a scalar; the first character of a list or mapping.
    pub(crate) span: Span,
    pub(crate) kind: NodeKind<'s>,
}

#[derive(Debug, Clone)]
pub(crate) enum NodeKind<'s> {
    /// A scalar without quotes: a text, unless it resolves to another type.
    Plain(Cow<'s, str>),
    /// A text in quotes, or a block.
    Quoted(Cow<'s, str>),
    List(Vec<Node<'s>>),
    Mapping(Vec<MappingEntry<'s>>),
    /// A value that the parser reported; no further problem is reported for it.
    Refused,
}

/// A key of a mapping and its value.
#[derive(Debug, Clone)]
pub(crate) struct MappingEntry<'s> {
    pub(crate) key: Cow<'s, str>,
    pub(crate) key_span: Span,
    pub(crate) value: Node<'s>,
}

/// A resolved scalar (YAML 1.2.2 section 10.3.2, core schema).
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
    /// Returns the scalar; none for a list or a mapping.
    pub(crate) fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.kind {
            NodeKind::Plain(text) => Some(resolve(text)),
            NodeKind::Quoted(text) => Some(Scalar::Text(text)),
            NodeKind::List(_) | NodeKind::Mapping(_) | NodeKind::Refused => None,
        }
    }

    /// Returns the text of a scalar as written, whatever its type.
    pub(crate) fn raw(&self) -> Option<&Cow<'s, str>> {
        match &self.kind {
            NodeKind::Plain(text) | NodeKind::Quoted(text) => Some(text),
            NodeKind::List(_) | NodeKind::Mapping(_) | NodeKind::Refused => None,
        }
    }

    /// Returns the text, if this is one.
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

    /// Returns the reason why the scalar is a number that cannot be compared exactly, if it is one. Infinities and
    /// not-a-number resolve to texts, because most fields accept those; a field for both texts and numbers must
    /// reject them, since their author meant numbers.
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

    /// Returns the items, if this is a list.
    pub(crate) fn items(&self) -> Option<&[Node<'s>]> {
        match &self.kind {
            NodeKind::List(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the entries, if this is a mapping.
    pub(crate) fn entries(&self) -> Option<&[MappingEntry<'s>]> {
        match &self.kind {
            NodeKind::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns the value of a key, if this is a mapping that has it.
    pub(crate) fn field(&self, key: &str) -> Option<&Node<'s>> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Returns the entry of a key, if this is a mapping that has it.
    pub(crate) fn entry(&self, key: &str) -> Option<&MappingEntry<'s>> {
        self.entries()?.iter().find(|entry| entry.key == key)
    }

    /// Returns the noun of this node, for messages.
    pub(crate) fn describe(&self) -> String {
        match (&self.kind, self.scalar()) {
            (NodeKind::List(_), _) => "a list".to_owned(),
            (NodeKind::Mapping(_), _) => "a mapping".to_owned(),
            (NodeKind::Refused, _) | (_, Some(Scalar::Null) | None) => "an empty value".to_owned(),
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

/// Returns at most 60 characters of the first line of a text, with `...` if it was cut.
pub(crate) fn shorten(text: &str) -> Cow<'_, str> {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(60) {
        None if line.len() == text.len() => Cow::Borrowed(line),
        None => Cow::Owned(format!("{line}...")),
        Some((end, _)) => Cow::Owned(format!("{}...", line.get(..end).unwrap_or_default())),
    }
}

/// Resolves a plain scalar.
fn resolve(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Boolean(true),
        "false" | "False" | "FALSE" => return Scalar::Boolean(false),
        _ => {}
    }
    // Most scalars begin with none of these characters, and only these can begin a number.
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
    // A number that overflows an `i128` has more digits than a decimal number can have.
    let integer = i128::from_str_radix(digits, radix).map_err(|_| InvalidDecimal::TooManyDigits);
    let held = integer.and_then(|integer| Decimal::try_from(integer).map(|_| integer));
    Some(held.map_or_else(Scalar::InvalidNumber, Scalar::Integer))
}

/// Returns true for the texts of infinities and not-a-number in YAML (1.2.2 section 10.3.2, core schema). `NaN` and
/// `Infinity` are not among them: in a document they are plain texts.
#[must_use]
pub fn is_not_finite(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

#[cfg(test)]
mod tests;
