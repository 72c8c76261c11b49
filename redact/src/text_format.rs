//! The formats of a text that secrets are looked for in.

/// What a text is, which tells what a quote in it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// Words, for people.
    Text,
    /// A line of JSON, which a mask leaves one.
    Json,
}
