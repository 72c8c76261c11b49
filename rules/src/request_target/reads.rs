//! The ways in which an upstream may read a path that was forwarded to it, as a set.

use std::fmt;

/// One way of reading a path otherwise than RFC 3986 does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Read {
    /// `/Admin` is `/admin`, and so is every other case, beyond ASCII too.
    Fold = 1,
    /// `/admin;v=1` is `/admin`.
    Params = 1 << 1,
    /// `/%2561dmin` is `/admin`: what was decoded is decoded again, and what then is a query is none of the path.
    Decode = 1 << 2,
    /// `/a\b` is `/a/b`.
    Backslash = 1 << 3,
    /// `%u0061`, overlong UTF-8 and full-width forms are read as the characters that they represent.
    Unicode = 1 << 4,
    /// `/admin.`, `/admin `, a NUL and what follows it, `/admin::$DATA` are `/admin`.
    Trailing = 1 << 5,
    /// `/admin/users.json` is `/admin/users`: the end of the last segment names a format.
    Suffix = 1 << 6,
}

/// A set of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reads(u8);

impl Read {
    /// All ways, in the order in which they are listed.
    pub const ALL: [Self; 7] = [
        Self::Fold,
        Self::Params,
        Self::Decode,
        Self::Backslash,
        Self::Unicode,
        Self::Trailing,
        Self::Suffix,
    ];

    /// Returns its name in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fold => "fold",
            Self::Params => "params",
            Self::Decode => "decode",
            Self::Backslash => "backslash",
            Self::Unicode => "unicode",
            Self::Trailing => "trailing",
            Self::Suffix => "suffix",
        }
    }
}

impl Reads {
    /// All ways: the default for an upstream.
    pub const ALL: Self = Self(0b111_1111);
    /// No way: paths are read as RFC 3986 specifies.
    pub const EXACT: Self = Self(0);

    /// Returns the set with `read` added.
    #[must_use]
    pub const fn with(self, read: Read) -> Self {
        Self(self.0 | read as u8)
    }

    /// Returns the set without `read`.
    #[must_use]
    pub const fn without(self, read: Read) -> Self {
        Self(self.0 & !(read as u8))
    }

    /// Returns true if the set contains `read`.
    #[must_use]
    pub const fn contains(self, read: Read) -> bool {
        self.0 & read as u8 != 0
    }

    /// Returns the union of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the ways in the set, in order.
    pub fn iter(self) -> impl Iterator<Item = Read> {
        Read::ALL.into_iter().filter(move |read| self.contains(*read))
    }
}

impl Default for Reads {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromIterator<Read> for Reads {
    fn from_iter<I: IntoIterator<Item = Read>>(reads: I) -> Self {
        reads.into_iter().fold(Self::EXACT, Self::with)
    }
}

/// The names, with commas between; `exact` for none.
impl fmt::Display for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::EXACT {
            return f.write_str("exact");
        }
        for (nth, read) in self.iter().enumerate() {
            write!(f, "{}{}", if nth == 0 { "" } else { ", " }, read.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reads({self})")
    }
}
