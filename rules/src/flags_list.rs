//! The value of the flags header: the flags that are on for a subject, as an RFC 9651 list of tokens in key order,
//! within a budget of bytes.

use crate::decide::decide_flag;
use crate::flag::SEPARATOR;
use crate::{FlagId, Flags, FlagsHeader, Include, Subject, Timestamp};

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

/// The expected size of an item with its separator, in bytes, for the first allocation.
const EXPECTED_ITEM: usize = 24;

impl FlagsHeader {
    /// Lists the flags that are on for `subject` at `now`; `gated` are those of the route's gate.
    #[must_use]
    pub fn list(&self, flags: &Flags, gated: &[FlagId], subject: &Subject<'_>, now: Timestamp) -> FlagsList {
        let count = match &self.include {
            Include::All => flags.len(),
            Include::Route => gated.len(),
            Include::List(ids) => ids.len(),
        };
        let mut text = String::with_capacity(count.saturating_mul(EXPECTED_ITEM).min(self.budget));
        let truncated = self.list_into(&mut text, flags, gated, subject, now);
        FlagsList {
            value: Some(text).filter(|text| !text.is_empty()),
            truncated,
        }
    }

    /// Replaces `text` with the header's value as [`FlagsHeader::list`] does, so that a buffer can be reused; empty if
    /// no flag is on. Returns true if items were left out because of the budget.
    pub fn list_into(
        &self,
        text: &mut String,
        flags: &Flags,
        gated: &[FlagId],
        subject: &Subject<'_>,
        now: Timestamp,
    ) -> bool {
        text.clear();
        let mut list = ListBuilder {
            text,
            budget: self.budget,
            truncated: false,
        };
        let ids = match &self.include {
            Include::All => &flags.order,
            Include::Route => gated,
            Include::List(ids) => ids,
        };
        for id in ids {
            let Some(flag) = flags.flag(*id) else { continue };
            let decision = decide_flag(flags, *id, flag, subject, now);
            if decision.variant != flag.off()
                && let Some(variant) = flag.variant(decision.variant)
            {
                list.add(&variant.list_item);
            }
            // The items after one that does not fit are left out as well.
            if list.truncated {
                break;
            }
        }
        list.finish()
    }
}

/// A list that stays within its budget, the mark of a cut included.
struct ListBuilder<'t> {
    text: &'t mut String,
    budget: usize,
    truncated: bool,
}

impl ListBuilder<'_> {
    /// Adds an item, which begins with its separator.
    #[inline(always)]
    fn add(&mut self, item: &str) {
        let item = match self.text.is_empty() {
            true => item.get(SEPARATOR.len()..).unwrap_or_default(),
            false => item,
        };
        if self.text.len().saturating_add(item.len()) > self.budget {
            self.truncated = true;
            return;
        }
        self.text.push_str(item);
    }

    fn finish(self) -> bool {
        if !self.truncated {
            return false;
        }
        // The mark must fit as well, so whole items are removed until it does.
        while !self.text.is_empty() && self.text.len().saturating_add(TRUNCATED.len()) > self.budget {
            let end = self.text.rfind(SEPARATOR).unwrap_or(0);
            self.text.truncate(end);
        }
        match self.text.is_empty() {
            true => self.text.push_str(NONE_FITS),
            false => self.text.push_str(TRUNCATED),
        }
        true
    }
}

#[cfg(test)]
mod tests;
