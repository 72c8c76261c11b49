//! A flags document, typed: its head, and its segments, flags and tenants by name. A copy shares all parts, and a
//! change copies only the way to the parts that it changes, so that a document of 100,000 tenants is held once.

use std::path::Path;
use std::sync::Arc;

use imbl::OrdMap;
use rules::{
    FlagDefinition, FlagsDefinition, OwnedName, Policy, SegmentDefinition, TenantDefinition,
    UnknownTenantDefinition,
};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use crate::document::refuse_twice;
use crate::files::Files;
use crate::json;
use crate::loading::Loading;
use crate::lower;
use crate::report::Report;
use crate::shape::flags;
use crate::source::NOWHERE;
use crate::to_json::ToJson;
use crate::validate::{VERSION, read_document};

/// The sections of a document that hold parts by name, and its version; all else is its head.
pub(crate) const NOT_IN_HEAD: [&str; 4] = ["version", "segments", "flags", "tenants"];

/// A tenant's record that borrows nothing.
pub type OwnedTenant = TenantDefinition<'static>;

/// A flags document. Its definitions have no place in any text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FlagsDocument {
    /// `tiers`, `unknown_tenant` and `policy`.
    pub head: Arc<Head>,
    /// Segments by name.
    pub segments: OrdMap<Arc<str>, Arc<SegmentDefinition>>,
    /// Flags by key.
    pub flags: OrdMap<Arc<str>, Arc<FlagDefinition>>,
    /// Tenants' records by id.
    pub tenants: OrdMap<Arc<str>, Arc<OwnedTenant>>,
}

/// The fields at the top of a document.
#[derive(Debug, Clone, Default)]
pub struct Head {
    pub(crate) fields: Map<String, Value>,
    pub(crate) tiers: Vec<OwnedName>,
    pub(crate) unknown_tenant: Option<UnknownTenantDefinition>,
    pub(crate) policy: Policy,
}

impl FlagsDocument {
    /// Reads the flags document at `path`, or those of a directory merged. It has the form of one; names and numbers are
    /// judged when it is compiled.
    ///
    /// # Errors
    /// What can't be read, is no YAML, is not of the form, or is written twice.
    pub fn read(files: Files, path: &Path) -> Result<Self, Report> {
        let mut loading = Loading::of(files);
        let is_directory = loading.files.is_directory(path);
        let sources = loading.flags_sources(path, is_directory, None);
        let (documents, read) = loading.read_documents::<flags::FlagsDocument>(&sources);
        lower::flags::merge(read, &mut loading.problems);
        refuse_twice(&documents, &mut loading.problems);
        if !loading.problems.is_empty() {
            return Err(loading.into_report());
        }
        // Read again without places, which a document that is kept longer than its text doesn't have.
        let placeless = documents.iter().filter_map(|document| {
            let read = read_document::<flags::FlagsDocument>(&NOWHERE, &document.root, &mut Vec::new());
            Some((&*NOWHERE, read?))
        });
        let definition = lower::flags::merge(placeless.collect(), &mut Vec::new());
        let mut fields = Map::new();
        for entry in documents
            .iter()
            .filter_map(|document| document.root.entries())
            .flatten()
        {
            if !NOT_IN_HEAD.contains(&&*entry.key) {
                fields.insert(entry.key.to_string(), json::value(&entry.value));
            }
        }
        Ok(Self::of(fields, definition))
    }

    /// Returns the document of a definition whose head is written as `fields`.
    fn of(fields: Map<String, Value>, definition: FlagsDefinition<'_>) -> Self {
        let head = Head {
            fields,
            tiers: definition.tiers,
            unknown_tenant: definition.unknown_tenant,
            policy: definition.policy,
        };
        let key = |name: &str| Arc::<str>::from(name);
        let segments = definition.segments.into_iter();
        let flags = definition.flags.into_iter();
        let tenants = definition.tenants.into_iter().map(TenantDefinition::into_owned);
        Self {
            head: Arc::new(head),
            segments: segments
                .map(|segment| (key(&segment.name.value), segment))
                .collect(),
            flags: flags.map(|flag| (key(&flag.key.value), flag)).collect(),
            tenants: tenants
                .map(|tenant| (key(&tenant.id.value), Arc::new(tenant)))
                .collect(),
        }
    }
}

impl Head {
    /// Returns the fields as they were written.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// Returns the switches of the lifecycle's eligibility.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl Serialize for FlagsDocument {
    /// Writes part by part: only one of them is held as JSON at a time.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(None)?;
        document.serialize_entry("version", &VERSION)?;
        for (name, value) in &self.head.fields {
            document.serialize_entry(name, value)?;
        }
        if !self.segments.is_empty() {
            document.serialize_entry("segments", &Section(&self.segments))?;
        }
        if !self.flags.is_empty() {
            document.serialize_entry("flags", &Section(&self.flags))?;
        }
        if !self.tenants.is_empty() {
            document.serialize_entry("tenants", &Section(&self.tenants))?;
        }
        document.end()
    }
}

struct Section<'d, T>(&'d OrdMap<Arc<str>, Arc<T>>);

impl<T: ToJson> Serialize for Section<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, part)| (&**name, part.to_json())))
    }
}
