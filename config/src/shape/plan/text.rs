//! The texts of a rollout plan: names, items of the checklist, percentages.

use rules::Decimal;

use crate::form::parsed;
use crate::node::shorten;
use crate::validate::InvalidValue;

/// The longest name of a stage, check or role, in characters.
const MAX_NAME: usize = 64;
/// The longest item of a checklist, in characters.
const MAX_ITEM: usize = 200;

parsed! {
    PlanName("a name", "invalid-name"): Box<str> = |text| named(text, MAX_NAME);
    Item("a text", "invalid-name"): Box<str> = |text| named(text, MAX_ITEM);
}

/// Returns a name of visible characters and single spaces.
fn named(text: &str, longest: usize) -> Result<Box<str>, InvalidValue> {
    let is_visible = text
        .split(' ')
        .all(|word| !word.is_empty() && !word.chars().any(char::is_control));
    if is_visible && text.chars().count() <= longest {
        return Ok(text.into());
    }
    let title = format!("`{}` can't be a name here", shorten(text));
    let help = format!("write 1 to {longest} characters, with single spaces between words");
    Err(InvalidValue::new(title, help))
}

/// Parses `20%`.
pub(super) fn percent(text: &str) -> Option<Decimal> {
    Decimal::parse(text.strip_suffix('%')?.trim_end()).ok()
}

/// Returns the reason to refuse a percentage.
pub(super) fn invalid_percentage(text: &str, help: &str) -> InvalidValue {
    InvalidValue::new(
        format!("`{}` is no percentage that can be used here", shorten(text)),
        help,
    )
}
