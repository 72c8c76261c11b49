//! The form of conditions: clauses, segments and their combinations.

use rules::{ConditionDefinition, OperatorDefinition, OwnedName, Sited};

use super::text::{AnyText, Network, Regex, SegmentName, Time};
use super::{FieldShape, Needs, UNBOUNDED};
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
    /// Condition that holds if all of these conditions hold.
    All("an `all` of conditions") all: Conditions, "Conditions that must all hold.";
    /// Condition that holds if at least one of these conditions holds.
    Any("an `any` of conditions") any: Conditions, "Conditions of which at least one must hold.";
    /// Condition that holds if this condition does not.
    Not("a `not` of a condition") not: Sited<Condition>, "Condition that must not hold.";
    /// Condition that holds if the condition of a segment holds.
    Segment("a segment reference") segment: Sited<Owned<SegmentName>>, "Name of the segment.";
}

object! {
    /// Operator on one attribute. It is false if the attribute is missing or of another type.
    Clause("a clause", Needs::ExactlyOne(Operators::FIELDS)): ConditionDefinition {
        /// Name of the attribute.
        attribute: required Sited<Owned<Attribute>>,
        /// Operator and its value.
        operator: include Operators,
    } => ConditionDefinition::Clause { attribute, operator: operator? }
}

/// Defines the operators: the word, the form of the value, and the operator in `rules`.
macro_rules! operators {
    ($($(#[doc = $doc:literal])+ $word:literal $of:ty => $operator:ident),+ $(,)?) => {
        /// The operators of a clause, with the site of the value.
        pub(crate) enum Operators {}

        impl Fields for Operators {
            type Value<'s> = Option<Sited<OperatorDefinition>>;

            const FIELDS: &'static [FieldShape] = &[$(FieldShape {
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
    /// True if the attribute is equal to this value.
    "eq" Comparable => Eq,
    /// True if the attribute has the type of this value and is not equal to it.
    "ne" Comparable => Ne,
    /// True if the attribute is equal to one of these values.
    "in" Comparables => In,
    /// True if the attribute has the type of these values and is equal to none of them.
    "not_in" Comparables => NotIn,
    /// True if the attribute is greater than this number.
    "gt" Number => Gt,
    /// True if the attribute is greater than or equal to this number.
    "gte" Number => Gte,
    /// True if the attribute is less than this number.
    "lt" Number => Lt,
    /// True if the attribute is less than or equal to this number.
    "lte" Number => Lte,
    /// True if the attribute starts with this text, or with one of these texts.
    "prefix" Alternatives => Prefix,
    /// True if the attribute ends with this text, or with one of these texts.
    "suffix" Alternatives => Suffix,
    /// True if the attribute contains this text, or one of these texts.
    "contains" Alternatives => Contains,
    /// True if this regular expression matches at any position of the attribute.
    "matches" Boxed<Regex> => Matches,
    /// True if the attribute is a list with at least one of these texts.
    "any_of" Texts => AnyOf,
    /// True if the attribute is a list with all of these texts.
    "all_of" Texts => AllOf,
    /// True if the attribute is a list with none of these texts.
    "none_of" Texts => NoneOf,
    /// True if the attribute is a version that meets this requirement.
    "semver" Boxed<VersionRequirement> => Semver,
    /// True if the attribute is a time before this one.
    "before" Boxed<Time> => Before,
    /// True if the attribute is a time after this one.
    "after" Boxed<Time> => After,
    /// True if the attribute is an IP address in one of these networks.
    "ip_in" List<Sited<Owned<Network>>, 1, UNBOUNDED> => IpIn,
    /// `true`: the attribute is present. `false`: it is missing.
    "exists" Boolean => Exists,
}

union! {
    Alternatives("a text or a list of texts"): Vec<OwnedName> {
        scalar Sited<Owned<AnyText>> => |text| vec![text],
        list Texts => |texts| texts,
    }
}
