//! The targets of the origin and their answers.

/// The target of the small answer.
pub(crate) const SMALL: &str = "/board/small";
/// The target of the answer of 64 KiB.
pub(crate) const LARGE: &str = "/board/large";
/// The target of the answer with the upstream's name and the headers that the gate set.
pub(crate) const ECHO: &str = "/board/echo";
/// The body of the small answer.
pub(super) const SMALL_BODY: &str =
    "{\"board\":\"main\",\"columns\":[\"new\",\"active\",\"done\"],\"cards\":42,\"revision\":118}";
/// The size of the large answer.
pub(super) const LARGE_SIZE: usize = 64 * 1024;
