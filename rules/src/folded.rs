//! Texts compared without regard to case, by the simple case folding of Unicode 16 (CaseFolding.txt, status C and S): one
//! character stands for one character, in every language. `ß` is not `ss`, and the Turkish `ı` is not `i`.

use std::cmp::Ordering;
use std::sync::Arc;

use aho_corasick::Anchored;
use aho_corasick::automaton::Automaton as _;
use aho_corasick::nfa::contiguous::NFA;

/// A set of texts that are equal if only their case differs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FoldedSet(Box<[FoldedText]>);

/// A text whose characters are folded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FoldedText(Box<str>);

/// Texts that are searched for in others. One automaton of Aho and Corasick (Communications of the ACM 18, 1975) finds all
/// of them in one pass, and folds each character once.
#[derive(Debug, Clone)]
pub(crate) struct FoldedParts {
    texts: Box<[FoldedText]>,
    /// Over the bytes of the folded texts. In UTF-8 no character begins inside of another.
    automaton: Arc<NFA>,
}

/// Returns the character that stands for all cases of a character.
fn fold(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let folded = unicode_case_mapping::case_folded(c);
    folded
        .and_then(|folded| char::from_u32(folded.get()))
        .unwrap_or(c)
}

impl FoldedText {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.chars().map(fold).collect::<String>().into())
    }

    /// Returns true if `text` starts with this text. Allocates nothing, like the other comparisons.
    pub(crate) fn starts(&self, text: &str) -> bool {
        let mut characters = text.chars().map(fold);
        self.0.chars().all(|c| characters.next() == Some(c))
    }

    /// Returns true if `text` ends with this text.
    pub(crate) fn ends(&self, text: &str) -> bool {
        let mut characters = text.chars().rev().map(fold);
        self.0.chars().rev().all(|c| characters.next() == Some(c))
    }

    /// Compares with a text. The order of folded texts is that of their characters.
    fn compare(&self, text: &str) -> Ordering {
        self.0.chars().cmp(text.chars().map(fold))
    }
}

impl FoldedParts {
    /// Returns none if the texts are longer than an automaton can be: many times the largest document.
    pub(crate) fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Option<Self> {
        let texts: Box<[FoldedText]> = texts.into_iter().map(FoldedText::new).collect();
        let automaton = NFA::builder()
            .prefilter(false)
            .build(texts.iter().map(|text| text.0.as_bytes()))
            .ok()?;
        Some(Self {
            texts,
            automaton: Arc::new(automaton),
        })
    }

    /// Returns true if `text` contains one of the texts. The time is linear in the length of `text`, whatever the texts.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        let automaton = &*self.automaton;
        let Ok(mut state) = automaton.start_state(Anchored::No) else {
            return false;
        };
        if automaton.is_match(state) {
            return true;
        }
        let mut utf8 = [0; 4];
        text.chars().map(fold).any(|c| {
            c.encode_utf8(&mut utf8).bytes().any(|byte| {
                state = automaton.next_state(Anchored::No, state, byte);
                automaton.is_match(state)
            })
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }
}

impl PartialEq for FoldedParts {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts
    }
}

impl FoldedSet {
    pub(crate) fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut texts: Vec<FoldedText> = texts.into_iter().map(FoldedText::new).collect();
        texts.sort_unstable();
        texts.dedup();
        Self(texts.into())
    }

    /// Returns true if the set contains `text`.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.0.binary_search_by(|known| known.compare(text)).is_ok()
    }

    /// Returns true if the set contains one of `texts`.
    pub(crate) fn has_any(&self, texts: &[Box<str>]) -> bool {
        texts.iter().any(|text| self.has(text))
    }

    /// Returns true if every text of the set is one of `texts`.
    pub(crate) fn is_within(&self, texts: &[Box<str>]) -> bool {
        let is_there = |wanted: &FoldedText| texts.iter().any(|text| wanted.compare(text) == Ordering::Equal);
        self.0.iter().all(is_there)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pattern;
    use crate::pattern::Case;

    #[test]
    fn simple_case_folding_is_that_of_unicode() {
        for (text, folded) in [
            ("DE", "de"),
            ("GRÖSSE", "grösse"),
            ("STRAẞE", "straße"),
            ("\u{212a}elvin \u{17f}", "kelvin s"),
            ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
            ("σίσυφος", "σίσυφοσ"),
            ("ДА", "да"),
            ("ı İ ß", "ı İ ß"),
            ("Ꭰ\u{ab70}", "ᎠᎠ"),
        ] {
            assert_eq!(&*FoldedText::new(text).0, folded);
        }
    }

    #[test]
    fn folding_agrees_with_regular_expressions() {
        let mut folding = 0;
        for c in '\0'..=char::MAX {
            let folded = fold(c);
            if folded != c {
                folding += 1;
                // In a class of characters none of these has another meaning.
                let pattern = Pattern::parse_with(&format!("[{c}]"), Case::Folded).unwrap();
                assert!(pattern.is_match(&folded.to_string()), "{c:?} {folded:?}");
                assert_eq!(fold(folded), folded, "{c:?}");
            }
        }
        assert!(folding > 1_400, "{folding}");
    }

    #[test]
    fn a_folded_set_finds_every_case() {
        let set = FoldedSet::new(["DE", "at", "CH", "Größe", "ch"]);
        assert_eq!(set.len(), 4);
        for text in ["de", "De", "AT", "ch", "GRÖßE", "größe"] {
            assert!(set.has(text), "{text}");
        }
        for text in ["", "d", "dee", "GRÖSSE"] {
            assert!(!set.has(text), "{text}");
        }
        let list = |items: &[&str]| {
            items
                .iter()
                .map(|item| Box::from(*item))
                .collect::<Vec<Box<str>>>()
        };
        assert!(set.has_any(&list(&["x", "De"])) && !set.has_any(&list(&["x"])));
        let both = FoldedSet::new(["A", "b"]);
        assert!(both.is_within(&list(&["B", "c", "a"])) && !both.is_within(&list(&["B", "c"])));
    }

    #[test]
    fn folded_texts_begin_and_end_others() {
        let (start, end) = (FoldedText::new("Große"), FoldedText::new("STRAẞE"));
        assert!(start.starts("GROẞE Straße") && end.ends("große straße"));
        assert!(!start.starts("gro") && !end.ends("aße") && FoldedText::new("").starts("x"));
    }

    #[test]
    fn a_folded_part_is_found_wherever_it_is() {
        let long = "ab".repeat(2_000);
        for (part, text, expected) in [
            ("", "", true),
            ("x", "", false),
            ("Beta", "1.0-BETA.2", true),
            ("beta", "bet-a", false),
            ("größe", "DIE GRÖẞE, DIE GRÖßE", true),
            ("k", "\u{212a}elvin", true),
            ("aab", "AAAAAAB", true),
            ("abcabd", "abcABCABD", true),
            ("aab", "ababab", false),
            (&format!("{long}C"), &format!("AB{long}c"), true),
            (&format!("{long}C"), &format!("{long}d"), false),
        ] {
            let parts = FoldedParts::new(["never found", part]).unwrap();
            assert_eq!(parts.are_in(text), expected, "{part:?} in {text:?}");
        }
    }

    #[test]
    fn a_folded_search_finds_what_a_plain_search_does() {
        let words = |length: u32| (0..3_usize.pow(length)).map(move |n| word(n, length));
        fn word(mut n: usize, length: u32) -> String {
            let mut text = String::new();
            for _ in 0..length {
                text.push(['a', 'B', 'b'][n % 3]);
                n /= 3;
            }
            text
        }
        for part in (0..=4).flat_map(words) {
            let folded = FoldedParts::new([&*part]).unwrap();
            for text in (0..=6).flat_map(words) {
                let expected = text.to_lowercase().contains(&part.to_lowercase());
                assert_eq!(folded.are_in(&text), expected, "{part:?} in {text:?}");
            }
        }
    }
}
