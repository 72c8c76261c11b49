//! Translates problems that `rules` found into problems of documents, with their place, context and help.

use std::collections::HashSet;

use rules::{InvalidPattern, Names, Noun, ProblemKind, Site, WarningKind};

use crate::form::Form;
use crate::locate::{self, Owner};
use crate::lower::Document;
use crate::problem::{Label, MAX_PROBLEMS, Problem};
use crate::shape::all_of;
use crate::shape::flags::FlagsDocument;
use crate::suggest::closest;

/// The parts of the flags documents that could not be read, so that problems that only follow from them are not
/// reported.
#[derive(Debug, Default)]
pub(crate) struct BrokenParts {
    /// Flags with a problem in a part.
    flags: HashSet<String>,
    /// Segments with a problem in a part.
    segments: HashSet<String>,
    /// True if there may be flags that could not be read. The same for segments and tiers.
    some_flags: bool,
    some_segments: bool,
    some_tiers: bool,
}

impl BrokenParts {
    /// Returns the flags and segments of `documents` that have one of the `problems`. `incomplete` is true if a
    /// document is missing.
    pub(crate) fn of(documents: &[Document<'_>], problems: &[Problem], incomplete: bool) -> Self {
        let mut sites: Vec<Site> = problems.iter().filter_map(Problem::site).collect();
        sites.sort_unstable();
        let mut broken = Self {
            some_flags: incomplete,
            some_segments: incomplete,
            some_tiers: incomplete,
            ..Self::default()
        };
        for document in documents {
            broken.document(document, &sites);
        }
        broken
    }

    fn document(&mut self, document: &Document<'_>, sites: &[Site]) {
        let has_problem = |start: u32, end: u32| {
            let (start, end) = (document.source.site(start), document.source.site(end));
            let first = sites.partition_point(|site| *site < start);
            sites.get(first).is_some_and(|site| *site < end)
        };
        let end_of_text = u32::try_from(document.source.text.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        // A part extends from its key to the next key of its mapping. Problems have the site of their first byte, so
        // that a part has a problem if a site is in that range.
        let sections = document.root.entries().unwrap_or_default();
        // An unknown field at the top level may be a misspelt section, so that parts of any section may be missing.
        let misspelt = sections.iter().any(|section| {
            has_problem(section.key_span.start, section.key_span.start + 1)
                && !FlagsDocument::SHAPE.has_field(&section.key)
        });
        self.some_flags |= misspelt;
        self.some_segments |= misspelt;
        self.some_tiers |= misspelt;
        for (index, section) in sections.iter().enumerate() {
            let end = sections
                .get(index + 1)
                .map_or(end_of_text, |next| next.key_span.start);
            let names = match &*section.key {
                FlagsDocument::FLAGS => &mut self.flags,
                FlagsDocument::SEGMENTS => &mut self.segments,
                FlagsDocument::TIERS => {
                    self.some_tiers |= has_problem(section.key_span.start, end);
                    continue;
                }
                _ => continue,
            };
            let Some(entries) = section.value.entries() else {
                self.some_flags |= section.key == FlagsDocument::FLAGS;
                self.some_segments |= section.key == FlagsDocument::SEGMENTS;
                continue;
            };
            for (index, entry) in entries.iter().enumerate() {
                let end = entries.get(index + 1).map_or(end, |next| next.key_span.start);
                if has_problem(entry.key_span.start, end) {
                    names.insert(entry.key.to_string());
                }
            }
        }
    }

    /// Returns true if a problem may only be a consequence of parts that could not be read.
    fn explains(&self, kind: &ProblemKind) -> bool {
        match kind {
            // The forms report empty collections.
            ProblemKind::Empty { .. } => true,
            ProblemKind::Unknown { what: Noun::Flag, .. } => self.some_flags,
            ProblemKind::Unknown {
                what: Noun::Segment,
                name,
            } => self.some_segments || self.segments.contains(name.as_str()),
            ProblemKind::Unknown { what: Noun::Tier, .. } => self.some_tiers,
            ProblemKind::UnknownVariant { flag, .. }
            | ProblemKind::VariantNeeded { flag, .. }
            | ProblemKind::TooFewVariants { flag } => self.flags.contains(flag.as_str()),
            _ => false,
        }
    }
}

/// Translates problems of `rules`. Returns at most [`MAX_PROBLEMS`] of them, and the number of the others.
pub(crate) fn translate(
    mut found: Vec<rules::DefinitionProblem>,
    documents: &[Document<'_>],
    names: &Names,
    broken: &BrokenParts,
) -> (Vec<Problem>, usize) {
    found.retain(|problem| !broken.explains(&problem.kind));
    found.sort_by_key(|problem| problem.site);
    let more = found.len().saturating_sub(MAX_PROBLEMS);
    let problems = found
        .iter()
        .take(MAX_PROBLEMS)
        .map(|problem| one(problem, documents, names))
        .collect();
    (problems, more)
}

/// Translates warnings of `rules`.
pub(crate) fn warnings(found: Vec<rules::Warning>, documents: &[Document<'_>]) -> Vec<Problem> {
    let warning = |found: rules::Warning| {
        let help = match found.kind {
            WarningKind::NeverOpen { .. } => {
                "change the flag, or remove the route; if it is to stay closed, write `allow: [never-open]` in the route"
            }
            WarningKind::UnusedFlag { .. } => {
                "remove the flag, or use it in a gate or a header; if applications read it, write `allow: [unused-flag]` in \
                 the flag"
            }
            WarningKind::IdlePreflight { .. } => "remove it, or add OPTIONS to `methods`, a gate, or `auth`",
            WarningKind::UngatedRoute { .. } => {
                "add `gate`; if everyone may use it, write `allow: [ungated-route]` in the route"
            }
        };
        let at = locate::plain_label(documents, found.site);
        Problem::warning(found.kind.code(), found.kind.to_string(), at).help(help)
    };
    found.into_iter().map(warning).collect()
}

fn one(found: &rules::DefinitionProblem, documents: &[Document<'_>], names: &Names) -> Problem {
    let at = locate::label(documents, found.site);
    let mut problem = Problem::error(found.kind.code(), found.kind.to_string(), at);
    if let ProblemKind::Duplicate { first, .. } = &found.kind {
        let first = locate::plain_label(documents, *first);
        problem = problem.also(Label {
            text: "first here".to_owned(),
            ..first
        });
    }
    if let ProblemKind::Nesting { limit } = &found.kind {
        return nesting(*limit, problem, locate::owner(documents, found.site));
    }
    problem.maybe_help(help(&found.kind, documents, names))
}

/// Adds title and help to a problem of nesting, by the part of the document that it is in.
fn nesting(limit: usize, mut problem: Problem, owner: Owner) -> Problem {
    let help = match owner {
        Owner::Flag => {
            problem.title = format!("a chain of more than {limit} flags, each requiring the next");
            "let flags require the flags that they need directly, not through a chain of others"
        }
        Owner::Segment => {
            problem.title = format!("a chain of more than {limit} segments, each referring to the next");
            "write the condition of one of them in full"
        }
        Owner::Route => "write the gate with fewer levels, or use one flag that requires the others",
        Owner::Part => "define an inner condition as a segment",
    };
    problem.help(help)
}

/// Returns the help for an invalid regular expression.
pub(crate) fn pattern_help(invalid: &InvalidPattern) -> &'static str {
    let reason = match invalid {
        InvalidPattern::TooLong { .. } => return "shorten it, or write several patterns under `any`",
        InvalidPattern::TooMany => {
            return r"write `prefix`, `suffix` or `in` where they are enough, and ASCII classes such as `[0-9A-Za-z]` instead of `\w`";
        }
        InvalidPattern::Syntax { reason } | InvalidPattern::TooComplex { reason, .. } => reason,
    };
    if reason.contains("word boundar") {
        r"write ASCII word boundaries: `(?-u:\b)` instead of `\b`"
    } else if reason.contains("limit") {
        r"make it smaller: use shorter repetitions, or ASCII classes such as `[0-9A-Za-z]` instead of `\w`"
    } else {
        "correct the syntax; look-around and back-references are not supported"
    }
}

fn help(kind: &ProblemKind, documents: &[Document<'_>], names: &Names) -> Option<String> {
    match kind {
        ProblemKind::Unknown { what, name } => unknown(*what, name, documents, names),
        ProblemKind::UnknownVariant {
            variant, variants, ..
        } => {
            let known = variants.iter().map(String::as_str);
            let meant = closest(variant, known).map(|meant| format!("did you mean `{meant}`?"));
            meant.or_else(|| Some(format!("its variants are {}", all_of(variants))))
        }
        ProblemKind::VariantNeeded { field, variants, .. } => Some(format!(
            "write `{field}:` and one of its variants {}",
            all_of(variants)
        )),
        _ => help_of_kind(kind).map(str::to_owned),
    }
}

/// Returns the help that is the same for every problem of a kind.
fn help_of_kind(kind: &ProblemKind) -> Option<&'static str> {
    Some(match kind {
        ProblemKind::InvalidFlagKey { .. } => "write it like `dispatch.v2Board`",
        ProblemKind::InvalidTenantId { .. } => "write the id exactly as in tokens",
        ProblemKind::InvalidName { .. } => "choose another name",
        ProblemKind::InvalidPattern(invalid) => pattern_help(invalid),
        ProblemKind::FoldWithoutText { .. } => "remove `fold`, or compare texts: put the values in quotes",
        ProblemKind::WeightSum { .. } => "change the weights so that they add up to 100",
        ProblemKind::PercentageRange { .. } => "write a number from 0 to 100",
        ProblemKind::Limit { .. } => "remove some of them",
        ProblemKind::Duplicate { .. } => "keep one of them, or rename one",
        ProblemKind::TooFewVariants { .. } => {
            "add a second variant, or remove `variants` for a flag that is on or off"
        }
        ProblemKind::FlagCycle { .. } => "remove one of these from `requires`",
        ProblemKind::SegmentCycle { .. } => "write the condition of one of them in full",
        ProblemKind::PercentageTooFine { .. } => "round it to three decimals",
        ProblemKind::InvalidTime { .. } => "write it like `2026-12-01T00:00:00Z`",
        ProblemKind::InvalidDate { .. } => "write it like `2027-03-01`",
        ProblemKind::InvalidNetwork { .. } => "write it like `10.0.0.0/8` or `192.0.2.7`",
        ProblemKind::InvalidVersionRequirement { .. } => "write it like `>=1.4, <2`",
        ProblemKind::EmptySchedule => "write an `until` that is later than `from`",
        ProblemKind::LifecycleOfKind { .. } => {
            "remove `lifecycle`, or write `kind: release` or `kind: experiment`"
        }
        ProblemKind::ReservedAttribute { .. } => "give the attribute another name",
        ProblemKind::OptedBothWays { .. } => "remove the flag from `opt_in` or from `opt_out`",
        _ => return None,
    })
}

fn unknown(what: Noun, name: &str, documents: &[Document<'_>], names: &Names) -> Option<String> {
    let (section, meant) = match what {
        Noun::Flag => (FlagsDocument::FLAGS, closest(name, names.flag_keys())),
        Noun::Segment => (FlagsDocument::SEGMENTS, closest(name, names.segment_names())),
        Noun::Tier => (FlagsDocument::TIERS, closest(name, names.tier_names())),
        Noun::Variant | Noun::Attribute | Noun::Tenant => return None,
    };
    if let Some(meant) = meant {
        let place = locate::definition(documents, section, meant).map(|place| format!(" ({place})"));
        return Some(format!("did you mean `{meant}`?{}", place.unwrap_or_default()));
    }
    let mut known: Vec<&str> = match what {
        Noun::Flag => names.flag_keys().collect(),
        Noun::Segment => names.segment_names().collect(),
        _ => names.tier_names().collect(),
    };
    known.sort_unstable();
    match known.as_slice() {
        [] => Some(format!("no {what} is defined; define it under `{section}`")),
        [..] if known.len() <= 8 => Some(format!("the {what}s are {}", all_of(&known))),
        [..] => Some(format!("define it under `{section}`")),
    }
}
