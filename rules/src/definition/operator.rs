//! The operators of clauses before compilation: the word of each in documents, and the value that it compares to.
//! `crate::operator` holds their meaning.

use super::{Name, OwnedName, Spelled};
use crate::{AttributeValue, Decimal, Sited, pattern::Case};

/// The most values of a list that an explanation shows.
const SHOWN_VALUES: usize = 3;

/// Defines the operators, one line each: the word, the variant and the type of the value.
macro_rules! operators {
    ($($(#[$doc:meta])+ $word:literal $operator:ident($value:ty),)+) => {
        /// One operator with the value that it compares to.
        #[derive(Debug, Clone, PartialEq)]
        pub enum OperatorDefinition {
            $($(#[$doc])+ $operator($value),)+
        }

        /// An operator without its value.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum OperatorWord {
            $($(#[$doc])+ $operator,)+
        }

        impl OperatorWord {
            /// Every operator, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$operator),+];

            /// Returns the word of the operator in documents.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$operator => $word,)+
                }
            }
        }

        impl OperatorDefinition {
            /// Returns the operator without its value.
            #[must_use]
            pub fn word(&self) -> OperatorWord {
                match self {
                    $(Self::$operator(_) => OperatorWord::$operator,)+
                }
            }

            /// Returns the value as text, with long lists cut short.
            fn value_text(&self) -> String {
                match self {
                    $(Self::$operator(value) => value.clause_text(),)+
                }
            }
        }
    };
}

operators! {
    /// A string, number or boolean that is equal.
    "eq" Eq(Spelled<AttributeValue>),
    /// A value of the same type that is not equal.
    "ne" Ne(Spelled<AttributeValue>),
    /// A value equal to one of them.
    "in" In(Vec<Sited<Spelled<AttributeValue>>>),
    /// A value whose type is among them, and that is equal to none.
    "not_in" NotIn(Vec<Sited<Spelled<AttributeValue>>>),
    /// A number that is greater.
    "gt" Gt(Spelled<Decimal>),
    /// A number that is greater or equal.
    "gte" Gte(Spelled<Decimal>),
    /// A number that is less.
    "lt" Lt(Spelled<Decimal>),
    /// A number that is less or equal.
    "lte" Lte(Spelled<Decimal>),
    /// A string that starts with one of them.
    "prefix" Prefix(Vec<OwnedName>),
    /// A string that ends with one of them.
    "suffix" Suffix(Vec<OwnedName>),
    /// A string that contains one of them.
    "contains" Contains(Vec<OwnedName>),
    /// A string that the regular expression matches.
    "matches" Matches(Box<str>),
    /// A list that contains at least one of them.
    "any_of" AnyOf(Vec<OwnedName>),
    /// A list that contains all of them.
    "all_of" AllOf(Vec<OwnedName>),
    /// A list that contains none of them.
    "none_of" NoneOf(Vec<OwnedName>),
    /// A string that is a version within the requirement.
    "semver" Semver(Box<str>),
    /// A string that is an RFC 3339 time before this one.
    "before" Before(Box<str>),
    /// A string that is an RFC 3339 time after this one.
    "after" After(Box<str>),
    /// A string that is an IP address in one of the networks.
    "ip_in" IpIn(Vec<OwnedName>),
    /// The presence (`true`) or absence (`false`) of the attribute.
    "exists" Exists(bool),
}

impl OperatorDefinition {
    /// Returns the clause of this operator and `attribute` as text, with long lists cut short.
    pub(crate) fn clause_text(&self, attribute: &str, case: Case) -> String {
        let fold = match case {
            Case::Exact => "",
            Case::Folded => " in any case",
        };
        format!("{attribute} {} {}{fold}", self.word().as_str(), self.value_text())
    }
}

/// A value of an operator that explanations show.
trait ClauseText {
    /// Returns the value as text.
    fn clause_text(&self) -> String;
}

impl ClauseText for Spelled<AttributeValue> {
    fn clause_text(&self) -> String {
        match &self.value {
            AttributeValue::String(text) => text.to_string(),
            AttributeValue::Number(number) => number.to_string(),
            AttributeValue::Boolean(boolean) => boolean.to_string(),
            AttributeValue::List(items) => list_text(items.iter().map(ToString::to_string)),
        }
    }
}

impl ClauseText for Vec<Sited<Spelled<AttributeValue>>> {
    fn clause_text(&self) -> String {
        list_text(self.iter().map(|value| value.value.clause_text()))
    }
}

impl ClauseText for Spelled<Decimal> {
    fn clause_text(&self) -> String {
        self.value.to_string()
    }
}

impl ClauseText for Vec<Name<'_>> {
    fn clause_text(&self) -> String {
        list_text(self.iter().map(|text| text.value.to_string()))
    }
}

impl ClauseText for Box<str> {
    fn clause_text(&self) -> String {
        self.to_string()
    }
}

impl ClauseText for bool {
    fn clause_text(&self) -> String {
        self.to_string()
    }
}

fn list_text(values: impl ExactSizeIterator<Item = String>) -> String {
    let count = values.len();
    let shown: Vec<String> = values.take(SHOWN_VALUES).collect();
    let more = count.saturating_sub(SHOWN_VALUES);
    if more == 0 {
        format!("[{}]", shown.join(", "))
    } else {
        format!("[{}, and {more} more]", shown.join(", "))
    }
}
