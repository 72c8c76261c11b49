//! Header names that no client may send on: names that the proxy vouches for, names that make a framework serve
//! another request than the gated one, and look-alikes of names that frame a message or that the proxy reads.

use rules::{
    CLIENT_HEADERS, CONTENT_HEADERS, HOP_HEADERS, OVERRIDE_HEADERS, REWRITTEN_HEADERS, fold_header_byte,
};

use crate::forwarding::PeerTrust;

/// Prefix of forwarding headers. The proxy sets its own afterwards.
const FORWARDED_PREFIX: &str = "x-forwarded-";
/// The names that are removed from every request before the proxy sets its own.
#[derive(Debug)]
pub(crate) struct Reserved {
    /// Folded names, by length.
    by_length: Box<[Box<[ReservedName]>]>,
    /// Folded prefixes.
    prefixes: Box<[Box<[u8]>]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ReservedName {
    folded: Box<[u8]>,
    spelling: KeptSpelling,
}

/// The spelling of a name that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
enum KeptSpelling {
    /// No spelling.
    Removed,
    /// This spelling: the header is not reserved, only its aliases are.
    Stays(Box<[u8]>),
    /// This spelling, from a trusted proxy.
    FromTrusted(Box<[u8]>),
}

impl Reserved {
    /// Reserves `injected`, names with one of `prefixes`, and names that are never allowed. Names that are `read`
    /// stay, and their aliases are removed: an application would take an alias for the header that was read. Names in
    /// `overwritten`, headers with the client's address, stay if a trusted proxy sent them.
    pub(crate) fn new<'a>(
        injected: impl IntoIterator<Item = &'a str>,
        prefixes: impl IntoIterator<Item = &'a str>,
        read: impl IntoIterator<Item = &'a str>,
        overwritten: &[&str],
    ) -> Self {
        let entry = |name: &str, spelling: fn(Box<[u8]>) -> KeptSpelling| ReservedName {
            folded: folded(name),
            spelling: spelling(name.to_ascii_lowercase().into_bytes().into()),
        };
        let removed = injected.into_iter().chain(OVERRIDE_HEADERS);
        let removed = removed.map(|name| entry(name, |_| KeptSpelling::Removed));
        // The HTTP layer reads, removes or writes these names, but not their aliases.
        let framing = HOP_HEADERS
            .into_iter()
            .chain(REWRITTEN_HEADERS)
            .chain(CONTENT_HEADERS);
        // A header that a proxy overwrites is the client's if anyone else sent it, also if it is read.
        let read = read.into_iter().filter(|name| !overwritten.contains(name));
        let staying = read.chain(framing);
        let staying = staying.map(|name| entry(name, KeptSpelling::Stays));
        let mut entries: Vec<ReservedName> = removed.chain(staying).collect();
        for name in CLIENT_HEADERS {
            let client = match overwritten.contains(&name) {
                true => entry(name, KeptSpelling::FromTrusted),
                false => entry(name, |_| KeptSpelling::Removed),
            };
            // A client header that the configuration reads stays: the operator decides about it.
            if entries.iter().all(|known| known.folded != client.folded) {
                entries.push(client);
            }
        }
        let longest = entries.iter().map(|entry| entry.folded.len()).max().unwrap_or(0);
        let of_length = |length| {
            entries
                .iter()
                .filter(move |entry| entry.folded.len() == length)
                .cloned()
        };
        Self {
            by_length: (0..=longest).map(|length| of_length(length).collect()).collect(),
            prefixes: prefixes
                .into_iter()
                .chain([FORWARDED_PREFIX])
                .map(folded)
                .collect(),
        }
    }

    /// Returns true if a header of this name, in any case, is removed from a request of `peer`.
    pub(crate) fn is_removed(&self, name: &[u8], peer: PeerTrust) -> bool {
        let by_name = self.entries_like(name).any(|entry| {
            let stays = match &entry.spelling {
                KeptSpelling::Removed => false,
                KeptSpelling::Stays(spelling) => spelling.eq_ignore_ascii_case(name),
                KeptSpelling::FromTrusted(spelling) => {
                    peer == PeerTrust::Trusted && spelling.eq_ignore_ascii_case(name)
                }
            };
            !stays && folds_to(name, &entry.folded)
        });
        by_name || self.has_prefix(name)
    }

    /// Returns true for every name that [`Reserved::is_removed`] knows: names that are removed, and names that are read.
    pub(crate) fn is_reserved(&self, name: &[u8]) -> bool {
        self.entries_like(name).any(|entry| folds_to(name, &entry.folded)) || self.has_prefix(name)
    }

    /// Returns the entries of the same length and first character. Most names have none.
    fn entries_like(&self, name: &[u8]) -> impl Iterator<Item = &ReservedName> {
        let entries = self.by_length.get(name.len()).map_or(&[][..], |entries| entries);
        let first = first_folded(name);
        entries
            .iter()
            .filter(move |entry| entry.folded.first().copied() == first)
    }

    fn has_prefix(&self, name: &[u8]) -> bool {
        let first = first_folded(name);
        let mut prefixes = self
            .prefixes
            .iter()
            .filter(|prefix| prefix.first().copied() == first);
        prefixes.any(|prefix| {
            name.get(..prefix.len())
                .is_some_and(|start| folds_to(start, prefix))
        })
    }
}

fn first_folded(name: &[u8]) -> Option<u8> {
    name.first().map(|byte| fold_header_byte(*byte))
}

fn folded(name: &str) -> Box<[u8]> {
    name.bytes().map(fold_header_byte).collect()
}

/// Returns true if `name` folds to `folded`, which has the same length.
fn folds_to(name: &[u8], folded: &[u8]) -> bool {
    name.iter()
        .zip(folded)
        .all(|(&byte, &expected)| fold_header_byte(byte) == expected)
}

#[cfg(test)]
mod tests;
