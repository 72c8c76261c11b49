//! The changes that are made: each is told by its entry in the log alone, so that the log says what the records
//! must be.

use control::{Commit, Entry, Event, Json, Key, Outcome, Source, Write};
use rules::Timestamp;
use serde_json::json;

/// Each change writes so many records, to be seen together or not at all.
pub(crate) const PARTS: u64 = 3;
const SLOTS: u64 = 8;

/// One of them: who makes it, and the number he gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Change {
    pub(crate) round: u64,
    pub(crate) writer: u64,
    pub(crate) number: u64,
}

impl Change {
    /// As the log and the acknowledgements write it.
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

    /// A refusal is an entry alone.
    pub(crate) fn is_refusal(self) -> bool {
        self.number % 5 == 4
    }

    /// The records that it leaves: their keys, and their value, if any.
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
                Source::Api,
                actor,
                self.text(),
            )
        }
    }
}
