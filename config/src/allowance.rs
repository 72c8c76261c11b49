//! Warnings that a document allows: `allow: [CODE]` in an object covers the warnings about it and its parts.

use std::ops::RangeInclusive;

use rules::Site;

use crate::problem::{Label, Problem};

/// The code of the warning about an allowance that covers no warning.
const UNUSED: &str = "unused-allow";

/// A code in a list of `allow`, and the part of the document that it covers.
#[derive(Debug, Clone)]
pub(crate) struct Allowance {
    pub(crate) code: &'static str,
    /// The place of the code.
    pub(crate) at: Label,
    /// The sites of the object that has the list, those of its key included.
    pub(crate) part: RangeInclusive<Site>,
}

impl Allowance {
    fn covers(&self, warning: &Problem) -> bool {
        warning.code == self.code && warning.site().is_some_and(|site| self.part.contains(&site))
    }
}

/// The handling of allowances that cover no warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnusedAllowances {
    /// They are reported.
    Report,
    /// They are ignored: some warnings are not known.
    Ignore,
}

/// Returns the warnings that no allowance covers.
pub(crate) fn not_allowed(
    mut warnings: Vec<Problem>,
    allowances: &[Allowance],
    unused: UnusedAllowances,
) -> Vec<Problem> {
    if unused == UnusedAllowances::Report {
        let is_unused = |allowance: &&Allowance| {
            allowance.code != UNUSED && !warnings.iter().any(|warning| allowance.covers(warning))
        };
        let unused: Vec<Problem> = allowances.iter().filter(is_unused).map(unused_warning).collect();
        warnings.extend(unused);
    }
    warnings.retain(|warning| !allowances.iter().any(|allowance| allowance.covers(warning)));
    warnings
}

fn unused_warning(allowance: &Allowance) -> Problem {
    let title = format!("there is no warning `{}` that this allows", allowance.code);
    Problem::warning(UNUSED, title, allowance.at.clone()).help("remove the code from `allow`")
}
