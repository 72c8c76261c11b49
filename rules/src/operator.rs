//! Operators of clauses on one attribute. If the attribute is missing or has another type, every operator is
//! false, negative ones included. Only `exists: false` is true for a missing attribute.

use std::net::IpAddr;

use semver::{Version, VersionReq};
use time::OffsetDateTime;

use crate::{
    AttributeValue, Decimal, Pattern, Value, network::Networks, string_set::StringSet, time::instant,
};

/// A compiled operator.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operator {
    In(Scalars),
    NotIn(Scalars),
    Greater(Decimal),
    GreaterOrEqual(Decimal),
    Less(Decimal),
    LessOrEqual(Decimal),
    Prefix(Box<[Box<str>]>),
    Suffix(Box<[Box<str>]>),
    Contains(Box<[Box<str>]>),
    Matches(Pattern),
    AnyOf(StringSet),
    AllOf(StringSet),
    NoneOf(StringSet),
    Version(VersionReq),
    Before(OffsetDateTime),
    After(OffsetDateTime),
    Within(Networks),
    Exists(bool),
}

/// A set of strings, numbers and booleans, each kind sorted.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Scalars {
    strings: StringSet,
    numbers: Box<[Decimal]>,
    booleans: Box<[bool]>,
}

/// Membership of a value in a set, which may hold no value of its type.
enum Membership {
    In,
    Out,
    WrongType,
}

impl Scalars {
    /// Creates the set of `values`. Lists are left out; the shape of documents allows none.
    pub(crate) fn new<'v>(values: impl IntoIterator<Item = &'v AttributeValue>) -> Self {
        let (mut strings, mut numbers, mut booleans) = (Vec::new(), Vec::new(), Vec::new());
        for value in values {
            match value {
                AttributeValue::String(text) => strings.push(&**text),
                AttributeValue::Number(number) => numbers.push(*number),
                AttributeValue::Boolean(boolean) => booleans.push(*boolean),
                AttributeValue::List(_) => {}
            }
        }
        numbers.sort_unstable();
        Self {
            strings: StringSet::new(strings),
            numbers: numbers.into(),
            booleans: booleans.into(),
        }
    }

    #[inline(always)]
    fn membership(&self, value: Value<'_>) -> Membership {
        let (is_in, none_of_its_type) = match value {
            Value::String(text) => (self.strings.has(text), self.strings.is_empty()),
            Value::Number(number) => (
                self.numbers.binary_search(&number).is_ok(),
                self.numbers.is_empty(),
            ),
            Value::Boolean(boolean) => (self.booleans.contains(&boolean), self.booleans.is_empty()),
            Value::List(_) => return Membership::WrongType,
        };
        match (is_in, none_of_its_type) {
            (true, _) => Membership::In,
            (false, false) => Membership::Out,
            (false, true) => Membership::WrongType,
        }
    }
}

impl Operator {
    /// Returns true if the operator holds for the subject's value.
    #[inline(always)]
    pub(crate) fn holds(&self, value: Option<Value<'_>>) -> bool {
        let Some(value) = value else {
            return matches!(self, Self::Exists(false));
        };
        // Every operator is listed, and each reads the type of value that it compares: another type is false.
        match self {
            Self::Exists(expected) => *expected,
            Self::In(set) => matches!(set.membership(value), Membership::In),
            Self::NotIn(set) => matches!(set.membership(value), Membership::Out),
            Self::Greater(bound) => value.number().is_some_and(|number| number > *bound),
            Self::GreaterOrEqual(bound) => value.number().is_some_and(|number| number >= *bound),
            Self::Less(bound) => value.number().is_some_and(|number| number < *bound),
            Self::LessOrEqual(bound) => value.number().is_some_and(|number| number <= *bound),
            Self::Prefix(texts) => value
                .text()
                .is_some_and(|text| texts.iter().any(|start| text.starts_with(&**start))),
            Self::Suffix(texts) => value
                .text()
                .is_some_and(|text| texts.iter().any(|end| text.ends_with(&**end))),
            Self::Contains(texts) => value
                .text()
                .is_some_and(|text| texts.iter().any(|part| text.contains(&**part))),
            Self::Matches(pattern) => value.text().is_some_and(|text| pattern.is_match(text)),
            Self::AnyOf(set) => value
                .list()
                .is_some_and(|items| items.iter().any(|item| set.has(item))),
            Self::AllOf(set) => value.list().is_some_and(|items| {
                set.iter()
                    .all(|wanted| items.iter().any(|item| **item == *wanted))
            }),
            Self::NoneOf(set) => value
                .list()
                .is_some_and(|items| !items.iter().any(|item| set.has(item))),
            Self::Version(requirement) => value
                .text()
                .is_some_and(|text| Version::parse(text).is_ok_and(|version| requirement.matches(&version))),
            Self::Before(bound) => value.text().and_then(instant).is_some_and(|at| at < *bound),
            Self::After(bound) => value.text().and_then(instant).is_some_and(|at| at > *bound),
            Self::Within(networks) => value.text().is_some_and(|text| {
                text.parse::<IpAddr>()
                    .is_ok_and(|address| networks.contain(address))
            }),
        }
    }

    /// Returns the number of values that are compared one by one. A set with a search counts as one.
    pub(crate) fn comparisons(&self) -> usize {
        match self {
            Self::Prefix(texts) | Self::Suffix(texts) | Self::Contains(texts) => texts.len(),
            Self::AllOf(set) => set.len(),
            Self::In(_)
            | Self::NotIn(_)
            | Self::Greater(_)
            | Self::GreaterOrEqual(_)
            | Self::Less(_)
            | Self::LessOrEqual(_)
            | Self::Matches(_)
            | Self::AnyOf(_)
            | Self::NoneOf(_)
            | Self::Version(_)
            | Self::Before(_)
            | Self::After(_)
            | Self::Within(_)
            | Self::Exists(_) => 1,
        }
    }
}
