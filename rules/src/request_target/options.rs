//! Options and limits of reading request targets.

/// Longest path, in bytes, as sent and as forwarded.
pub const MAX_PATH: usize = 8 * 1024;

/// Most segments of a path, as forwarded.
pub const MAX_PATH_SEGMENTS: usize = 256;

/// The options for normalising targets, the same for every request of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TargetOptions {
    /// The meaning of `%2F` in a path.
    pub encoded_slash: EncodedSlash,
}

/// The meaning of `%2F` in a path. An encoded backslash is always refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EncodedSlash {
    /// The request is refused.
    #[default]
    Reject,
    /// A slash. It is decoded before dot segments are removed, so that `%2E%2E%2F` climbs like `../`.
    Decode,
    /// A character of its segment, forwarded as sent. A slash is one of the path's
    /// [readings](crate::readings()).
    Keep,
}
