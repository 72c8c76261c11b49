//! Tenants' records. There may be a million: nothing here is done twice.

use rules::{AttributeValue, Channel, Name, TenantDefinition};

use super::Lower;
use super::condition::scalar;
use crate::node::{Entry, Node};

impl<'s> Lower<'s> {
    /// A tenant's record; fields of the wrong shape are left out.
    pub(crate) fn tenant(self, tenant: &Entry<'s>) -> TenantDefinition<'s> {
        let id = self.key(&tenant.key, tenant.key_span);
        let mut definition = TenantDefinition {
            id,
            ..TenantDefinition::default()
        };
        for Entry { key, value, .. } in tenant.value.entries().unwrap_or_default() {
            match &**key {
                "tier" => definition.tier = self.name(value),
                "channel" if value.raw().is_some_and(|text| text == "latest") => {
                    definition.channel = Channel::Latest;
                }
                "internal" => definition.internal = value.boolean().unwrap_or_default(),
                "beta" => definition.beta = self.names(Some(value)),
                "overrides" => definition.overrides = self.overrides(value),
                "opt_in" => definition.opt_in = self.names(Some(value)),
                "opt_out" => definition.opt_out = self.names(Some(value)),
                "attributes" => definition.attributes = self.attributes(value),
                _ => {}
            }
        }
        definition
    }

    fn overrides(self, node: &Node<'s>) -> Vec<(Name<'s>, Name<'s>)> {
        let entries = node.entries().unwrap_or_default();
        entries
            .iter()
            .filter_map(|entry| Some((self.key(&entry.key, entry.key_span), self.variant(&entry.value)?)))
            .collect()
    }

    fn attributes(self, node: &Node<'s>) -> Vec<(Name<'s>, AttributeValue)> {
        let entries = node.entries().unwrap_or_default();
        entries
            .iter()
            .filter_map(|entry| Some((self.key(&entry.key, entry.key_span), attribute(&entry.value)?)))
            .collect()
    }
}

fn attribute(node: &Node<'_>) -> Option<AttributeValue> {
    match node.items() {
        Some(items) => {
            let texts = items
                .iter()
                .map(|item| item.text().map(|text| Box::from(&**text)));
            Some(AttributeValue::List(texts.collect::<Option<_>>()?))
        }
        None => scalar(node),
    }
}
