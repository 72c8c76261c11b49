//! Conditions over a subject: clauses and segments, put together with `all`, `any` and `not`.

use std::sync::Arc;

use crate::{Pattern, SegmentId, Site, operator::Operator, subject::AttributeRef};

/// A compiled condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    All(Box<[Condition]>),
    Any(Box<[Condition]>),
    Not(Box<Condition>),
    Segment(SegmentId),
    Clause(Clause),
}

/// One operator on one attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clause {
    pub(crate) attribute: AttributeRef,
    pub(crate) operator: Operator,
    /// The clause as text for explanations: `seats gte 50`.
    pub(crate) text: Box<str>,
}

/// A named condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Segment {
    pub(crate) name: Box<str>,
    pub(crate) site: Site,
    pub(crate) condition: Condition,
}

impl Condition {
    /// Calls `visit` with each regular expression of the condition itself, without those of segments.
    pub(crate) fn visit_patterns<'c>(&'c self, visit: &mut dyn FnMut(&'c Arc<Pattern>)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.visit_patterns(visit)),
            Self::Not(part) => part.visit_patterns(visit),
            Self::Clause(Clause {
                operator: Operator::Matches(pattern),
                ..
            }) => visit(pattern),
            Self::Segment(_) | Self::Clause(_) => {}
        }
    }
}
