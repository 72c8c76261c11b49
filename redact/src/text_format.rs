//! The formats of the texts that are searched for secrets.

/// The format of a text. It decides which quotes delimit a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// Words, for people.
    Text,
    /// A line of JSON, which a mask leaves one.
    Json,
}
