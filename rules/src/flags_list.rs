//! The value of the flags header: the flags that are on for a subject, as an RFC 9651 list of tokens in key order,
//! within a budget of bytes.

use crate::{FlagId, Flags, FlagsHeader, Include, Reason, Subject, Timestamp, decide};

/// The parameter of the last item of a truncated list (RFC 9651 section 3.1.2).
const TRUNCATED: &str = ";truncated";
/// The list if not even its first item fits.
const NONE_FITS: &str = "*;truncated";

/// The value of the flags header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagsList {
    /// The header's value; `None` if no flag is on, because an empty list is no header (RFC 9651 section
    /// 4.1).
    pub value: Option<String>,
    /// True if items were left out because of the budget.
    pub truncated: bool,
}

impl FlagsHeader {
    /// Lists the flags that are on for `subject` at `now`; `gated` are those of the route's gate.
    #[must_use]
    pub fn list(&self, flags: &Flags, gated: &[FlagId], subject: &Subject<'_>, now: Timestamp) -> FlagsList {
        let mut list = ListBuilder {
            text: String::new(),
            budget: self.budget,
            truncated: false,
        };
        let mut add = |id: FlagId| {
            let Some(flag) = flags.flag(id) else { return };
            let decision = decide(flags, id, subject, now);
            if decision.reason != Reason::Error
                && decision.variant != flag.off()
                && let Some(variant) = flag.variant(decision.variant)
            {
                list.add(&variant.header_item);
            }
        };
        match &self.include {
            Include::All => flags.iter().for_each(|(id, _)| add(id)),
            Include::Route => gated.iter().copied().for_each(add),
            Include::List(ids) => ids.iter().copied().for_each(add),
        }
        list.finish()
    }
}

/// A list that stays within its budget, the mark of a cut included.
struct ListBuilder {
    text: String,
    budget: usize,
    truncated: bool,
}

impl ListBuilder {
    fn add(&mut self, item: &str) {
        let separator = if self.text.is_empty() { "" } else { ", " };
        let length = self
            .text
            .len()
            .saturating_add(separator.len())
            .saturating_add(item.len());
        if self.truncated || length > self.budget {
            self.truncated = true;
            return;
        }
        self.text.push_str(separator);
        self.text.push_str(item);
    }

    fn finish(mut self) -> FlagsList {
        if !self.truncated {
            return FlagsList {
                value: Some(self.text).filter(|text| !text.is_empty()),
                truncated: false,
            };
        }
        // The mark must fit as well, so whole items are removed until it does.
        while !self.text.is_empty() && self.text.len().saturating_add(TRUNCATED.len()) > self.budget {
            let end = self.text.rfind(", ").unwrap_or(0);
            self.text.truncate(end);
        }
        let value = if self.text.is_empty() {
            NONE_FITS.to_owned()
        } else {
            self.text + TRUNCATED
        };
        FlagsList {
            value: Some(value),
            truncated: true,
        }
    }
}

#[cfg(test)]
mod tests;
