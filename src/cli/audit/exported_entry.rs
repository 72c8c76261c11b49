//! A line of an exported log, converted to the sealed entry that its hash is computed from.

pub(in crate::cli) use control::hash_text as hex;
use control::{EntryHash, Revision, Sealed};
use serde::Deserialize;

/// A line of an exported log. Unknown fields of a newer version are ignored; the hash does not include them.
#[derive(Debug, Deserialize)]
struct EntryLine {
    id: u64,
    #[serde(default)]
    revision: u64,
    previous: String,
    hash: String,
    /// The entry as JSON text, which is hashed.
    text: String,
}

/// Parses a line; `None` if it is not an entry.
pub(super) fn parse(line: &[u8]) -> Option<Sealed> {
    let line: EntryLine = serde_json::from_slice(line).ok()?;
    Some(Sealed {
        id: line.id,
        revision: Revision(line.revision),
        previous: unhex(&line.previous)?,
        hash: unhex(&line.hash)?,
        text: line.text,
    })
}

/// Parses a hash from hex digits.
pub(super) fn unhex(text: &str) -> Option<EntryHash> {
    let mut hash = control::GENESIS;
    if text.len() != hash.len().checked_mul(2)? || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(hash)
}
