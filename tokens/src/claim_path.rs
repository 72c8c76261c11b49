//! Paths to values in claims: `org.id`, or a JSON pointer for names with dots or slashes. A path is parsed
//! once; resolving it walks the claims and allocates nothing.

use std::fmt;

use serde_json::Value;

/// Longest claim path, in bytes.
pub const MAX_CLAIM_PATH_BYTES: usize = 256;
/// Most names in a claim path.
pub const MAX_CLAIM_PATH_DEPTH: usize = 16;

/// A path into the claims of a token.
///
/// Either names joined by dots (`tenant`, `org.id`), or a JSON pointer (RFC 6901), which starts with `/`. In
/// a pointer `~1` is a slash in a name and `~0` a tilde (`/https:~1~1example.com~1tenant`). A name that is a
/// number also selects an item of a list (`orgs.0.id`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimPath {
    text: Box<str>,
    steps: Box<[ClaimStep]>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ClaimStep {
    name: Box<str>,
    /// The name as a position in a list: digits without a leading zero (RFC 6901 section 4).
    index: Option<usize>,
}

/// Reasons for refusing a text as a claim path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClaimPath {
    /// No character at all.
    #[error("a claim path can't be empty")]
    Empty,
    /// Longer than [`MAX_CLAIM_PATH_BYTES`].
    #[error("a claim path has at most {MAX_CLAIM_PATH_BYTES} bytes, this one has {length}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// More names than [`MAX_CLAIM_PATH_DEPTH`].
    #[error("a claim path has at most {MAX_CLAIM_PATH_DEPTH} names, this one has {depth}")]
    TooDeep {
        /// The number of names.
        depth: usize,
    },
    /// Two separators in a row, or one at an end.
    #[error("a claim path can't have an empty name, and `{path}` has one")]
    EmptyName {
        /// The path as given.
        path: Box<str>,
    },
    /// A slash in a path of dots: most likely a URL that is one claim's name.
    #[error("`{path}` has a slash; if it is the name of one claim, write the pointer `{pointer}`")]
    Slash {
        /// The path as given.
        path: Box<str>,
        /// The JSON pointer to a claim of that name.
        pointer: Box<str>,
    },
    /// A `~` that is followed by neither 0 nor 1.
    #[error("in a JSON pointer `~` is written `~0` and `/` is written `~1`; `{path}` has a bare `~`")]
    Escape {
        /// The path as given.
        path: Box<str>,
    },
}

impl ClaimPath {
    /// Takes `text` as a path, whole or not at all.
    pub fn parse(text: &str) -> Result<Self, InvalidClaimPath> {
        if text.is_empty() {
            return Err(InvalidClaimPath::Empty);
        }
        if text.len() > MAX_CLAIM_PATH_BYTES {
            return Err(InvalidClaimPath::TooLong { length: text.len() });
        }
        let steps = match text.strip_prefix('/') {
            Some(pointer) => pointer
                .split('/')
                .map(|name| ClaimStep::escaped(name, text))
                .collect(),
            None if text.contains('/') => Err(InvalidClaimPath::Slash {
                path: text.into(),
                pointer: pointer_to(text),
            }),
            None => Ok(text
                .split('.')
                .map(ClaimStep::plain)
                .collect::<Box<[ClaimStep]>>()),
        }?;
        if steps.iter().any(|step| step.name.is_empty()) {
            return Err(InvalidClaimPath::EmptyName { path: text.into() });
        }
        if steps.len() > MAX_CLAIM_PATH_DEPTH {
            return Err(InvalidClaimPath::TooDeep { depth: steps.len() });
        }
        Ok(Self {
            text: text.into(),
            steps,
        })
    }

    /// Returns the path as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the value at this path in `claims`.
    #[must_use]
    pub fn resolve<'c>(&self, claims: &'c Value) -> Option<&'c Value> {
        self.steps.iter().try_fold(claims, |value, step| match value {
            Value::Object(members) => members.get(&*step.name),
            Value::Array(items) => items.get(step.index?),
            _ => None,
        })
    }

    /// Returns the path to the claim `sub`.
    pub(crate) fn subject() -> Self {
        Self {
            text: "sub".into(),
            steps: [ClaimStep::plain("sub")].into(),
        }
    }
}

impl ClaimStep {
    fn plain(name: &str) -> Self {
        let canonical = name == "0" || !name.starts_with('0');
        let digits = name.bytes().all(|byte| byte.is_ascii_digit());
        let index = if canonical && digits {
            name.parse().ok()
        } else {
            None
        };
        Self {
            name: name.into(),
            index,
        }
    }

    /// Undoes the escapes of RFC 6901 section 4; `path` is for the message.
    fn escaped(name: &str, path: &str) -> Result<Self, InvalidClaimPath> {
        let mut plain = String::with_capacity(name.len());
        let mut characters = name.chars();
        while let Some(character) = characters.next() {
            let unescaped = match character {
                '~' => match characters.next() {
                    Some('0') => '~',
                    Some('1') => '/',
                    _ => return Err(InvalidClaimPath::Escape { path: path.into() }),
                },
                other => other,
            };
            plain.push(unescaped);
        }
        Ok(Self::plain(&plain))
    }
}

fn pointer_to(name: &str) -> Box<str> {
    format!("/{}", name.replace('~', "~0").replace('/', "~1")).into()
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
