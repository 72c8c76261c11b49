//! A flags document in parts, as a store keeps it: one JSON value for each flag, segment and tenant; and what it
//! compiles to. A change reads and compiles the parts that it touches; the others are shared.

mod draft;
mod flags;
mod part;
mod refused;
mod tenants;

use std::sync::Arc;

use imbl::OrdMap;
use rules::{Eligibility, FlagDefinition, FlagId, Flags, Names, SegmentDefinition, Tenants};
use serde_json::{Map, Value};

use self::part::{Head, Part};
use crate::report::Report;
use crate::validate::VERSION;

/// A change of one part of the document. What it takes has the shape that it has in a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// `tiers`, `unknown_tenant` and `policy`, as one object.
    Head(Value),
    /// A segment by its name; none: it is removed.
    Segment(String, Option<Value>),
    /// A flag by its key; none: it is removed.
    Flag(String, Option<Value>),
    /// A tenant by its id; none: it is removed.
    Tenant(String, Option<Value>),
}

/// The document, its parts, and what they compile to. A clone shares them.
#[derive(Debug, Clone)]
pub struct Catalog {
    head: Head,
    segments: OrdMap<Arc<str>, Part<Segment>>,
    flags: OrdMap<Arc<str>, Part<Flag>>,
    /// As JSON text: a record is read again only where what it names has changed.
    tenants: OrdMap<Arc<str>, Arc<str>>,
    eligibility: Eligibility,
    compiled: Compiled,
}

/// What a document compiles to.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The flags.
    pub flags: Arc<Flags>,
    /// The tenants.
    pub tenants: Arc<Tenants>,
    /// What the ids mean that were given before the change.
    pub ids: Ids,
    pub(crate) names: Arc<Names>,
}

/// What ids mean after a change, to routes, identity and header plans that were compiled before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ids {
    /// What they meant. There may be more of them.
    Kept,
    /// The same, but for these of flags: they are gone, or have other variants, say.
    Moved(Arc<[FlagId]>),
    /// Tiers have others, or there are more attributes, which a request may have.
    Other,
}

type Segment = SegmentDefinition;
type Flag = Arc<FlagDefinition>;
/// Parts by name; none for one that is removed.
type Edited<T> = Vec<(Arc<str>, Option<Part<T>>)>;

/// A change that was found good and has not been made.
#[derive(Debug)]
pub struct Draft {
    head: Option<Head>,
    segments: Edited<Segment>,
    flags: Edited<Flag>,
    tenants: Vec<(Arc<str>, Option<Arc<str>>)>,
    compiled: Compiled,
}

impl Catalog {
    /// The document of these parts.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn new(eligibility: Eligibility, parts: impl IntoIterator<Item = Edit>) -> Result<Self, Report> {
        let mut catalog = Self::empty(eligibility);
        let draft = catalog.draft(parts.into_iter().collect())?;
        catalog.adopt(draft);
        Ok(catalog)
    }

    /// A document without any part.
    #[must_use]
    pub fn empty(eligibility: Eligibility) -> Self {
        Self {
            head: Head::default(),
            segments: OrdMap::new(),
            flags: OrdMap::new(),
            tenants: OrdMap::new(),
            eligibility,
            compiled: Compiled::empty(eligibility),
        }
    }

    /// What it compiles to.
    #[must_use]
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// Compiles the document as it would be with `edits`, of which for each part the last counts. Nothing is
    /// changed.
    ///
    /// # Errors
    /// Everything that would be wrong with it, as `sluice check` would say it of a file named `document`.
    pub fn draft(&self, edits: Vec<Edit>) -> Result<Draft, Report> {
        draft::draft(self, edits)
    }

    /// Whether the document would be valid with this edit alone. Why it would not be is not looked for.
    #[must_use]
    pub fn takes(&self, edit: Edit) -> bool {
        draft::takes(self, edit)
    }

    /// Makes a change that was drafted of this document as it is.
    pub fn adopt(&mut self, draft: Draft) {
        if let Some(head) = draft.head {
            self.head = head;
        }
        put_all(&mut self.segments, draft.segments);
        put_all(&mut self.flags, draft.flags);
        put_all(&mut self.tenants, draft.tenants);
        self.compiled = draft.compiled;
    }

    /// Judges flags by another environment's rules from now on.
    pub fn move_to(&mut self, eligibility: Eligibility) {
        self.eligibility = eligibility;
        self.compiled.flags = Arc::new(self.compiled.flags.in_environment(eligibility));
    }

    /// The whole document.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut document = Map::new();
        document.insert("version".to_owned(), VERSION.into());
        document.extend(self.head.fields.clone());
        let mut section = |name: &str, entries: Map<String, Value>| {
            if !entries.is_empty() {
                document.insert(name.to_owned(), entries.into());
            }
        };
        section("segments", part::values(jsons(&self.segments)));
        section("flags", part::values(jsons(&self.flags)));
        section("tenants", part::values(self.records()));
        document.into()
    }

    /// Tenants' ids and records.
    fn records(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tenants.iter().map(|(id, json)| (&**id, &**json))
    }
}

/// Names and values of parts.
fn jsons<T>(parts: &OrdMap<Arc<str>, Part<T>>) -> impl Iterator<Item = (&str, &str)> {
    parts.iter().map(|(name, part)| (&**name, &*part.json))
}

impl Draft {
    /// What the document would compile to.
    #[must_use]
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }
}

impl Compiled {
    /// Whether there are the flags, segments and tiers that there are in `other`, and they stand for the same.
    #[must_use]
    pub fn same_names(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.names, &other.names)
    }

    fn empty(eligibility: Eligibility) -> Self {
        Self {
            flags: Arc::new(Flags::none(eligibility)),
            tenants: Arc::default(),
            ids: Ids::Kept,
            names: Arc::default(),
        }
    }
}

fn put_all<T: Clone>(parts: &mut OrdMap<Arc<str>, T>, changes: Vec<(Arc<str>, Option<T>)>) {
    for (name, change) in changes {
        match change {
            Some(part) => parts.insert(name, part),
            None => parts.remove(&name),
        };
    }
}
