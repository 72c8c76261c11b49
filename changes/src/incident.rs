//! Incidents of a flag: texts or links that operators open with a kill, a revert or by themselves, and close.

use rules::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plain_text::is_readable;
use crate::refusal::{Code, Refusal};

/// The longest link or text of an incident, in characters.
const MAX_CHARACTERS: usize = 1_000;

/// The largest number of open incidents of one flag.
pub const MAX_OPEN_INCIDENTS: usize = 20;

/// An open incident of a flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// The text or link, which identifies it.
    pub link: String,
    /// The actor who opened it.
    pub by: String,
    /// The time at which it was opened.
    #[serde(with = "crate::timestamp")]
    pub at: Timestamp,
}

/// Returns the text or link without surrounding white space.
///
/// # Errors
/// [`Code::InvalidIncident`]
pub(crate) fn validated(link: &str) -> Result<&str, Vec<Refusal>> {
    let link = link.trim();
    if is_readable(link, MAX_CHARACTERS) {
        return Ok(link);
    }
    let refusal = Refusal::new(
        Code::InvalidIncident,
        "the incident is empty, too long or unreadable",
    );
    Err(vec![refusal.help(
        "write its name or link in 1 to 1,000 characters on one line, with at least one letter or digit",
    )])
}
