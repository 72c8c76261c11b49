//! Operators of clauses on one attribute. If the attribute is missing or has another type, every operator is
//! false, negative ones included. Only `exists: false` is true for a missing attribute.

mod folded;

use std::net::IpAddr;
use std::sync::Arc;

use semver::VersionReq;
use time::OffsetDateTime;

pub(crate) use folded::FoldedOperator;

use crate::{
    AttributeValue, Decimal, Pattern, Value, network::Networks, string_set::StringSet, time::instant,
    version::version,
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
    /// Behind a pointer, as a required version is: both are large, and a clause should fill few cache lines. Shared by
    /// all clauses of a document with the same expression.
    Matches(Arc<Pattern>),
    AnyOf(StringSet),
    AllOf(StringSet),
    NoneOf(StringSet),
    Version(Box<VersionReq>),
    Before(OffsetDateTime),
    After(OffsetDateTime),
    Within(Networks),
    Exists(bool),
    /// Boxed, because it is rare.
    Folded(Box<FoldedOperator>),
}

/// A set of strings, numbers and booleans, each kind sorted.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Scalars {
    strings: StringSet,
    numbers: Box<[Decimal]>,
    booleans: Box<[bool]>,
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

    /// Returns true if a value of the set has the type of `value`.
    pub(crate) fn has_type_of(&self, value: Value<'_>) -> bool {
        match value {
            Value::String(_) => !self.strings.is_empty(),
            Value::Number(_) => !self.numbers.is_empty(),
            Value::Boolean(_) => !self.booleans.is_empty(),
            Value::List(_) => false,
        }
    }

    #[inline(never)]
    fn has_number(&self, number: Decimal) -> bool {
        self.numbers.binary_search(&number).is_ok()
    }
}

impl Operator {
    /// Returns true if the operator holds for the subject's value. Each operator reads the types of values that it
    /// compares; another type is false.
    #[inline(always)]
    pub(crate) fn holds(&self, value: Option<Value<'_>>) -> bool {
        match value {
            None => matches!(self, Self::Exists(false)),
            Some(Value::String(text)) => self.holds_for_text(text),
            Some(Value::Number(number)) => self.holds_for_number(number),
            Some(Value::Boolean(boolean)) => self.holds_for_boolean(boolean),
            Some(Value::List(items)) => self.holds_for_list(items),
        }
    }

    #[inline(always)]
    fn holds_for_text(&self, text: &str) -> bool {
        match self {
            Self::Exists(expected) => *expected,
            Self::In(set) => set.strings.has(text),
            Self::NotIn(set) => !set.strings.is_empty() && !set.strings.has(text),
            _ => self.holds_for_searched_text(text),
        }
    }

    /// Evaluates the operators that search or parse a text. A call of its own, because the registers and the stack
    /// that they need would slow down the others.
    #[inline(never)]
    fn holds_for_searched_text(&self, text: &str) -> bool {
        match self {
            Self::Prefix(texts) => texts.iter().any(|start| text.starts_with(&**start)),
            Self::Suffix(texts) => texts.iter().any(|end| text.ends_with(&**end)),
            Self::Contains(texts) => texts.iter().any(|part| text.contains(&**part)),
            Self::Matches(pattern) => pattern.is_match(text),
            Self::Version(requirement) => version(text).is_some_and(|version| requirement.matches(&version)),
            Self::Before(bound) => instant(text).is_some_and(|at| at < *bound),
            Self::After(bound) => instant(text).is_some_and(|at| at > *bound),
            Self::Within(networks) => {
                let address = text.parse::<IpAddr>();
                address.is_ok_and(|address| networks.contain(address))
            }
            Self::Folded(operator) => operator.holds_for_text(text),
            _ => false,
        }
    }

    #[inline(always)]
    fn holds_for_number(&self, number: Decimal) -> bool {
        match self {
            Self::Exists(expected) => *expected,
            Self::In(set) => set.has_number(number),
            Self::NotIn(set) => !set.numbers.is_empty() && !set.has_number(number),
            Self::Greater(bound) => number > *bound,
            Self::GreaterOrEqual(bound) => number >= *bound,
            Self::Less(bound) => number < *bound,
            Self::LessOrEqual(bound) => number <= *bound,
            _ => false,
        }
    }

    #[inline(always)]
    fn holds_for_boolean(&self, boolean: bool) -> bool {
        match self {
            Self::Exists(expected) => *expected,
            Self::In(set) => set.booleans.contains(&boolean),
            Self::NotIn(set) => !set.booleans.is_empty() && !set.booleans.contains(&boolean),
            _ => false,
        }
    }

    #[inline(always)]
    fn holds_for_list(&self, items: &[Box<str>]) -> bool {
        match self {
            Self::Exists(expected) => *expected,
            Self::AnyOf(set) => set.has_any(items),
            Self::NoneOf(set) => !set.has_any(items),
            Self::AllOf(set) => set.is_within(items),
            Self::Folded(operator) => operator.holds_for_list(items),
            _ => false,
        }
    }

    /// Returns the number of values that are compared one by one. A set with a search counts as one.
    pub(crate) fn comparisons(&self) -> usize {
        match self {
            Self::Prefix(texts) | Self::Suffix(texts) | Self::Contains(texts) => texts.len(),
            Self::AllOf(set) => set.len(),
            Self::Folded(operator) => operator.comparisons(),
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
