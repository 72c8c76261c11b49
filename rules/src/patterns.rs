//! The regular expressions of one document: each distinct one is compiled once, and all within one limit of work, so
//! that a short document cannot take minutes or gigabytes.

use std::collections::HashMap;
use std::sync::Arc;

use crate::pattern::{Case, InvalidPattern, MAX_PATTERNS_WORK, Pattern};

/// The regular expressions of a document while it is compiled.
#[derive(Debug)]
pub struct Patterns {
    exact: HashMap<Box<str>, Arc<Pattern>>,
    folded: HashMap<Box<str>, Arc<Pattern>>,
    /// The work that may follow.
    left: usize,
    /// True if [`InvalidPattern::TooMany`] was returned.
    is_exceeded: bool,
}

impl Default for Patterns {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            folded: HashMap::new(),
            left: MAX_PATTERNS_WORK,
            is_exceeded: false,
        }
    }
}

impl Patterns {
    /// Adds an expression that was compiled before, which need not be compiled again.
    pub(crate) fn reuse(&mut self, pattern: &Arc<Pattern>) {
        let known = self.known_mut(pattern.case());
        known.insert(pattern.source().into(), Arc::clone(pattern));
    }

    /// Returns true if the expression need not be compiled.
    pub(crate) fn knows(&self, source: &str, case: Case) -> bool {
        self.known(case).contains_key(source)
    }

    /// Compiles an expression that regards case, unless it is known.
    ///
    /// # Errors
    /// The expression is invalid, or the limit of the document is exceeded. The latter is returned once; no expression
    /// is compiled after it, and the error is none.
    pub fn compile(&mut self, source: &str) -> Result<Arc<Pattern>, Option<InvalidPattern>> {
        self.compile_with(source, Case::Exact)
    }

    /// Compiles an expression like [`Patterns::compile`], with this treatment of case.
    ///
    /// # Errors
    /// As for [`Patterns::compile`].
    pub(crate) fn compile_with(
        &mut self,
        source: &str,
        case: Case,
    ) -> Result<Arc<Pattern>, Option<InvalidPattern>> {
        if let Some(known) = self.known(case).get(source) {
            return Ok(Arc::clone(known));
        }
        if self.is_exceeded {
            return Err(None);
        }
        let parsed = Pattern::parse_with(source, case);
        let work = parsed.as_ref().map_or_else(InvalidPattern::work, Pattern::work);
        match self.left.checked_sub(work) {
            Some(left) => self.left = left,
            None => {
                self.is_exceeded = true;
                return Err(Some(InvalidPattern::TooMany));
            }
        }
        let pattern = Arc::new(parsed?);
        self.reuse(&pattern);
        Ok(pattern)
    }

    fn known(&self, case: Case) -> &HashMap<Box<str>, Arc<Pattern>> {
        match case {
            Case::Exact => &self.exact,
            Case::Folded => &self.folded,
        }
    }

    fn known_mut(&mut self, case: Case) -> &mut HashMap<Box<str>, Arc<Pattern>> {
        match case {
            Case::Exact => &mut self.exact,
            Case::Folded => &mut self.folded,
        }
    }
}

/// Returns true if these expressions, each distinct one counted once, are within the limit of a document.
pub(crate) fn are_within_limit<'p>(patterns: impl Iterator<Item = &'p Arc<Pattern>>) -> bool {
    let distinct: HashMap<(&str, Case), usize> = patterns
        .map(|pattern| ((pattern.source(), pattern.case()), pattern.work()))
        .collect();
    distinct
        .values()
        .try_fold(MAX_PATTERNS_WORK, |left, work| left.checked_sub(*work))
        .is_some()
}
