//! A secret in a document, as the search for secrets finds it and reports mask it.

use crate::node::Span;

/// A value, or a part of one, that reports mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretValue {
    /// The span of the whole value, at which problems point.
    pub(crate) at: Span,
    /// The span of the masked part.
    pub(crate) span: Span,
    /// The text of the masked part, without quotes and escapes.
    pub(crate) text: String,
    /// True for a key, which problems at other places may quote.
    pub(crate) is_key: bool,
}
