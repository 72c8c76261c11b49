//! The form of conditions: clauses, segments and their combinations.

use rules::{ConditionDefinition, OperatorDefinition, OwnedName, Sited};

use super::flags::{SegmentName, Time};
use super::text::{AnyText, Network, Regex};
use super::{Field, Needs, UNBOUNDED};
use crate::form::{
    Boolean, Boxed, Comparable, Fields, Form, List, Number, Owned, object, single, texts, union,
};
use crate::node::Entry;
use crate::validate::{Slot, Validator};

texts! {
    Attribute: filled "the name of an attribute";
    VersionRequirement: any "a requirement such as `>=1.4, <2`";
}

union! {
    Condition("a condition"): ConditionDefinition {
        key All => ConditionDefinition::All,
        key Any => ConditionDefinition::Any,
        key Not => |condition| ConditionDefinition::Not(Box::new(condition)),
        key Segment => ConditionDefinition::Segment,
        key Clause => |clause| clause,
    }
}

type Conditions = List<Sited<Condition>, 1, UNBOUNDED>;

single! {
    /// Every one of the conditions holds.
    All("an `all` of conditions") all: Conditions, "The conditions.";
    /// At least one of the conditions holds.
    Any("an `any` of conditions") any: Conditions, "The conditions.";
    /// The condition does not hold.
    Not("a `not` of a condition") not: Sited<Condition>, "The condition.";
    /// The condition of the segment holds.
    Segment("a segment reference") segment: Sited<Owned<SegmentName>>, "The segment.";
}

object! {
    /// One operator on one attribute. An attribute that is missing or of another type makes it false.
    Clause("a clause", Needs::ExactlyOne(Operators::FIELDS)): ConditionDefinition {
        /// The attribute.
        attribute: required Sited<Owned<Attribute>>,
        /// The operator and its value.
        operator: include Operators,
    } => ConditionDefinition::Clause { attribute, operator: operator? }
}

/// Defines the operators: the word, the form of its value, and what it is to `rules`.
macro_rules! operators {
    ($($(#[doc = $doc:literal])+ $word:literal $of:ty => $operator:ident),+ $(,)?) => {
        /// The operators of a clause. The site is that of the value.
        pub(crate) enum Operators {}

        impl Fields for Operators {
            type Value<'s> = Option<Sited<OperatorDefinition>>;

            const FIELDS: &'static [Field] = &[$(Field {
                name: $word,
                doc: concat!($($doc),+).trim_ascii(),
                required: false,
                shape: <$of as Form>::SHAPE,
            }),+];

            fn take<'s>(into: &mut Self::Value<'s>, entry: &Entry<'s>, validator: &mut Validator<'_>) -> bool {
                // An operator that lacks its word does not compile here.
                const _: fn(&OperatorDefinition) = |operator| match operator {
                    $(OperatorDefinition::$operator(_) => {})+
                };
                $(if entry.key == $word {
                    let slot = Slot::field($word, entry.key_span);
                    let value = Sited::<$of>::read(&entry.value, slot, validator);
                    *into = value.map(|value| Sited::new(OperatorDefinition::$operator(value.value), value.site));
                    return true;
                })+
                false
            }
        }
    };
}

type Texts = List<Sited<Owned<AnyText>>, 1, UNBOUNDED>;
type Comparables = List<Sited<Comparable>, 1, UNBOUNDED>;

operators! {
    /// Equal.
    "eq" Comparable => Eq,
    /// Of the same type and not equal.
    "ne" Comparable => Ne,
    /// Equal to one of them.
    "in" Comparables => In,
    /// Of the same type and equal to none of them.
    "not_in" Comparables => NotIn,
    /// Greater.
    "gt" Number => Gt,
    /// Greater or equal.
    "gte" Number => Gte,
    /// Less.
    "lt" Number => Lt,
    /// Less or equal.
    "lte" Number => Lte,
    /// Starts with it, or with one of them.
    "prefix" Alternatives => Prefix,
    /// Ends with it, or with one of them.
    "suffix" Alternatives => Suffix,
    /// Has it in it, or one of them.
    "contains" Alternatives => Contains,
    /// The regular expression finds a match.
    "matches" Boxed<Regex> => Matches,
    /// The list has at least one of them.
    "any_of" Texts => AnyOf,
    /// The list has all of them.
    "all_of" Texts => AllOf,
    /// The list has none of them.
    "none_of" Texts => NoneOf,
    /// The version meets it.
    "semver" Boxed<VersionRequirement> => Semver,
    /// The time is before it.
    "before" Boxed<Time> => Before,
    /// The time is after it.
    "after" Boxed<Time> => After,
    /// The address is in one of the networks.
    "ip_in" List<Sited<Owned<Network>>, 1, UNBOUNDED> => IpIn,
    /// There is such an attribute (true), or none (false).
    "exists" Boolean => Exists,
}

union! {
    Alternatives("a text or a list of texts"): Vec<OwnedName> {
        scalar Sited<Owned<AnyText>> => |text| vec![text],
        list Texts => |texts| texts,
    }
}
