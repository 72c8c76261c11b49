//! Reasons for refusing a request target. Their codes are for counters and logs, and stable.

use super::options::{MAX_PATH, MAX_PATH_SEGMENTS};
use crate::InvalidHost;

/// Reasons for refusing a request target. `at` is an offset in bytes into the target as sent.
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
        /// The offset of the first such byte.
        at: usize,
    },
    /// A NUL.
    #[error("a NUL at byte {at}")]
    Nul {
        /// Its offset.
        at: usize,
    },
    /// Another control character: C0, DEL or C1.
    #[error("a control character at byte {at}")]
    Control {
        /// Its offset.
        at: usize,
    },
    /// A space.
    #[error("a space at byte {at}")]
    Space {
        /// Its offset.
        at: usize,
    },
    /// A backslash in the path.
    #[error("a backslash at byte {at}")]
    Backslash {
        /// Its offset.
        at: usize,
    },
    /// A `#`: a fragment is never sent (RFC 9110 7.1).
    #[error("a fragment at byte {at}")]
    Fragment {
        /// Its offset.
        at: usize,
    },
    /// A `%` in the path that two hex digits don't follow.
    #[error("a `%` without two hex digits at byte {at}")]
    Escape {
        /// The offset of the `%`.
        at: usize,
    },
    /// Escapes in the path that together are not UTF-8.
    #[error("escapes that are not UTF-8 at byte {at}")]
    EncodedNotUtf8 {
        /// The offset of the first escape.
        at: usize,
    },
    /// `%00` in the path.
    #[error("an encoded NUL at byte {at}")]
    EncodedNul {
        /// The offset of the escape.
        at: usize,
    },
    /// An escape of another control character in the path.
    #[error("an encoded control character at byte {at}")]
    EncodedControl {
        /// The offset of the escape.
        at: usize,
    },
    /// `%2F` in the path, where it is not allowed.
    #[error("an encoded slash at byte {at}")]
    EncodedSlash {
        /// The offset of the escape.
        at: usize,
    },
    /// `%5C` in the path.
    #[error("an encoded backslash at byte {at}")]
    EncodedBackslash {
        /// The offset of the escape.
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
        /// The number of segments.
        count: usize,
    },
}

impl InvalidTarget {
    /// Returns the reason as one word, for counters, logs and spec files.
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

    /// Returns the error for `found`, a character that a target must not hold raw.
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
