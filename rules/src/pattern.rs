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
/// The most work to compile all expressions of a document together, in the bytes of [`Pattern::work`].
pub const MAX_PATTERNS_WORK: usize = 32 * 1024 * 1024;
/// The work of an expression that is rejected before its automata are built.
const SYNTAX_WORK: usize = 64 * 1024;
/// The work until an automaton exceeds its limit.
const OVERSIZED_WORK: usize = 4 * 1024 * 1024;
/// Weight of a byte of the NFA in the work: each state of the DFA is computed from many states of the NFA.
const NFA_WEIGHT: usize = 4;
/// Deepest nesting of groups.
const MAX_PATTERN_NESTING: u32 = 50;

/// A compiled regular expression. It matches anywhere in the text unless anchored with `^` and `$`.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: Box<str>,
    case: Case,
    dfa: dense::DFA<Vec<u32>>,
    work: usize,
}

/// The treatment of upper and lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Case {
    /// Only equal characters match.
    Exact,
    /// Characters match if they are equal in the simple case folding of Unicode.
    Folded,
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
        /// The work until it was rejected, in bytes.
        work: usize,
    },
    /// Together with the other expressions of its document, it exceeds [`MAX_PATTERNS_WORK`].
    #[error(
        "the regular expressions of the document need more than {} MiB together",
        MAX_PATTERNS_WORK / 1024 / 1024
    )]
    TooMany,
}

impl Pattern {
    /// Compiles `source` (syntax of the `regex` crate: no look-around, no back-references).
    /// A Unicode `\b` can't be compiled to a DFA; `(?-u:\b)` can.
    pub fn parse(source: &str) -> Result<Self, InvalidPattern> {
        Self::parse_with(source, Case::Exact)
    }

    /// Compiles `source` like [`Pattern::parse`], with this treatment of case.
    pub(crate) fn parse_with(source: &str, case: Case) -> Result<Self, InvalidPattern> {
        if source.len() > MAX_PATTERN {
            return Err(InvalidPattern::TooLong { length: source.len() });
        }
        // Both stages are limited: a short expression such as `(a{1000}){1000}` can have an automaton of
        // gigabytes.
        let nfa = thompson::Compiler::new()
            .syntax(
                syntax::Config::new()
                    .nest_limit(MAX_PATTERN_NESTING)
                    .case_insensitive(case == Case::Folded),
            )
            .configure(
                thompson::Config::new()
                    .which_captures(WhichCaptures::None)
                    .nfa_size_limit(Some(MAX_PATTERN_WORK)),
            )
            .build(source)
            .map_err(|error| match error.size_limit() {
                Some(work) => InvalidPattern::TooComplex {
                    reason: innermost(&error),
                    work,
                },
                None => InvalidPattern::Syntax {
                    reason: innermost(&error),
                },
            })?;
        let nfa_work = nfa.memory_usage().saturating_mul(NFA_WEIGHT);
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
                work: match error.is_size_limit_exceeded() {
                    true => nfa_work.saturating_add(OVERSIZED_WORK),
                    false => nfa_work,
                },
            })?;
        Ok(Self {
            source: source.into(),
            case,
            work: nfa_work.saturating_add(dfa.memory_usage()),
            dfa,
        })
    }

    /// Returns the treatment of case.
    pub(crate) fn case(&self) -> Case {
        self.case
    }

    /// Returns the work of compiling the expression: the bytes of its DFA, and of its NFA, weighted. Time and memory of
    /// the compilation are proportional to it, within a factor of about ten.
    #[must_use]
    pub fn work(&self) -> usize {
        self.work
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

impl InvalidPattern {
    /// Returns the work that was done until the expression was rejected, in bytes.
    #[must_use]
    pub fn work(&self) -> usize {
        match self {
            Self::TooComplex { work, .. } => SYNTAX_WORK.saturating_add(*work),
            Self::Syntax { .. } => SYNTAX_WORK,
            Self::TooLong { .. } | Self::TooMany => 0,
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.case == other.case
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
