//! Conditions over a subject: clauses and segments, put together with `all`, `any` and `not`.

use crate::{SegmentId, Site, flags::Flags, operator::Operator, subject::AttributeRef, subject::Subject};

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
    /// The clause as a person would say it, for explanations: `seats gte 50`.
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
    /// Whether it holds for the subject. Compiling has bounded how deep and how long this can go.
    pub(crate) fn holds(&self, flags: &Flags, subject: &Subject<'_>) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(flags, subject)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(flags, subject)),
            Self::Not(condition) => !condition.holds(flags, subject),
            Self::Segment(id) => flags
                .segment(*id)
                .is_some_and(|segment| segment.condition.holds(flags, subject)),
            Self::Clause(clause) => clause.operator.holds(subject.value(flags, clause.attribute)),
        }
    }
}
