//! Conditions of a route on one request header.

use std::fmt;
use std::sync::Arc;

use crate::{Pattern, method::is_token_character};

/// Most header predicates of one route.
pub const MAX_HEADER_MATCHES: usize = 16;
/// Longest header name, in bytes.
pub const MAX_HEADER_NAME: usize = 256;
/// Longest header value to compare with, in bytes.
pub const MAX_HEADER_VALUE: usize = 4 * 1024;

/// A condition of a route on one request header. A header of several lines matches if one of its lines does;
/// lines are not joined.
#[derive(Debug, Clone, PartialEq)]
pub struct HeaderMatch {
    name: Box<str>,
    predicate: HeaderPredicate,
}

/// The condition on a header's value.
#[derive(Debug, Clone, PartialEq)]
pub enum HeaderPredicate {
    /// These bytes, case and all.
    Exact(Box<str>),
    /// Any value, including an empty one or bytes that are not UTF-8.
    Present,
    /// A text that the expression matches somewhere, as a flag's clause does; whole only with `^` and `$`.
    Regex(Arc<Pattern>),
}

/// Reasons for refusing a header condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeaderMatch {
    /// A name without a character.
    #[error("a header name can't be empty")]
    NameEmpty,
    /// A name longer than [`MAX_HEADER_NAME`].
    #[error("a header name has at most {MAX_HEADER_NAME} bytes, this one has {length}")]
    NameTooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A name that is not a token (RFC 9110 5.1).
    #[error("a header name can't contain {found:?}")]
    NameCharacter {
        /// The first character that can't be.
        found: char,
    },
    /// A value longer than [`MAX_HEADER_VALUE`].
    #[error("a header value to compare with has at most {MAX_HEADER_VALUE} bytes, this one has {length}")]
    ValueTooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A value with a control character other than a tab (RFC 9110 5.5), which no header could have.
    #[error("a header value can't have {found:?}")]
    ValueCharacter {
        /// The first such character.
        found: char,
    },
    /// A value that begins or ends with white space, which is not part of any value (RFC 9110 5.5).
    #[error("a header value can't begin or end with white space")]
    ValuePadded,
}

impl HeaderMatch {
    /// Requires header `name` to be exactly `value`.
    pub fn exact(name: &str, value: &str) -> Result<Self, InvalidHeaderMatch> {
        check_value(value)?;
        Self::new(name, HeaderPredicate::Exact(value.into()))
    }

    /// Requires header `name` to be present.
    pub fn present(name: &str) -> Result<Self, InvalidHeaderMatch> {
        Self::new(name, HeaderPredicate::Present)
    }

    /// Requires `pattern` to match the value of header `name`.
    pub fn regex(name: &str, pattern: Arc<Pattern>) -> Result<Self, InvalidHeaderMatch> {
        Self::new(name, HeaderPredicate::Regex(pattern))
    }

    fn new(name: &str, predicate: HeaderPredicate) -> Result<Self, InvalidHeaderMatch> {
        if name.is_empty() {
            return Err(InvalidHeaderMatch::NameEmpty);
        }
        if name.len() > MAX_HEADER_NAME {
            return Err(InvalidHeaderMatch::NameTooLong { length: name.len() });
        }
        if let Some(found) = name.chars().find(|&c| !is_token_character(c)) {
            return Err(InvalidHeaderMatch::NameCharacter { found });
        }
        Ok(Self {
            name: name.to_ascii_lowercase().into(),
            predicate,
        })
    }

    /// Returns the header's name, in lower case.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the condition on its value.
    #[must_use]
    pub fn predicate(&self) -> &HeaderPredicate {
        &self.predicate
    }

    /// Returns true if one of the header's values meets the condition.
    pub fn is_match<'v>(&self, mut values: impl Iterator<Item = &'v [u8]>) -> bool {
        match &self.predicate {
            HeaderPredicate::Exact(expected) => values.any(|value| value == expected.as_bytes()),
            HeaderPredicate::Present => values.next().is_some(),
            HeaderPredicate::Regex(pattern) => {
                values.any(|value| std::str::from_utf8(value).is_ok_and(|text| pattern.is_match(text)))
            }
        }
    }

    /// Returns true if every request that meets `other` meets this condition, too.
    #[must_use]
    pub fn is_implied_by(&self, other: &Self) -> bool {
        self.name == other.name
            && match (&self.predicate, &other.predicate) {
                (HeaderPredicate::Present, _) => true,
                (HeaderPredicate::Regex(pattern), HeaderPredicate::Exact(value)) => pattern.is_match(value),
                (this, given) => this == given,
            }
    }
}

impl fmt::Display for HeaderMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.predicate {
            HeaderPredicate::Exact(value) => write!(f, "{}: {value}", self.name),
            HeaderPredicate::Present => write!(f, "{}", self.name),
            HeaderPredicate::Regex(pattern) => write!(f, "{}: /{}/", self.name, pattern.source()),
        }
    }
}

fn check_value(value: &str) -> Result<(), InvalidHeaderMatch> {
    if value.len() > MAX_HEADER_VALUE {
        return Err(InvalidHeaderMatch::ValueTooLong { length: value.len() });
    }
    if let Some(found) = value.chars().find(|&c| c.is_ascii_control() && c != '\t') {
        return Err(InvalidHeaderMatch::ValueCharacter { found });
    }
    if value.trim_matches([' ', '\t']) != value {
        return Err(InvalidHeaderMatch::ValuePadded);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
