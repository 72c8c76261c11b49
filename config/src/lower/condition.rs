//! Conditions: clauses, segments and their combinations.

use rules::{AttributeValue, ConditionDefinition, Name, OperatorDefinition, Sited};

use super::Lower;
use crate::node::{Node, Scalar};

impl<'s> Lower<'s> {
    /// The condition, or none where any part of it has the wrong shape.
    pub(crate) fn condition(self, node: &Node<'s>) -> Option<Sited<ConditionDefinition<'s>>> {
        let [.., entry] = node.entries()? else { return None };
        let value = match &*entry.key {
            "all" => ConditionDefinition::All(self.conditions(&entry.value)?),
            "any" => ConditionDefinition::Any(self.conditions(&entry.value)?),
            "not" => ConditionDefinition::Not(Box::new(self.condition(&entry.value)?)),
            "segment" => ConditionDefinition::Segment(self.name(&entry.value)?),
            _ => self.clause(node)?,
        };
        Some(self.sited(value, node.span))
    }

    fn conditions(self, node: &Node<'s>) -> Option<Vec<Sited<ConditionDefinition<'s>>>> {
        node.items()?.iter().map(|item| self.condition(item)).collect()
    }

    fn clause(self, node: &Node<'s>) -> Option<ConditionDefinition<'s>> {
        let attribute = self.name(node.field("attribute")?)?;
        let operator = node.entries()?.iter().find(|entry| entry.key != "attribute")?;
        let value = self.operator(&operator.key, &operator.value)?;
        Some(ConditionDefinition::Clause {
            attribute,
            operator: self.sited(value, operator.value.span),
        })
    }

    fn operator(self, name: &str, value: &Node<'s>) -> Option<OperatorDefinition<'s>> {
        Some(match name {
            "eq" => OperatorDefinition::Eq(scalar(value)?),
            "ne" => OperatorDefinition::Ne(scalar(value)?),
            "in" => OperatorDefinition::In(self.scalars(value)?),
            "not_in" => OperatorDefinition::NotIn(self.scalars(value)?),
            "gt" => OperatorDefinition::Gt(value.number()?),
            "gte" => OperatorDefinition::Gte(value.number()?),
            "lt" => OperatorDefinition::Lt(value.number()?),
            "lte" => OperatorDefinition::Lte(value.number()?),
            "prefix" => OperatorDefinition::Prefix(self.alternatives(value)?),
            "suffix" => OperatorDefinition::Suffix(self.alternatives(value)?),
            "contains" => OperatorDefinition::Contains(self.alternatives(value)?),
            "matches" => OperatorDefinition::Matches(value.text()?.clone()),
            "any_of" => OperatorDefinition::AnyOf(self.texts(value)?),
            "all_of" => OperatorDefinition::AllOf(self.texts(value)?),
            "none_of" => OperatorDefinition::NoneOf(self.texts(value)?),
            "semver" => OperatorDefinition::Semver(value.text()?.clone()),
            "before" => OperatorDefinition::Before(value.text()?.clone()),
            "after" => OperatorDefinition::After(value.text()?.clone()),
            "ip_in" => OperatorDefinition::IpIn(self.texts(value)?),
            "exists" => OperatorDefinition::Exists(value.boolean()?),
            _ => return None,
        })
    }

    fn scalars(self, node: &Node<'s>) -> Option<Vec<Sited<AttributeValue>>> {
        node.items()?
            .iter()
            .map(|item| Some(self.sited(scalar(item)?, item.span)))
            .collect()
    }

    fn texts(self, node: &Node<'s>) -> Option<Vec<Name<'s>>> {
        node.items()?.iter().map(|item| self.name(item)).collect()
    }

    fn alternatives(self, node: &Node<'s>) -> Option<Vec<Name<'s>>> {
        match node.items() {
            Some(_) => self.texts(node),
            None => Some(vec![self.name(node)?]),
        }
    }
}

/// A text, number or boolean.
pub(super) fn scalar(node: &Node<'_>) -> Option<AttributeValue> {
    Some(match node.scalar()? {
        Scalar::Text(text) => AttributeValue::String(text.into()),
        Scalar::Boolean(value) => AttributeValue::Boolean(value),
        Scalar::Integer(_) | Scalar::Number(_) => AttributeValue::Number(node.number()?),
        Scalar::Null | Scalar::InvalidNumber(_) => return None,
    })
}
