//! Gates as `rules` knows them.

use rules::{GateDefinition, Sited};

use super::Lower;
use crate::node::Node;

impl<'s> Lower<'s> {
    /// The gate, or none where any part of it has the wrong shape.
    pub(crate) fn gate(self, node: &Node<'s>) -> Option<Sited<GateDefinition<'s>>> {
        let value = match node.entries() {
            None => GateDefinition::Flag(self.name(node)?),
            Some(_) if node.field("flag").is_some() => {
                let flag = self.name(node.field("flag")?)?;
                match node.field("is") {
                    Some(is) => GateDefinition::Is {
                        flag,
                        is: self.variant(is)?,
                    },
                    None => GateDefinition::Flag(flag),
                }
            }
            Some([entry]) => match &*entry.key {
                "all" => GateDefinition::All(self.gates(&entry.value)?),
                "any" => GateDefinition::Any(self.gates(&entry.value)?),
                "not" => GateDefinition::Not(Box::new(self.gate(&entry.value)?)),
                _ => return None,
            },
            Some(_) => return None,
        };
        Some(self.sited(value, node.span))
    }

    fn gates(self, node: &Node<'s>) -> Option<Vec<Sited<GateDefinition<'s>>>> {
        node.items()?.iter().map(|item| self.gate(item)).collect()
    }
}
