//! Audiences that are provably empty. Only attributes that the record of a tenant decides alone are looked at, so that
//! an audience is never taken for empty when a request may meet it.

use config::{OwnedTenant, ToJson as _};
use rules::{AttributeValue, Channel, ConditionDefinition, OperatorDefinition, SegmentDefinition};
use serde_json::Value;

use crate::state::State;

/// The tenants as far as they are known.
enum Known<'k> {
    /// A tenant with a record.
    Record(&'k str, &'k OwnedTenant),
    /// Every subject without a record, which has this tier.
    Stranger(Option<&'k str>),
}

/// The value of an attribute of a tenant.
enum Attribute {
    /// Its value.
    Value(AttributeValue),
    /// The tenant has no such attribute.
    Missing,
    /// A request decides it.
    Open,
}

/// Finds the condition of a segment by its name.
pub(super) type FindSegment<'f> = &'f dyn Fn(&str) -> Option<std::sync::Arc<SegmentDefinition>>;

/// Returns true if no request can meet the condition with the tenants of this state.
pub(super) fn is_provably_empty(
    condition: &ConditionDefinition,
    state: &State,
    segment: FindSegment<'_>,
) -> bool {
    let records = state.tenants().map(|(id, record)| Known::Record(id, record));
    let mut tenants = strangers(state).into_iter().chain(records);
    tenants.all(|tenant| holds(condition, &tenant, segment, 0) == Some(false))
}

/// Returns the number of tenants whose requests can meet the condition; none if a tenant without a record can, since their
/// number is not known.
pub(super) fn number_of_tenants(
    condition: &ConditionDefinition,
    state: &State,
    segment: FindSegment<'_>,
) -> Option<usize> {
    let can_meet = |tenant: Known<'_>| holds(condition, &tenant, segment, 0) != Some(false);
    if strangers(state).into_iter().any(can_meet) {
        return None;
    }
    let records = state.tenants().map(|(id, record)| Known::Record(id, record));
    Some(
        records
            .filter(|tenant| holds(condition, tenant, segment, 0) != Some(false))
            .count(),
    )
}

/// Returns the subjects without a record: without a tenant, and with an unknown one.
fn strangers(state: &State) -> [Known<'_>; 2] {
    let unknown = state.document.head.fields().get("unknown_tenant");
    let tier = unknown
        .and_then(|unknown| unknown.get("tier"))
        .and_then(Value::as_str);
    // Without a tier too: a request may have no tenant.
    [Known::Stranger(None), Known::Stranger(tier)]
}

/// The deepest nesting of segments that is followed.
const MAX_DEPTH: usize = 32;

/// Returns the value of the condition for every request of the tenant; none if it depends on the request.
fn holds(
    condition: &ConditionDefinition,
    tenant: &Known<'_>,
    segment: FindSegment<'_>,
    depth: usize,
) -> Option<bool> {
    if depth > MAX_DEPTH {
        return None;
    }
    let part = |part: &ConditionDefinition| holds(part, tenant, segment, depth + 1);
    match condition {
        ConditionDefinition::All(parts) => {
            let values = || parts.iter().map(|condition| part(&condition.value));
            if values().any(|value| value == Some(false)) {
                return Some(false);
            }
            values().all(|value| value == Some(true)).then_some(true)
        }
        ConditionDefinition::Any(parts) => {
            let values = || parts.iter().map(|condition| part(&condition.value));
            if values().any(|value| value == Some(true)) {
                return Some(true);
            }
            values().all(|value| value == Some(false)).then_some(false)
        }
        ConditionDefinition::Not(condition) => part(&condition.value).map(|value| !value),
        ConditionDefinition::Segment(name) => part(&segment(&name.value)?.condition.value),
        ConditionDefinition::Clause {
            attribute, operator, ..
        } => clause(&operator.value, tenant.attribute(&attribute.value)),
    }
}

/// Returns the value of a clause. Only equality is judged; the other operators leave it open.
fn clause(operator: &OperatorDefinition, attribute: Attribute) -> Option<bool> {
    let value = match attribute {
        Attribute::Value(value) => Some(value),
        Attribute::Missing => None,
        Attribute::Open => return None,
    };
    let Some(value) = value else {
        // A missing attribute makes every clause false, except for `exists: false`.
        return match operator {
            OperatorDefinition::Exists(exists) => Some(!exists),
            _ => Some(false),
        };
    };
    match operator {
        OperatorDefinition::Exists(exists) => Some(*exists),
        // Texts may be compared without regard to case: only what differs in any case is different.
        OperatorDefinition::Eq(other) => is_equal(&value, &other.value),
        OperatorDefinition::In(others) => {
            let values = others.iter().map(|other| is_equal(&value, &other.value.value));
            let values: Vec<_> = values.collect();
            match (values.contains(&Some(true)), values.contains(&None)) {
                (true, _) => Some(true),
                (false, true) => None,
                (false, false) => Some(false),
            }
        }
        _ => None,
    }
}

fn is_equal(value: &AttributeValue, other: &AttributeValue) -> Option<bool> {
    match (value, other) {
        (AttributeValue::String(value), AttributeValue::String(other)) if value != other => {
            (value.to_lowercase() != other.to_lowercase()).then_some(false)
        }
        _ => Some(value == other),
    }
}

impl Known<'_> {
    /// Returns the value of a reserved attribute; the others may come from a request.
    fn attribute(&self, name: &str) -> Attribute {
        let text = |text: &str| Attribute::Value(AttributeValue::String(text.into()));
        let (id, record) = match self {
            Self::Record(id, record) => (Some(*id), Some(*record)),
            Self::Stranger(_) => (None, None),
        };
        match name {
            "tenant" => id.map_or(Attribute::Open, text),
            "internal" => {
                let is_internal = record.and_then(|record| record.internal).unwrap_or_default();
                Attribute::Value(AttributeValue::Boolean(is_internal))
            }
            "channel" => {
                let channel = record.and_then(|record| record.channel).unwrap_or_default();
                text(Channel::as_str(channel))
            }
            "tier" => match self {
                Self::Record(_, record) => record
                    .tier
                    .as_ref()
                    .map_or(Attribute::Missing, |tier| text(&tier.value)),
                Self::Stranger(tier) => tier.map_or(Attribute::Missing, text),
            },
            "user" | "groups" => Attribute::Open,
            // The record has precedence over the request.
            _ => {
                let attributes = record.and_then(|record| record.attributes.as_deref());
                let own = attributes.unwrap_or_default().iter();
                let mut own = own.filter(|(known, _)| known.value == name);
                match own.next() {
                    Some((_, value)) => Attribute::Value(value.value.clone()),
                    None => Attribute::Open,
                }
            }
        }
    }
}

/// Returns the condition as text, for messages.
pub(super) fn shown(condition: &ConditionDefinition) -> String {
    condition.to_json().to_string()
}
