//! The reasons why a clause is false, if it is not the value itself: a value of another type or form.

use crate::{Value, operator::Operator, time::instant, version};

/// Returns the reason why `operator` cannot hold for values like this one; none if it compares them.
pub(super) fn mismatch(operator: &Operator, value: Value<'_>) -> Option<&'static str> {
    match (operator, value) {
        (Operator::Exists(_), _) => None,
        (Operator::In(set) | Operator::NotIn(set), value) => {
            (!set.has_type_of(value)).then_some("of another type than the values of the clause")
        }
        (
            Operator::Greater(_) | Operator::GreaterOrEqual(_) | Operator::Less(_) | Operator::LessOrEqual(_),
            value,
        ) => (!matches!(value, Value::Number(_))).then_some("not a number"),
        (Operator::Folded(operator), value) if operator.is_of_lists() => {
            (!matches!(value, Value::List(_))).then_some("not a list")
        }
        (Operator::AnyOf(_) | Operator::AllOf(_) | Operator::NoneOf(_), value) => {
            (!matches!(value, Value::List(_))).then_some("not a list")
        }
        (_, Value::Number(_) | Value::Boolean(_) | Value::List(_)) => Some("not a text"),
        (Operator::Version(required), Value::String(text)) => version::mismatch(required, text),
        (Operator::Before(_) | Operator::After(_), Value::String(text)) => instant(text)
            .is_none()
            .then_some("not a time such as 2026-12-01T00:00:00Z"),
        (Operator::Within(_), Value::String(text)) => text
            .parse::<std::net::IpAddr>()
            .is_err()
            .then_some("not an IP address"),
        (
            Operator::Prefix(_)
            | Operator::Suffix(_)
            | Operator::Contains(_)
            | Operator::Matches(_)
            | Operator::Folded(_),
            Value::String(_),
        ) => None,
    }
}
