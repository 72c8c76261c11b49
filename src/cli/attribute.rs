//! Attributes on the command line, for the admin API: a name and a JSON value.

use control::InvalidAttributeText;
use serde_json::Value;

/// A name and a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AttributeArgument(pub(super) String, pub(super) Value);

/// Parses `seats=80`, `country=DE`.
///
/// # Errors
/// The text is no attribute.
pub(super) fn parse(text: &str) -> Result<AttributeArgument, InvalidAttributeText> {
    let (name, value) = control::attribute_from_text(text)?;
    Ok(AttributeArgument(name, value))
}
