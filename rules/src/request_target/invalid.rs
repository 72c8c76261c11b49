//! Why a request target is refused. The code is for counters and logs and never changes its meaning.

use super::options::{MAX_PATH, MAX_PATH_SEGMENTS};
use crate::InvalidHost;

/// Why a request target is refused. `at` is an offset in bytes into the target as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// No byte at all.
    #[error("empty")]
    Empty,
    /// Neither origin nor absolute form (of `http` or `https`) nor `*`.
    #[error("neither a path nor an `http` or `https` URI")]
    Form,
    /// The authority of the absolute form is none.
    #[error("{0}")]
    Authority(InvalidHost),
    /// Bytes that are not UTF-8.
    #[error("not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Where the first such byte is.
        at: usize,
    },
    /// A NUL.
    #[error("a NUL at byte {at}")]
    Nul {
        /// Where it is.
        at: usize,
    },
    /// Another control character: C0, DEL or C1.
    #[error("a control character at byte {at}")]
    Control {
        /// Where it is.
        at: usize,
    },
    /// A space.
    #[error("a space at byte {at}")]
    Space {
        /// Where it is.
        at: usize,
    },
    /// A backslash in the path.
    #[error("a backslash at byte {at}")]
    Backslash {
        /// Where it is.
        at: usize,
    },
    /// A `#`: a fragment is never sent (RFC 9110 7.1).
    #[error("a fragment at byte {at}")]
    Fragment {
        /// Where it is.
        at: usize,
    },
    /// A `%` in the path that two hex digits don't follow.
    #[error("a `%` without two hex digits at byte {at}")]
    Escape {
        /// Where the `%` is.
        at: usize,
    },
    /// Escapes in the path that together are not UTF-8.
    #[error("escapes that are not UTF-8 at byte {at}")]
    EncodedNotUtf8 {
        /// Where the first of them is.
        at: usize,
    },
    /// `%00` in the path.
    #[error("an encoded NUL at byte {at}")]
    EncodedNul {
        /// Where the escape is.
        at: usize,
    },
    /// An escape of another control character in the path.
    #[error("an encoded control character at byte {at}")]
    EncodedControl {
        /// Where the escape is.
        at: usize,
    },
    /// `%2F` in the path, where it is not allowed.
    #[error("an encoded slash at byte {at}")]
    EncodedSlash {
        /// Where the escape is.
        at: usize,
    },
    /// `%5C` in the path.
    #[error("an encoded backslash at byte {at}")]
    EncodedBackslash {
        /// Where the escape is.
        at: usize,
    },
    /// A path longer than [`MAX_PATH`], as sent or as it would be forwarded.
    #[error("a path has at most {MAX_PATH} bytes, this one has {length}")]
    PathTooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A path of more than [`MAX_PATH_SEGMENTS`] segments.
    #[error("a path has at most {MAX_PATH_SEGMENTS} segments, this one has {count}")]
    TooManySegments {
        /// How many it has.
        count: usize,
    },
}

impl InvalidTarget {
    /// The reason as one word, for counters, logs and spec files.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Form => "form",
            Self::Authority(_) => "authority",
            Self::NotUtf8 { .. } => "not_utf8",
            Self::Nul { .. } => "nul",
            Self::Control { .. } => "control",
            Self::Space { .. } => "space",
            Self::Backslash { .. } => "backslash",
            Self::Fragment { .. } => "fragment",
            Self::Escape { .. } => "escape",
            Self::EncodedNotUtf8 { .. } => "encoded_not_utf8",
            Self::EncodedNul { .. } => "encoded_nul",
            Self::EncodedControl { .. } => "encoded_control",
            Self::EncodedSlash { .. } => "encoded_slash",
            Self::EncodedBackslash { .. } => "encoded_backslash",
            Self::PathTooLong { .. } => "path_too_long",
            Self::TooManySegments { .. } => "too_many_segments",
        }
    }

    /// What is wrong with `found`, a character that must not stand raw in a target.
    pub(super) fn of_raw(found: char, at: usize) -> Self {
        match found {
            '\0' => Self::Nul { at },
            ' ' => Self::Space { at },
            '\\' => Self::Backslash { at },
            '#' => Self::Fragment { at },
            _ => Self::Control { at },
        }
    }
}
