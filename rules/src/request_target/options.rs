//! Options and limits of reading request targets.

/// Longest path, in bytes, as sent and as forwarded.
pub const MAX_PATH: usize = 8 * 1024;

/// Most segments of a path, as forwarded.
pub const MAX_PATH_SEGMENTS: usize = 256;

/// How targets are read. The same for every request of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TargetOptions {
    /// What `%2F` in a path means.
    pub encoded_slash: EncodedSlash,
}

/// What `%2F` in a path means. An encoded backslash is refused whatever is chosen here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EncodedSlash {
    /// Nothing good: the request is refused.
    #[default]
    Reject,
    /// A slash. It is decoded before dot segments are removed, so that `%2E%2E%2F` climbs like `../`.
    Decode,
    /// A character of its segment, and forwarded so. That it is a slash is one of the path's [`readings()`].
    Keep,
}
