//! The clauses of a condition, each with the subject's value and its result.

use super::mismatch::mismatch;
use crate::{Flags, Subject, Value, condition::Condition, subject::AttributeRef};

/// The most characters of an attribute's value that an explanation shows.
const SHOWN_CHARACTERS: usize = 64;

/// One clause and what the subject has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClauseTrace {
    /// The clause as text: `seats gte 50`.
    pub clause: String,
    /// The subject's value.
    pub found: ClauseValue,
    /// The reason why the clause is false, if it is not the value itself but its type or form.
    pub note: Option<&'static str>,
    /// True if the clause holds.
    pub holds: bool,
}

/// The subject's value of a clause's attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClauseValue {
    /// This value, cut short when it is long.
    Value(String),
    /// The attribute is missing.
    Missing,
    /// The clause is a segment, whose clauses follow.
    Segment,
}

/// Adds every clause of `condition`, those of its segments included.
pub(super) fn trace(
    condition: &Condition,
    flags: &Flags,
    subject: &Subject<'_>,
    clauses: &mut Vec<ClauseTrace>,
) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().for_each(|part| trace(part, flags, subject, clauses));
        }
        Condition::Not(part) => trace(part, flags, subject, clauses),
        Condition::Segment(id) => {
            if let Some(segment) = flags.segment(*id) {
                let holds = segment.condition.holds(flags, subject);
                let clause = format!("segment {}", segment.name);
                clauses.push(ClauseTrace {
                    clause,
                    found: ClauseValue::Segment,
                    note: None,
                    holds,
                });
                trace(&segment.condition, flags, subject, clauses);
            }
        }
        Condition::Clause(clause) => {
            let value = subject.value(flags, clause.attribute);
            let holds = clause.operator.holds(value);
            let note = value.filter(|_| !holds);
            clauses.push(ClauseTrace {
                clause: clause.text.to_string(),
                found: value.map_or(ClauseValue::Missing, |value| ClauseValue::Value(shown(value))),
                note: note.and_then(|value| mismatch(&clause.operator, value)),
                holds,
            });
        }
    }
}

/// Returns the attribute's name in documents.
pub(super) fn attribute_name(flags: &Flags, attribute: AttributeRef) -> &str {
    match attribute {
        AttributeRef::Tenant => "tenant",
        AttributeRef::Tier => "tier",
        AttributeRef::Channel => "channel",
        AttributeRef::Internal => "internal",
        AttributeRef::User => "user",
        AttributeRef::Groups => "groups",
        AttributeRef::Named(id) => flags.attributes().get(id.index()).map_or("", |name| &**name),
    }
}

fn shown(value: Value<'_>) -> String {
    let text = match value {
        Value::String(text) => format!("{text:?}"),
        Value::Number(number) => number.to_string(),
        Value::Boolean(boolean) => boolean.to_string(),
        Value::List(items) => format!("{items:?}"),
    };
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
