//! What `rules` found wrong, with the place, the context and the cure that only the documents know.

use std::collections::HashSet;

use rules::{InvalidPattern, Names, Noun, ProblemKind, Site, WarningKind};

use crate::form::Form;
use crate::locate::{self, Owner};
use crate::lower::Document;
use crate::problem::{Label, Problem};
use crate::report::MAX_PROBLEMS;
use crate::shape::all_of;
use crate::shape::flags::FlagsDocument;
use crate::suggest::closest;

/// What could not be read of the flags documents, so that nothing is said of what follows from it.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    /// Flags with a part of the wrong shape.
    flags: HashSet<String>,
    /// Segments with a part of the wrong shape.
    segments: HashSet<String>,
    /// Whether more flags, segments or tiers may have been meant than could be read.
    some_flags: bool,
    some_segments: bool,
    some_tiers: bool,
}

impl Broken {
    /// What in `documents` has one of the `problems` in it. `incomplete` says that a document is missing.
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
        let sections = document.root.entries().unwrap_or_default();
        // A section whose name is misspelt is unknown at the top level.
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

    /// Whether a problem may only be the consequence of what could not be read.
    fn explains(&self, kind: &ProblemKind) -> bool {
        match kind {
            // What may not be empty is told by its shape.
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

/// Turns what `rules` found into problems, at most [`MAX_PROBLEMS`] of them; also says how many more there are.
pub(crate) fn translate(
    mut found: Vec<rules::DefinitionProblem>,
    documents: &[Document<'_>],
    names: &Names,
    broken: &Broken,
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

/// Turns what is probably not meant into warnings.
pub(crate) fn warnings(found: Vec<rules::Warning>, documents: &[Document<'_>]) -> Vec<Problem> {
    let warning = |found: rules::Warning| {
        let help = match found.kind {
            WarningKind::NeverOpen { .. } => "change the flag, or remove the route",
            WarningKind::UnusedFlag { .. } => "remove the flag, or name it in a gate or a header",
            WarningKind::IdlePreflight { .. } => "remove it, or add OPTIONS to `methods`, a gate or `auth`",
            WarningKind::UngatedRoute { .. } => "that is right where everyone may use it",
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

/// What is nested or chained too deep, by where it is.
fn nesting(limit: usize, mut problem: Problem, owner: Owner) -> Problem {
    let help = match owner {
        Owner::Flag => {
            problem.title = format!("a chain of more than {limit} flags, each requiring the next");
            "let flags require directly what they need, and not by way of so many others"
        }
        Owner::Segment => {
            problem.title = format!("a chain of more than {limit} segments, each referring to the next");
            "write out the condition of one of them"
        }
        Owner::Route => "write the gate with fewer levels, or gate on one flag that requires the others",
        Owner::Part => "name an inner condition as a segment",
    };
    problem.help(help)
}

/// How a regular expression that can't be used could be made one that can.
pub(crate) fn pattern_cure(invalid: &InvalidPattern) -> &'static str {
    let reason = match invalid {
        InvalidPattern::TooLong { .. } => return "shorten it, or write several patterns under `any`",
        InvalidPattern::Syntax { reason } | InvalidPattern::TooComplex { reason } => reason,
    };
    if reason.contains("word boundar") {
        r"write word boundaries of ASCII: `(?-u:\b)` for `\b`"
    } else if reason.contains("limit") {
        r"make it smaller: shorter repetitions, or classes of ASCII such as `[0-9A-Za-z]` for `\w`"
    } else {
        "patterns are regular expressions of linear time: no look-around, no back-references"
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
        _ => cure(kind).map(str::to_owned),
    }
}

/// Cures that are the same for every problem of a kind.
fn cure(kind: &ProblemKind) -> Option<&'static str> {
    Some(match kind {
        ProblemKind::InvalidFlagKey { .. } => "write it like `dispatch.v2Board`",
        ProblemKind::InvalidTenantId { .. } => "write it exactly as tokens name the tenant",
        ProblemKind::InvalidName { .. } => "give it another name",
        ProblemKind::InvalidPattern(invalid) => pattern_cure(invalid),
        ProblemKind::WeightSum { .. } => "change the weights so that they add up to 100",
        ProblemKind::PercentageRange { .. } => "write a number from 0 to 100",
        ProblemKind::Limit { .. } => "remove some of them",
        ProblemKind::Duplicate { .. } => "keep one of them, or rename one",
        ProblemKind::TooFewVariants { .. } => "name a second variant, or leave `variants` out for on and off",
        ProblemKind::FlagCycle { .. } => "remove one of these from `requires`",
        ProblemKind::SegmentCycle { .. } => "write out the condition of one of them",
        ProblemKind::PercentageTooFine { .. } => "round it to three decimals",
        ProblemKind::InvalidTime { .. } => "write it like `2026-12-01T00:00:00Z`",
        ProblemKind::InvalidDate { .. } => "write it like `2027-03-01`",
        ProblemKind::InvalidNetwork { .. } => "write it like `10.0.0.0/8` or `192.0.2.7`",
        ProblemKind::InvalidVersionRequirement { .. } => "write it like `>=1.4, <2`",
        ProblemKind::EmptySchedule => "`until` is the first moment after it: make it later than `from`",
        ProblemKind::LifecycleOfKind { .. } => {
            "leave `lifecycle` out, or make it a release or experiment flag"
        }
        ProblemKind::ReservedAttribute { .. } => "give the attribute another name",
        ProblemKind::OptedBothWays { .. } => "take it from one of the two lists",
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
