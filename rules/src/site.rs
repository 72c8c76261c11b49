//! Where something was written: an opaque mark that travels with a definition,
//! so that a problem can name its place without `rules` knowing what a file is.

/// A place in whatever the definition came from. Only its writer knows what the number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Site(pub u32);

/// A value and where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sited<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub site: Site,
}

impl<T> Sited<T> {
    /// `value`, written at `site`.
    pub fn new(value: T, site: Site) -> Self {
        Self { value, site }
    }
}
