//! The attributes that conditions read, by name and by id.

use std::collections::HashMap;

use crate::AttributeId;

/// The names of attributes that conditions read, in the order in which they were met.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct AttributeNames {
    names: Vec<Box<str>>,
    ids: HashMap<Box<str>, AttributeId>,
}

impl AttributeNames {
    pub(crate) fn id(&self, name: &str) -> Option<AttributeId> {
        self.ids.get(name).copied()
    }

    pub(crate) fn names(&self) -> &[Box<str>] {
        &self.names
    }

    pub(crate) fn intern(&mut self, name: &str) -> Option<AttributeId> {
        if let Some(id) = self.id(name) {
            return Some(id);
        }
        let id = AttributeId::from_index(self.names.len())?;
        self.names.push(name.into());
        self.ids.insert(name.into(), id);
        Some(id)
    }
}
