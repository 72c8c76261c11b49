//! Conditions over a subject: clauses and segments, put together with `all`, `any` and `not`.

use crate::{SegmentId, Site, operator::Operator, subject::AttributeRef};

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
