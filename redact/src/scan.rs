//! The search for secrets: one automaton (Aho-Corasick) finds what secrets begin with, then the shape of the
//! anchor finds their ends. Each byte is read a bounded number of times, whatever the text.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Input, MatchKind};

use crate::shape::ANCHORS;
use crate::text_format::TextFormat;

/// Finds every anchor in one pass, in any case; a shape that has one case looks again.
static AUTOMATON: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let anchors = ANCHORS.iter().map(|(anchor, _)| anchor);
    // Of anchors that begin at the same place the longest matches: `sk_live_` before `sk_`.
    let built = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .build(anchors);
    // The anchors are constants, and a test builds the automaton.
    built.ok()
});

/// Returns the first secret whose anchor is within `place`. The secret may end behind it.
pub(crate) fn next(text: &[u8], place: Range<usize>, form: TextFormat) -> Option<Range<usize>> {
    let automaton = AUTOMATON.as_ref()?;
    let (mut from, end) = (place.start, place.end.min(text.len()));
    while from < end {
        let found = automaton.find(Input::new(text).range(from..end))?;
        let (anchor, shape) = ANCHORS.get(found.pattern().as_usize())?;
        let is_exact = text.get(found.range()) == Some(anchor.as_bytes());
        if is_exact || !shape.has_case() {
            let secret = shape.secret(text, found.range(), form);
            if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
                return Some(secret);
            }
        }
        // Another anchor may begin within this one: `token` in `token_eyJ`.
        from = found.start() + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_compile_to_an_automaton() {
        assert!(AUTOMATON.is_some());
    }
}
