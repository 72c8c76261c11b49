//! The form of conditions: clauses, segments and their combinations.

use rules::{ConditionDefinition, OperatorDefinition, OperatorWord, OwnedName, Sited};
use serde_json::Value;

use super::text::{AnyText, Network, Regex, SegmentName, Time};
use super::{FieldShape, Needs, UNBOUNDED};
use crate::form::{
    Boolean, Boxed, Comparable, Fields, Form, List, Number, Owned, object, single, texts, union,
};
use crate::node::MappingEntry;

use crate::validate::{Slot, Validator};
use crate::value_json::{JsonForm, text, texts};

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

/// The help for a clause with several operators.
const SEVERAL_OPERATORS: &str = "write one clause for each and join them with `all`";

object! {
    /// Operator on one attribute. It is false if the attribute is missing or of another type.
    Clause("a clause", Needs::ExactlyOne(ClauseOperators::FIELDS, SEVERAL_OPERATORS)): ConditionDefinition {
        /// Name of the attribute.
        attribute: required Sited<Owned<Attribute>>,
        /// Compares texts without regard to upper and lower case. Default: false.
        fold: optional Boolean,
        /// Operator and its value.
        operator: include ClauseOperators,
    } => ConditionDefinition::Clause { attribute, fold, operator: operator? }
}

/// Defines the form of each operator's value. `rules` defines the operators, their words and the types of their values.
macro_rules! operators {
    ($($(#[doc = $doc:literal])+ $operator:ident: $of:ty),+ $(,)?) => {
        /// The operators of a clause, with the site of the value.
        pub(crate) enum ClauseOperators {}

        impl Fields for ClauseOperators {
            type Value<'s> = Option<Sited<OperatorDefinition>>;

            const FIELDS: &'static [FieldShape] = &[$(FieldShape {
                name: OperatorWord::$operator.as_str(),
                doc: concat!($($doc),+).trim_ascii(),
                required: false,
                shape: <$of as Form>::SHAPE,
            }),+];

            fn take<'s>(into: &mut Self::Value<'s>, entry: &MappingEntry<'s>, validator: &mut Validator<'_>) -> bool {
                $(if entry.key == OperatorWord::$operator.as_str() {
                    let slot = Slot::field(OperatorWord::$operator.as_str(), entry.key_span);
                    let value = Sited::<$of>::read(&entry.value, slot, validator);
                    *into = value.map(|value| Sited::new(OperatorDefinition::$operator(value.value), value.site));
                    return true;
                })+
                false
            }
        }

        /// Returns the value of an operator as JSON. An operator of `rules` that has no form does not compile here.
        pub(crate) fn operator_value(operator: &OperatorDefinition) -> Value {
            match operator {
                $(OperatorDefinition::$operator(value) => <$of as JsonForm>::to_json(value),)+
            }
        }
    };
}

type Texts = List<Sited<Owned<AnyText>>, 1, UNBOUNDED>;
type Comparables = List<Sited<Comparable>, 1, UNBOUNDED>;

operators! {
    /// True if the attribute is equal to this value.
    Eq: Comparable,
    /// True if the attribute has the type of this value and is not equal to it.
    Ne: Comparable,
    /// True if the attribute is equal to one of these values.
    In: Comparables,
    /// True if the attribute has the type of these values and is equal to none of them.
    NotIn: Comparables,
    /// True if the attribute is greater than this number.
    Gt: Number,
    /// True if the attribute is greater than or equal to this number.
    Gte: Number,
    /// True if the attribute is less than this number.
    Lt: Number,
    /// True if the attribute is less than or equal to this number.
    Lte: Number,
    /// True if the attribute starts with this text, or with one of these texts.
    Prefix: Alternatives,
    /// True if the attribute ends with this text, or with one of these texts.
    Suffix: Alternatives,
    /// True if the attribute contains this text, or one of these texts.
    Contains: Alternatives,
    /// True if this regular expression matches at any position of the attribute.
    Matches: Boxed<Regex>,
    /// True if the attribute is a list with at least one of these texts.
    AnyOf: Texts,
    /// True if the attribute is a list with all of these texts.
    AllOf: Texts,
    /// True if the attribute is a list with none of these texts.
    NoneOf: Texts,
    /// True if the attribute is a version that meets this requirement.
    Semver: Boxed<VersionRequirement>,
    /// True if the attribute is a time before this one.
    Before: Boxed<Time>,
    /// True if the attribute is a time after this one.
    After: Boxed<Time>,
    /// True if the attribute is an IP address in one of these networks.
    IpIn: List<Sited<Owned<Network>>, 1, UNBOUNDED>,
    /// `true`: the attribute is present. `false`: it is missing.
    Exists: Boolean,
}

union! {
    Alternatives("a text or a list of texts"): Vec<OwnedName> {
        scalar Sited<Owned<AnyText>> => |text| vec![text],
        list Texts => |texts| texts,
    }
}

impl JsonForm for Alternatives {
    fn to_json(value: &Vec<OwnedName>) -> Value {
        match value.as_slice() {
            [one] => text(one),
            several => texts(several),
        }
    }
}
