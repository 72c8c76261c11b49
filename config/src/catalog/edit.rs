//! Edits of a document: as JSON, in the form that parts have in a file, and as definitions.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use rules::{FlagDefinition, FlagsDefinition, SegmentDefinition, TenantDefinition};
use serde_json::Value;

use super::part::{Sections, read};
use crate::flags_document::{FlagsDocument, Head, OwnedTenant};
use crate::value_json::ToJson as _;

/// The number of parts that are read at a time, which bounds the memory of their trees.
const BATCH: usize = 1_000;

/// A change of one part of a document, in the form that the part has in a file.
#[derive(Debug, Clone, PartialEq)]
pub enum JsonEdit {
    /// `tiers`, `unknown_tenant` and `policy`, as one object.
    Head(Value),
    /// A segment by its name; none removes it.
    Segment(String, Option<Value>),
    /// A flag by its key; none removes it.
    Flag(String, Option<Value>),
    /// A tenant by its id; none removes it.
    Tenant(String, Option<Value>),
}

/// A change of one part of a document. The names in it are checked when it is drafted.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// `tiers`, `unknown_tenant` and `policy`.
    Head(Arc<Head>),
    /// A segment by its name; none removes it.
    Segment(Arc<str>, Option<Arc<SegmentDefinition>>),
    /// A flag by its key; none removes it.
    Flag(Arc<str>, Option<Arc<FlagDefinition>>),
    /// A tenant by its id; none removes it.
    Tenant(Arc<str>, Option<Arc<OwnedTenant>>),
}

/// The last edit of each part.
#[derive(Debug, Default)]
pub(super) struct Edits {
    pub(super) head: Option<Arc<Head>>,
    pub(super) segments: BTreeMap<Arc<str>, Option<Arc<SegmentDefinition>>>,
    pub(super) flags: BTreeMap<Arc<str>, Option<Arc<FlagDefinition>>>,
    pub(super) tenants: BTreeMap<Arc<str>, Option<Arc<OwnedTenant>>>,
}

impl JsonEdit {
    /// Reads the last edit of each part. Returns none if one does not have the form of its part; [`Catalog::explain`]
    /// then returns the problems.
    ///
    /// [`Catalog::explain`]: super::Catalog::explain
    #[must_use]
    pub fn read(edits: &[Self]) -> Option<Vec<Edit>> {
        let last = last_of_each(edits);
        let mut all = Vec::with_capacity(last.len());
        for batch in last.chunks(BATCH) {
            read_batch(batch, &mut all)?;
        }
        Some(all)
    }

    /// Returns the section and name of the part.
    fn part(&self) -> (u8, &str) {
        match self {
            Self::Head(_) => (0, ""),
            Self::Segment(name, _) => (1, name),
            Self::Flag(key, _) => (2, key),
            Self::Tenant(id, _) => (3, id),
        }
    }
}

/// Returns the edits, in their order, without those that a later one of the same part replaces. Replaced edits are not
/// checked, because they never become part of the document.
fn last_of_each(edits: &[JsonEdit]) -> Vec<&JsonEdit> {
    let mut seen = HashSet::with_capacity(edits.len());
    let mut last: Vec<&JsonEdit> = edits
        .iter()
        .rev()
        .filter(|edit| seen.insert(edit.part()))
        .collect();
    last.reverse();
    last
}

fn read_batch(batch: &[&JsonEdit], all: &mut Vec<Edit>) -> Option<()> {
    let mut sections = Sections::default();
    for edit in batch {
        match edit {
            JsonEdit::Head(head) => sections.head = Some(head.as_object()?),
            JsonEdit::Segment(name, Some(value)) => sections.segments.push((name, value)),
            JsonEdit::Flag(key, Some(value)) => sections.flags.push((key, value)),
            JsonEdit::Tenant(id, Some(value)) => sections.tenants.push((id, value)),
            JsonEdit::Segment(_, None) | JsonEdit::Flag(_, None) | JsonEdit::Tenant(_, None) => {}
        }
    }
    let fields = sections.head;
    let definition = read(&sections)?;
    // The definitions have the order of the edits.
    let mut segments = definition.segments.into_iter();
    let mut flags = definition.flags.into_iter();
    let mut tenants = definition.tenants.into_iter().map(TenantDefinition::into_owned);
    for edit in batch {
        all.push(match edit {
            JsonEdit::Head(_) => Edit::Head(Arc::new(Head {
                fields: fields?.clone(),
                tiers: definition.tiers.clone(),
                unknown_tenant: definition.unknown_tenant.clone(),
                policy: definition.policy,
            })),
            JsonEdit::Segment(name, None) => Edit::Segment(name.as_str().into(), None),
            JsonEdit::Segment(name, Some(_)) => Edit::Segment(name.as_str().into(), Some(segments.next()?)),
            JsonEdit::Flag(key, None) => Edit::Flag(key.as_str().into(), None),
            JsonEdit::Flag(key, Some(_)) => Edit::Flag(key.as_str().into(), Some(flags.next()?)),
            JsonEdit::Tenant(id, None) => Edit::Tenant(id.as_str().into(), None),
            JsonEdit::Tenant(id, Some(_)) => {
                Edit::Tenant(id.as_str().into(), Some(Arc::new(tenants.next()?)))
            }
        });
    }
    Some(())
}

impl Edit {
    /// Returns the edit as JSON.
    #[must_use]
    pub fn to_json(&self) -> JsonEdit {
        match self {
            Self::Head(head) => JsonEdit::Head(head.fields.clone().into()),
            Self::Segment(name, segment) => {
                let segment = segment.as_deref().map(SegmentDefinition::to_json);
                JsonEdit::Segment(name.to_string(), segment)
            }
            Self::Flag(key, flag) => {
                let flag = flag.as_deref().map(FlagDefinition::to_json);
                JsonEdit::Flag(key.to_string(), flag)
            }
            Self::Tenant(id, tenant) => {
                let tenant = tenant.as_deref().map(OwnedTenant::to_json);
                JsonEdit::Tenant(id.to_string(), tenant)
            }
        }
    }
}

impl Edits {
    pub(super) fn of(edits: Vec<Edit>) -> Self {
        let mut all = Self::default();
        for edit in edits {
            match edit {
                Edit::Head(head) => all.head = Some(head),
                Edit::Segment(name, segment) => drop(all.segments.insert(name, segment)),
                Edit::Flag(key, flag) => drop(all.flags.insert(key, flag)),
                Edit::Tenant(id, tenant) => drop(all.tenants.insert(id, tenant)),
            }
        }
        all
    }
}

impl FlagsDocument {
    /// Returns the edits that make an empty document into this one.
    pub(super) fn into_edits(self) -> Vec<Edit> {
        let mut edits = vec![Edit::Head(self.head)];
        let segments = self.segments.into_iter();
        edits.extend(segments.map(|(name, segment)| Edit::Segment(name, Some(segment))));
        let flags = self.flags.into_iter();
        edits.extend(flags.map(|(key, flag)| Edit::Flag(key, Some(flag))));
        let tenants = self.tenants.into_iter();
        edits.extend(tenants.map(|(id, tenant)| Edit::Tenant(id, Some(tenant))));
        edits
    }

    /// Applies an edit of one part.
    pub fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Head(head) => self.head = head,
            Edit::Segment(name, Some(segment)) => drop(self.segments.insert(name, segment)),
            Edit::Segment(name, None) => drop(self.segments.remove(&name)),
            Edit::Flag(key, Some(flag)) => drop(self.flags.insert(key, flag)),
            Edit::Flag(key, None) => drop(self.flags.remove(&key)),
            Edit::Tenant(id, Some(tenant)) => drop(self.tenants.insert(id, tenant)),
            Edit::Tenant(id, None) => drop(self.tenants.remove(&id)),
        }
    }
}

/// The last edit of each part, as JSON.
#[derive(Debug, Default)]
pub(super) struct JsonEdits<'e> {
    head: Option<&'e Value>,
    segments: BTreeMap<&'e str, Option<&'e Value>>,
    flags: BTreeMap<&'e str, Option<&'e Value>>,
    tenants: BTreeMap<&'e str, Option<&'e Value>>,
}

impl<'e> JsonEdits<'e> {
    pub(super) fn of(edits: &'e [JsonEdit]) -> Self {
        let mut all = Self::default();
        for edit in edits {
            match edit {
                JsonEdit::Head(head) => all.head = Some(head),
                JsonEdit::Segment(name, value) => drop(all.segments.insert(name, value.as_ref())),
                JsonEdit::Flag(key, value) => drop(all.flags.insert(key, value.as_ref())),
                JsonEdit::Tenant(id, value) => drop(all.tenants.insert(id, value.as_ref())),
            }
        }
        all
    }

    /// Returns the parts that are not removed.
    pub(super) fn sections(&self) -> Sections<'e> {
        let present = |parts: &BTreeMap<&'e str, Option<&'e Value>>| -> Vec<(&'e str, &'e Value)> {
            parts
                .iter()
                .filter_map(|(name, value)| Some((*name, (*value)?)))
                .collect()
        };
        Sections {
            head: self.head.and_then(Value::as_object),
            segments: present(&self.segments),
            flags: present(&self.flags),
            tenants: present(&self.tenants),
        }
    }

    /// Returns the head, if it is not an object.
    pub(super) fn unreadable_head(&self) -> Option<&'e Value> {
        self.head.filter(|head| !head.is_object())
    }

    /// Returns the edits with the definitions of their parts.
    pub(super) fn with(&self, head: Option<Arc<Head>>, definition: FlagsDefinition<'_>) -> Vec<Edit> {
        let removed = |parts: &BTreeMap<&'e str, Option<&'e Value>>| -> Vec<Arc<str>> {
            let removed = parts.iter().filter(|(_, value)| value.is_none());
            removed.map(|(name, _)| Arc::from(*name)).collect()
        };
        let mut edits: Vec<Edit> = head.map(Edit::Head).into_iter().collect();
        edits.extend(
            removed(&self.segments)
                .into_iter()
                .map(|name| Edit::Segment(name, None)),
        );
        edits.extend(removed(&self.flags).into_iter().map(|key| Edit::Flag(key, None)));
        edits.extend(
            removed(&self.tenants)
                .into_iter()
                .map(|id| Edit::Tenant(id, None)),
        );
        let segments = definition.segments.into_iter();
        edits.extend(segments.map(|segment| Edit::Segment((*segment.name.value).into(), Some(segment))));
        let flags = definition.flags.into_iter();
        edits.extend(flags.map(|flag| Edit::Flag((*flag.key.value).into(), Some(flag))));
        let tenants = definition.tenants.into_iter().map(TenantDefinition::into_owned);
        edits.extend(tenants.map(|tenant| Edit::Tenant((*tenant.id.value).into(), Some(Arc::new(tenant)))));
        edits
    }
}
