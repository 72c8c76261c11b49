//! A regular expression, compiled whole to a DFA when the document is loaded.
//! A match is one pass over the text: no lock, no cache, no allocation, linear whatever the text.

use regex_automata::{
    Input,
    dfa::{Automaton, StartKind, dense},
    nfa::thompson::{self, WhichCaptures},
    util::syntax,
};

/// Longest regular expression, in bytes.
pub const MAX_PATTERN: usize = 1_000;
/// Largest compiled regular expression, in bytes.
pub const MAX_PATTERN_DFA: usize = 2 * 1024 * 1024;
/// The most memory for compiling one expression, in bytes.
const MAX_PATTERN_WORK: usize = 8 * 1024 * 1024;
/// Deepest nesting of groups.
const MAX_PATTERN_NESTING: u32 = 50;

/// A compiled regular expression. It matches anywhere in the text unless anchored with `^` and `$`.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: Box<str>,
    dfa: dense::DFA<Vec<u32>>,
}

/// Reasons for refusing a text as a regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Longer than [`MAX_PATTERN`].
    #[error("a regular expression has at most {MAX_PATTERN} bytes, this one has {length}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Not the syntax of a regular expression, or a feature that can't run in linear time.
    #[error("not a regular expression: {reason}")]
    Syntax {
        /// The parser's message, in one line.
        reason: String,
    },
    /// Its automaton would be larger than [`MAX_PATTERN_DFA`], or uses a Unicode word boundary.
    #[error("the regular expression can't be compiled within its limits: {reason}")]
    TooComplex {
        /// The compiler's message, in one line.
        reason: String,
    },
}

impl Pattern {
    /// Compiles `source` (syntax of the `regex` crate: no look-around, no back-references).
    /// A Unicode `\b` can't be compiled to a DFA; `(?-u:\b)` can.
    pub fn parse(source: &str) -> Result<Self, InvalidPattern> {
        if source.len() > MAX_PATTERN {
            return Err(InvalidPattern::TooLong { length: source.len() });
        }
        // Both stages are limited: a short expression such as `(a{1000}){1000}` can have an automaton of
        // gigabytes.
        let nfa = thompson::Compiler::new()
            .syntax(syntax::Config::new().nest_limit(MAX_PATTERN_NESTING))
            .configure(
                thompson::Config::new()
                    .which_captures(WhichCaptures::None)
                    .nfa_size_limit(Some(MAX_PATTERN_WORK)),
            )
            .build(source)
            .map_err(|error| InvalidPattern::Syntax {
                reason: innermost(&error),
            })?;
        let dfa = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Unanchored)
                    // Searches start anywhere: anchored start states would only enlarge the automaton.
                    .dfa_size_limit(Some(MAX_PATTERN_DFA))
                    .determinize_size_limit(Some(MAX_PATTERN_WORK)),
            )
            .build_from_nfa(&nfa)
            .map_err(|error| InvalidPattern::TooComplex {
                reason: innermost(&error),
            })?;
        Ok(Self {
            source: source.into(),
            dfa,
        })
    }

    /// Returns true if the expression matches somewhere in `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        // A dense DFA without quit bytes can't fail. If it did, `false` would be the safe result.
        matches!(
            self.dfa.try_search_fwd(&Input::new(text).earliest(true)),
            Ok(Some(_))
        )
    }

    /// Returns the expression as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// Returns the deepest cause of an error in one line. Outer causes only name the failed stage, and a syntax
/// error is a drawing of several lines with the message in the last.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let text = deepest.to_string();
    let last = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    last.trim().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests;
