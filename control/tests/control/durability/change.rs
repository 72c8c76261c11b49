//! The changes of the writers. The log entry of a change suffices to derive its records.

use control::{ChangeSource, Commit, Entry, Event, Json, Key, Outcome, Write};
use rules::Timestamp;
use serde_json::json;

/// The number of records of each change, which are seen together or not at all.
pub(crate) const PARTS: u64 = 3;
const SLOTS: u64 = 8;

/// A change: its writer and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Change {
    pub(crate) round: u64,
    pub(crate) writer: u64,
    pub(crate) number: u64,
}

impl Change {
    /// Returns the text in the log and in acknowledgements.
    pub(crate) fn text(self) -> String {
        format!("{} {} {}", self.round, self.writer, self.number)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(' ').map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self {
            round: next()?,
            writer: next()?,
            number: next()?,
        })
    }

    /// Creates the entry of a refusal, which writes no record.
    pub(crate) fn is_refusal(self) -> bool {
        self.number % 5 == 4
    }

    /// Returns the keys of its records, and their value, if any.
    pub(crate) fn records(self) -> Vec<(Key, Option<Json>)> {
        if self.is_refusal() {
            return Vec::new();
        }
        let slot = self.number % SLOTS;
        let name = |part| Key::Tenant(format!("w{}-{slot}-{part}", self.writer));
        let padding = if self.number % 11 == 10 { 20_000 } else { 100 };
        let value = json!({ "change": self.text(), "padding": "x".repeat(padding) });
        let value = Some(Json::from(&value)).filter(|_| self.number % 7 != 6);
        (0..PARTS).map(|part| (name(part), value.clone())).collect()
    }

    pub(crate) fn commit(self) -> Commit {
        let write = |(key, value)| Write { key, value };
        Commit {
            writes: self.records().into_iter().map(write).collect(),
            audit: vec![self.entry()],
        }
    }

    fn entry(self) -> Entry {
        let outcome = if self.is_refusal() {
            Outcome::Refused
        } else {
            Outcome::Applied
        };
        let actor = format!("writer {}", self.writer);
        Entry {
            outcome,
            ..Entry::new(
                Timestamp(0),
                Event::TenantChanged,
                ChangeSource::Api,
                actor,
                self.text(),
            )
        }
    }
}
