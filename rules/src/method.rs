//! The methods of a route.

use std::fmt;

/// Most extension methods that one route names.
pub const MAX_EXTENSION_METHODS: usize = 16;
/// Longest method, in bytes.
pub const MAX_METHOD: usize = 64;

/// The methods of RFC 9110 9.3 and RFC 5789; a method's place is its bit.
const STANDARD: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

const GET: u16 = 1;
const HEAD: u16 = 1 << 1;

/// A set of methods; the empty set matches any method.
///
/// Names are case-sensitive (RFC 9110 section 9.1). `GET` includes `HEAD`, which servers answer as a `GET`
/// without its body (RFC 9110 section 9.3.2): otherwise a `HEAD` request would bypass a gate on `[GET]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Methods {
    /// One bit for each of [`STANDARD`].
    standard: u16,
    /// Other methods, sorted.
    extensions: Box<[Box<str>]>,
}

/// Reasons for refusing a list of methods.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMethods {
    /// A method without a character.
    #[error("a method can't be empty")]
    Empty,
    /// Longer than [`MAX_METHOD`].
    #[error("a method has at most {MAX_METHOD} characters, this one has {length}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Not a token (RFC 9110 5.6.2).
    #[error("a method can't contain {found:?}")]
    Character {
        /// The first character that can't be.
        found: char,
    },
    /// A standard method in another case, which no request would have.
    #[error("methods are case-sensitive: `{found}` is not `{meant}`")]
    Case {
        /// The method as written.
        found: String,
        /// The standard method that it looks like.
        meant: &'static str,
    },
    /// A method named twice.
    #[error("the method `{method}` is named twice")]
    Duplicate {
        /// It.
        method: String,
    },
    /// More than [`MAX_EXTENSION_METHODS`] that are not standard.
    #[error("a route names at most {MAX_EXTENSION_METHODS} methods that are not standard")]
    TooManyExtensions,
}

impl Methods {
    /// Takes the methods named; none named means any.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidMethods> {
        let mut standard = 0;
        let mut extensions: Vec<Box<str>> = Vec::new();
        for name in names {
            check(name)?;
            let known = match standard_bit(name) {
                Some(bit) => {
                    let known = standard & bit != 0;
                    standard |= bit;
                    known
                }
                None => {
                    let known = extensions.iter().any(|extension| **extension == *name);
                    extensions.push(name.into());
                    known
                }
            };
            if known {
                return Err(InvalidMethods::Duplicate {
                    method: name.to_owned(),
                });
            }
            if extensions.len() > MAX_EXTENSION_METHODS {
                return Err(InvalidMethods::TooManyExtensions);
            }
        }
        extensions.sort_unstable();
        Ok(Self {
            standard,
            extensions: extensions.into(),
        })
    }

    /// Returns true if the set matches every method, because none is named.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.standard == 0 && self.extensions.is_empty()
    }

    /// Returns true if the set matches `method`.
    #[must_use]
    pub fn is_match(&self, method: &str) -> bool {
        match standard_bit(method) {
            _ if self.is_any() => true,
            Some(bit) => self.taken() & bit != 0,
            None => self.extensions.iter().any(|extension| **extension == *method),
        }
    }

    /// Returns true if the set matches every method that `other` matches.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let known = |extension| self.extensions.contains(extension);
        let named = other.taken() & !self.taken() == 0 && other.extensions.iter().all(known);
        self.is_any() || !other.is_any() && named
    }

    /// Returns the bits of the standard methods that the set matches, named or implied.
    fn taken(&self) -> u16 {
        let implied = if self.standard & GET == 0 { 0 } else { HEAD };
        self.standard | implied
    }

    /// Returns the named methods, the standard ones first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let given = STANDARD
            .into_iter()
            .enumerate()
            .filter(|(place, _)| self.standard & (1 << place) != 0);
        given
            .map(|(_, name)| name)
            .chain(self.extensions.iter().map(|name| &**name))
    }
}

/// The names, with commas between; `*` for any.
impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_any() {
            return f.write_str("*");
        }
        for (nth, name) in self.names().enumerate() {
            write!(f, "{}{name}", if nth == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

fn standard_bit(method: &str) -> Option<u16> {
    STANDARD
        .iter()
        .position(|standard| *standard == method)
        .map(|place| 1 << place)
}

fn check(method: &str) -> Result<(), InvalidMethods> {
    if method.is_empty() {
        return Err(InvalidMethods::Empty);
    }
    if method.len() > MAX_METHOD {
        return Err(InvalidMethods::TooLong { length: method.len() });
    }
    if let Some(found) = method.chars().find(|&c| !is_token_character(c)) {
        return Err(InvalidMethods::Character { found });
    }
    match STANDARD
        .into_iter()
        .find(|standard| standard.eq_ignore_ascii_case(method))
    {
        Some(meant) if meant != method => Err(InvalidMethods::Case {
            found: method.to_owned(),
            meant,
        }),
        _ => Ok(()),
    }
}

/// Returns true for a `tchar` (RFC 9110 section 5.6.2).
pub(crate) fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests;
