//! The state of the control plane in memory at one revision: the flags document as definitions, and the state of each
//! flag beside its definition.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::{Edit, FlagsDocument, Head, OwnedTenant};
use imbl::OrdMap;
use rules::SegmentDefinition;

use crate::flag::{FlagState, ManagedFlag};
use crate::record::Revision;

/// The state at one revision. Clones share its parts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// The revision.
    pub revision: Revision,
    /// Head, segments, flags and tenants. Flags include the fields that operators own, so that applying this document
    /// to this state changes nothing.
    pub document: FlagsDocument,
    /// The states of flags beside their definitions; the same keys as `document.flags`.
    pub(crate) states: OrdMap<Arc<str>, Arc<FlagState>>,
}

/// A change of one part of the state; none removes the part.
#[derive(Debug, Clone, PartialEq)]
pub enum StateEdit {
    /// Tiers, unknown tenants, eligibility policy.
    Head(Arc<Head>),
    /// A segment by its name.
    Segment(Arc<str>, Option<Arc<SegmentDefinition>>),
    /// A flag by its key.
    Flag(Arc<str>, Option<ManagedFlag>),
    /// A tenant by its id.
    Tenant(Arc<str>, Option<Arc<OwnedTenant>>),
}

impl State {
    /// Returns the flag with this key.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<ManagedFlag> {
        Some(ManagedFlag {
            definition: Arc::clone(self.document.flags.get(key)?),
            state: Arc::clone(self.states.get(key)?),
        })
    }

    /// Returns all flags in the order of their keys.
    pub fn flags(&self) -> impl Iterator<Item = (&str, ManagedFlag)> {
        self.document
            .flags
            .keys()
            .filter_map(|key| Some((&**key, self.flag(key)?)))
    }

    /// Returns true if there is a flag with this key.
    #[must_use]
    pub fn has_flag(&self, key: &str) -> bool {
        self.states.contains_key(key)
    }

    /// Returns the record of the tenant with this id.
    #[must_use]
    pub fn tenant(&self, id: &str) -> Option<&Arc<OwnedTenant>> {
        self.document.tenants.get(id)
    }

    /// Returns all tenants' records in the order of their ids.
    pub fn tenants(&self) -> impl Iterator<Item = (&str, &OwnedTenant)> {
        self.document
            .tenants
            .iter()
            .map(|(id, record)| (&**id, &**record))
    }

    /// Returns the keys of the flags that require each flag, by its key.
    pub(crate) fn dependents(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut dependents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (key, definition) in &self.document.flags {
            for required in &definition.requires {
                dependents.entry(&required.flag.value).or_default().push(key);
            }
        }
        dependents
    }

    /// Applies edits that were committed at a revision.
    pub fn absorb(&mut self, edits: &[StateEdit], revision: Revision) {
        for edit in edits {
            if let StateEdit::Flag(key, flag) = edit {
                match flag {
                    Some(flag) => self.states.insert(Arc::clone(key), Arc::clone(&flag.state)),
                    None => self.states.remove(key),
                };
            }
            self.document.edit(edit.document_edit());
        }
        self.revision = revision;
    }
}

impl StateEdit {
    /// Returns the edit of the document that is compiled.
    #[must_use]
    pub fn document_edit(&self) -> Edit {
        match self {
            Self::Head(head) => Edit::Head(Arc::clone(head)),
            Self::Segment(name, segment) => Edit::Segment(Arc::clone(name), segment.clone()),
            Self::Flag(key, flag) => {
                let definition = flag.as_ref().map(|flag| Arc::clone(&flag.definition));
                Edit::Flag(Arc::clone(key), definition)
            }
            Self::Tenant(id, record) => Edit::Tenant(Arc::clone(id), record.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
