//! Sites: opaque marks of places in a document. They travel with definitions, so that a problem can name its
//! place although `rules` knows no files.

/// A place in whatever the definition came from. Only its writer knows what the number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Site(pub u32);

/// A value and where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sited<T> {
    /// The value.
    pub value: T,
    /// The place.
    pub site: Site,
}

impl<T> Sited<T> {
    /// Creates the pair of `value` and `site`.
    pub fn new(value: T, site: Site) -> Self {
        Self { value, site }
    }
}
