//! The names that cross every boundary: flag keys, tenant ids and user ids. They are parsed once, at the edge.

use std::fmt;

/// Longest flag key, in bytes.
pub const MAX_FLAG_KEY: usize = 128;
/// Longest tenant id, in bytes.
pub const MAX_TENANT_ID: usize = 128;
/// Longest user id, in bytes.
pub const MAX_USER_ID: usize = 256;

/// A flag's key: 1 to 128 characters of `A-Z a-z 0-9 . _ -`, starting with a letter. Every key is a valid
/// HTTP token (RFC 9110 section 5.6.2) and structured-field token (RFC 9651 section 3.3.4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlagKey(Box<str>);

/// A tenant's id: 1 to 128 visible ASCII characters (`!` to `~`). Every id is a valid header value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Box<str>);

/// A user's id: 1 to 256 bytes of UTF-8 without control characters, and without white space at its ends. Every id is
/// a header value that a receiver reads as it was sent: a receiver removes white space around a value (RFC 9110
/// section 5.5), and ` alice` would be read as another user, `alice`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Box<str>);

/// Reasons for refusing a text as a flag key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFlagKey {
    /// No character at all.
    #[error("a flag key can't be empty")]
    Empty,
    /// Longer than [`MAX_FLAG_KEY`].
    #[error("a flag key has at most {MAX_FLAG_KEY} characters, this one has {length}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The first character is not a letter.
    #[error("a flag key starts with a letter, not with {}", shown(*.found))]
    Start {
        /// The first character.
        found: char,
    },
    /// A character outside the alphabet.
    #[error("a flag key can only contain letters, digits, `.`, `_` and `-`, not {}", shown(*.found))]
    Character {
        /// The first such character.
        found: char,
    },
}

/// Reasons for refusing a text as a tenant id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTenantId {
    /// No character at all.
    #[error("a tenant id can't be empty")]
    Empty,
    /// Longer than [`MAX_TENANT_ID`].
    #[error("a tenant id has at most {MAX_TENANT_ID} characters, this one has {length}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A character that is not visible ASCII.
    #[error("a tenant id can only contain visible ASCII characters, not {}", shown(*.found))]
    Character {
        /// The first such character.
        found: char,
    },
}

/// Reasons for refusing a text as a user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUserId {
    /// No character at all.
    #[error("a user id can't be empty")]
    Empty,
    /// Longer than [`MAX_USER_ID`].
    #[error("a user id has at most {MAX_USER_ID} bytes, this one has {length}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A control character.
    #[error("a user id can't contain control characters such as {}", shown(*.found))]
    Control {
        /// The first such character.
        found: char,
    },
    /// White space at the beginning or the end.
    #[error("a user id can't begin or end with white space")]
    Ends,
}

/// Returns a character for a message: `U+00A0` if it is not visible.
fn shown(found: char) -> String {
    match found {
        ' ' => "a space".to_owned(),
        _ if found.is_ascii_graphic() || found.escape_debug().len() == 1 => format!("`{found}`"),
        _ => format!("U+{:04X}", u32::from(found)),
    }
}

impl FlagKey {
    /// Takes `text` as a flag key, whole or not at all.
    pub fn parse(text: &str) -> Result<Self, InvalidFlagKey> {
        match text.chars().next() {
            None => return Err(InvalidFlagKey::Empty),
            Some(first) if !first.is_ascii_alphabetic() => {
                return Err(InvalidFlagKey::Start { found: first });
            }
            Some(_) => {}
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if let Some(found) = text.chars().find(|&c| !allowed(c)) {
            return Err(InvalidFlagKey::Character { found });
        }
        if text.len() > MAX_FLAG_KEY {
            return Err(InvalidFlagKey::TooLong { length: text.len() });
        }
        Ok(Self(text.into()))
    }

    /// Returns the key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TenantId {
    /// Takes `text` as a tenant id, whole or not at all.
    pub fn parse(text: &str) -> Result<Self, InvalidTenantId> {
        Self::check(text).map(|()| Self(text.into()))
    }

    /// Checks `text` as a tenant id, without creating one.
    pub fn check(text: &str) -> Result<(), InvalidTenantId> {
        if text.is_empty() {
            return Err(InvalidTenantId::Empty);
        }
        if let Some(found) = text.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(InvalidTenantId::Character { found });
        }
        if text.len() > MAX_TENANT_ID {
            return Err(InvalidTenantId::TooLong { length: text.len() });
        }
        Ok(())
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl UserId {
    /// Takes `text` as a user id, whole or not at all.
    pub fn parse(text: &str) -> Result<Self, InvalidUserId> {
        Self::check(text).map(|()| Self(text.into()))
    }

    /// Checks `text` as a user id, without creating one.
    pub fn check(text: &str) -> Result<(), InvalidUserId> {
        if text.is_empty() {
            return Err(InvalidUserId::Empty);
        }
        if text.len() > MAX_USER_ID {
            return Err(InvalidUserId::TooLong { length: text.len() });
        }
        if let Some(found) = text.chars().find(|c| c.is_control()) {
            return Err(InvalidUserId::Control { found });
        }
        // The byte order mark is not white space in Unicode, but ECMAScript's `trim` removes it.
        let is_trimmed = |c: char| c.is_whitespace() || c == '\u{feff}';
        if text.starts_with(is_trimmed) || text.ends_with(is_trimmed) {
            return Err(InvalidUserId::Ends);
        }
        Ok(())
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FlagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_is_not_visible_is_written_out() {
        let key = |text| FlagKey::parse(text).unwrap_err().to_string();
        let id = |text| TenantId::parse(text).unwrap_err().to_string();
        assert!(key("board\u{a0}v2").ends_with("and `-`, not U+00A0"));
        assert!(key("\u{feff}board").ends_with("not with U+FEFF"));
        assert!(key("a b").ends_with("not a space"));
        assert!(key("a\"b").ends_with("not `\"`"));
        assert!(id("acme\u{200b}").ends_with("characters, not U+200B"));
        assert!(id("acme\n").ends_with("characters, not U+000A"));
        assert!(id("a\u{301}").ends_with("characters, not U+0301"));
        assert!(id("größe").ends_with("characters, not `ö`"));
    }
}
