//! Clauses that can never hold, because the attribute always has another type than the values that the operator
//! compares.

use std::collections::HashMap;

use rules::{
    AttributeValue, ConditionDefinition, FlagsDefinition, Name, OperatorDefinition, OperatorWord, Sited,
};

use super::gateway::Gateway;
use crate::identity::AttributeType;
use crate::locate;
use crate::node::Span;
use crate::problem::Problem;
use crate::shape::issuer::AttributeAt;
use crate::shape::sluice::GatewayFields;

/// The type of all values of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KnownType {
    Text,
    Number,
    Boolean,
    List,
}

/// The attributes whose values all have one type: its place in the gateway document, if it has one.
type KnownTypes<'a> = HashMap<&'a str, (KnownType, Option<Span>)>;

/// The types of the reserved attributes.
const RESERVED: [(&str, KnownType); 6] = [
    ("tenant", KnownType::Text),
    ("tier", KnownType::Text),
    ("channel", KnownType::Text),
    ("internal", KnownType::Boolean),
    ("user", KnownType::Text),
    ("groups", KnownType::List),
];

impl<'s> Gateway<'_, 's> {
    /// Reports clauses of the documents of flags that can never hold.
    pub(crate) fn check_attribute_types(
        &mut self,
        root: &GatewayFields<'s>,
        definition: &FlagsDefinition<'_>,
    ) {
        let known = known_types(root, definition);
        let segments = definition.segments.iter().map(|segment| &segment.condition);
        let flags = definition.flags.iter().flat_map(|flag| {
            let rules = flag.rules.iter().map(|rule| &rule.when);
            let rollout = flag.rollout.as_ref();
            rules.chain(rollout.and_then(|rollout| rollout.audience.as_ref()))
        });
        for condition in segments.chain(flags) {
            self.check_condition(condition, &known);
        }
    }

    fn check_condition(&mut self, condition: &Sited<ConditionDefinition>, known: &KnownTypes<'_>) {
        match &condition.value {
            ConditionDefinition::All(parts) | ConditionDefinition::Any(parts) => {
                parts.iter().for_each(|part| self.check_condition(part, known));
            }
            ConditionDefinition::Not(part) => self.check_condition(part, known),
            ConditionDefinition::Segment(_) => {}
            ConditionDefinition::Clause {
                attribute, operator, ..
            } => {
                if let Some((found, source)) = known.get(&*attribute.value)
                    && !compares(&operator.value, *found)
                {
                    self.refuse_clause(attribute, operator, (*found, *source));
                }
            }
        }
    }

    fn refuse_clause(
        &mut self,
        attribute: &Name<'_>,
        operator: &Sited<OperatorDefinition>,
        (found, source): (KnownType, Option<Span>),
    ) {
        let word = operator.value.word().as_str();
        let title = format!(
            "`{word}` on `{}` can never hold: this attribute is {}",
            attribute.value,
            found.noun()
        );
        let at = locate::label(self.documents, operator.site);
        let mut problem = Problem::error("attribute-type", title, at);
        if let Some(source) = source {
            problem = problem.also(self.label(source, format!("{} from here", found.noun())));
        }
        self.push(problem.help(help(operator.value.word(), found, source.is_some())));
    }
}

/// Returns the attributes of one type: the reserved ones, and those that only requests provide. Claims have any type,
/// and so can records of tenants.
fn known_types<'a>(root: &'a GatewayFields<'_>, definition: &'a FlagsDefinition<'_>) -> KnownTypes<'a> {
    let mut known: KnownTypes<'a> = RESERVED
        .into_iter()
        .map(|(name, found)| (name, (found, None)))
        .collect();
    let attributes = root
        .identity
        .value()
        .and_then(|identity| identity.attributes.value());
    for (name, at) in attributes.into_iter().flatten() {
        // The first type is kept, because a reserved name is reported elsewhere.
        let Some(at) = at else { continue };
        let found = match at {
            AttributeAt::Named(_, AttributeType::Text) | AttributeAt::Client(_) => KnownType::Text,
            AttributeAt::Named(_, AttributeType::Number) => KnownType::Number,
            AttributeAt::Named(_, AttributeType::Boolean) => KnownType::Boolean,
        };
        known.entry(&*name.value).or_insert((found, Some(name.span)));
    }
    for issuer in root.issuers.value().into_iter().flatten() {
        let claims = issuer.claims.value().and_then(|claims| claims.attributes.value());
        for (name, _) in claims.into_iter().flatten() {
            known.remove(&*name.value);
        }
    }
    for (name, value) in definition
        .tenants
        .iter()
        .flat_map(|tenant| tenant.attributes.iter().flatten())
    {
        if known
            .get(&*name.value)
            .is_some_and(|(found, _)| *found != KnownType::of(&value.value))
        {
            known.remove(&*name.value);
        }
    }
    known
}

/// Returns true if an operator compares values of a type.
fn compares(operator: &OperatorDefinition, found: KnownType) -> bool {
    use OperatorDefinition as Definition;
    match operator {
        Definition::Eq(value) | Definition::Ne(value) => KnownType::of(&value.value) == found,
        Definition::In(values) | Definition::NotIn(values) => values
            .iter()
            .any(|value| KnownType::of(&value.value.value) == found),
        Definition::Gt(_) | Definition::Gte(_) | Definition::Lt(_) | Definition::Lte(_) => {
            found == KnownType::Number
        }
        Definition::Prefix(_)
        | Definition::Suffix(_)
        | Definition::Contains(_)
        | Definition::Matches(_)
        | Definition::Semver(_)
        | Definition::Before(_)
        | Definition::After(_)
        | Definition::IpIn(_) => found == KnownType::Text,
        Definition::AnyOf(_) | Definition::AllOf(_) | Definition::NoneOf(_) => found == KnownType::List,
        Definition::Exists(_) => true,
    }
}

/// Returns the help for a clause on an attribute of another type. `is_typed` is true if the document states its type.
fn help(word: OperatorWord, found: KnownType, is_typed: bool) -> &'static str {
    use OperatorWord as Word;
    match (word, found, is_typed) {
        (_, KnownType::List, _) => "use `any_of`, `all_of` or `none_of`",
        (Word::AnyOf | Word::AllOf, ..) => "use `in`, which compares one value with a list of alternatives",
        (Word::NoneOf, ..) => "use `not_in`, which compares one value with a list of alternatives",
        (Word::Eq | Word::Ne | Word::In | Word::NotIn, KnownType::Text, true) => {
            "put the value in quotes to compare texts, or write `as: number` or `as: boolean` at the source"
        }
        (Word::Eq | Word::Ne | Word::In | Word::NotIn, KnownType::Text, false) => "put the value in quotes",
        (Word::Gt | Word::Gte | Word::Lt | Word::Lte, KnownType::Text, true) => {
            "write `as: number` at the source of the attribute"
        }
        (_, KnownType::Number, _) => "compare it with a number, or remove `as: number` at the source",
        (_, KnownType::Boolean, true) => {
            "compare it with `true` or `false`, or remove `as: boolean` at the source"
        }
        (_, KnownType::Boolean, false) => "compare it with `true` or `false`",
        (_, KnownType::Text, _) => "use an operator for texts, such as `eq` or `in`",
    }
}

impl KnownType {
    fn of(value: &AttributeValue) -> Self {
        match value {
            AttributeValue::String(_) => Self::Text,
            AttributeValue::Number(_) => Self::Number,
            AttributeValue::Boolean(_) => Self::Boolean,
            AttributeValue::List(_) => Self::List,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::List => "a list",
        }
    }
}
