//! A typed flags document: its head, and its segments, flags and tenants by name. The maps are persistent: a copy
//! shares all parts, and a change copies only the path to the changed parts, so that a document of 100,000 tenants is
//! held once.

use std::path::Path;
use std::sync::Arc;

use imbl::OrdMap;
use rules::{
    FlagDefinition, OwnedName, Policy, SegmentDefinition, TenantDefinition, UnknownTenantDefinition,
};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use crate::document::refuse_twice;
use crate::files::Files;
use crate::form::read_with_notes;
use crate::json;
use crate::load_context::LoadContext;
use crate::lower;
use crate::node::Node;
use crate::parse;
use crate::problem::Problem;
use crate::report::Report;
use crate::shape::ALLOW;
use crate::shape::flags::FlagsDocument as Fields;
use crate::source::NOWHERE;
use crate::validate::{Origin, VERSION};
use crate::value_json::ToJson;

/// The version of a document, its sections with parts by name, and the allowed warnings, which are those of a file; all
/// other fields are its head.
pub(crate) const NOT_IN_HEAD: [&str; 5] =
    ["version", Fields::SEGMENTS, Fields::FLAGS, Fields::TENANTS, ALLOW];

/// A tenant's record that owns its texts.
pub type OwnedTenant = TenantDefinition<'static>;

/// A flags document. Its definitions have no sites.
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

/// The head of a document: all fields except the version and the sections with parts by name.
#[derive(Debug, Clone, Default)]
pub struct Head {
    pub(crate) fields: Map<String, Value>,
    pub(crate) tiers: Vec<OwnedName>,
    pub(crate) unknown_tenant: Option<UnknownTenantDefinition>,
    pub(crate) policy: Policy,
}

impl FlagsDocument {
    /// Reads the flags document at `path`, or those of a directory merged. It has the form of a flags document; names
    /// and numbers are checked when it is compiled.
    ///
    /// # Errors
    /// All problems of reading, syntax and form, and names that occur twice.
    pub fn read(files: Files, path: &Path) -> Result<Self, Report> {
        Self::read_from(LoadContext::of(files), path)
    }

    /// Reads as [`FlagsDocument::read`] does a document that Sluice wrote. It may have the fields of operators that no
    /// document of people has, such as the stages of a rollout plan.
    ///
    /// # Errors
    /// As [`FlagsDocument::read`].
    pub fn read_stored(files: Files, path: &Path) -> Result<Self, Report> {
        let mut context = LoadContext::of(files);
        context.origin = Origin::Store;
        Self::read_from(context, path)
    }

    fn read_from(mut context: LoadContext, path: &Path) -> Result<Self, Report> {
        let origin = context.origin;
        let is_directory = context.files.is_directory(path);
        let sources = context.flags_sources(path, is_directory, None);
        if let [source] = sources.as_slice()
            && let Some(document) = placeless(origin, &source.text)
        {
            return Ok(document);
        }
        let (documents, read) = context.read_documents::<Fields>(&sources);
        lower::flags::merge(read, &mut context.problems);
        refuse_twice(&documents, &mut context.problems);
        if !context.problems.is_empty() {
            return Err(context.into_report());
        }
        let roots: Vec<_> = documents.into_iter().map(|document| document.root).collect();
        Ok(Self::of(origin, &roots, &mut Vec::new()))
    }

    /// Reads a flags document from its text. `name` is the path of the file in reports.
    ///
    /// # Errors
    /// As [`FlagsDocument::read`].
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, Report> {
        let read = str::from_utf8(text).ok();
        let read = read.and_then(|text| placeless(Origin::People, text));
        read.map_or_else(
            || {
                let files = Files::Memory([(name.into(), text.to_vec())].into());
                Self::read(files, Path::new(name))
            },
            Ok,
        )
    }

    /// Returns the document without the fields that no document of people has: applying it again keeps those of the store.
    #[must_use]
    pub fn without_stored_fields(mut self) -> Self {
        let exposed = self.flags.iter().filter(|(_, flag)| flag.exposure.is_some());
        let exposed: Vec<Arc<str>> = exposed.map(|(key, _)| Arc::clone(key)).collect();
        for key in exposed {
            if let Some(flag) = self.flags.get_mut(&key) {
                Arc::make_mut(flag).exposure = None;
            }
        }
        self
    }

    /// Returns the document of these trees. Its definitions have no sites, because they outlive the text.
    fn of(origin: Origin, roots: &[Node<'_>], problems: &mut Vec<Problem>) -> Self {
        let read = |root| {
            let (fields, _) = read_with_notes::<Fields>(origin, &NOWHERE, root, problems);
            Some((&*NOWHERE, fields?))
        };
        let read = roots.iter().filter_map(read).collect();
        let definition = lower::flags::merge(read, &mut Vec::new());
        let mut fields = Map::new();
        for entry in roots.iter().filter_map(Node::entries).flatten() {
            if !NOT_IN_HEAD.contains(&&*entry.key) {
                fields.insert(entry.key.to_string(), json::value(&entry.value));
            }
        }
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

/// Reads a JSON document without places, which takes a tenth of the memory. Returns none if there is any problem, which
/// needs a place.
fn placeless(origin: Origin, text: &str) -> Option<FlagsDocument> {
    let root = parse::json(text)?;
    let mut problems = Vec::new();
    let document = FlagsDocument::of(origin, &[root], &mut problems);
    problems.is_empty().then_some(document)
}

impl Head {
    /// Returns the fields, as written.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// Returns the names of the tiers, in their order.
    pub fn tiers(&self) -> impl Iterator<Item = &str> {
        self.tiers.iter().map(|tier| &*tier.value)
    }

    /// Returns the head with its fields replaced by those that the other has.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let writes = |field| other.fields.contains_key(field);
        let mut head = self.clone();
        head.fields.extend(other.fields.clone());
        if writes(Fields::TIERS) {
            head.tiers.clone_from(&other.tiers);
        }
        if writes(Fields::UNKNOWN_TENANT) {
            head.unknown_tenant.clone_from(&other.unknown_tenant);
        }
        if writes(Fields::POLICY) {
            head.policy = other.policy;
        }
        head
    }

    /// Returns the switches of the eligibility at alpha and beta.
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
    /// Writes part by part, so that only one part at a time is held as JSON.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(None)?;
        document.serialize_entry("version", &VERSION)?;
        for (name, value) in &self.head.fields {
            document.serialize_entry(name, value)?;
        }
        if !self.segments.is_empty() {
            document.serialize_entry(Fields::SEGMENTS, &SectionMap(&self.segments))?;
        }
        if !self.flags.is_empty() {
            document.serialize_entry(Fields::FLAGS, &SectionMap(&self.flags))?;
        }
        if !self.tenants.is_empty() {
            document.serialize_entry(Fields::TENANTS, &SectionMap(&self.tenants))?;
        }
        document.end()
    }
}

struct SectionMap<'d, T>(&'d OrdMap<Arc<str>, Arc<T>>);

impl<T: ToJson> Serialize for SectionMap<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, part)| (&**name, part.to_json())))
    }
}

#[cfg(test)]
mod tests {
    use super::FlagsDocument;

    #[test]
    fn all_problems_of_the_form_are_reported_at_once() {
        for (written, expected) in [
            ("[]", &["wrong-type"][..]),
            (
                r#"{ "flags": [], "tenants": 1, "segments": { "a": 1 } }"#,
                &["missing-field", "wrong-type", "wrong-type", "wrong-type"],
            ),
            (
                r#"{ "version": 1, "flags": { "a": null, "b": { "enabled": "no", "tiers": [], "rollout": 5,
                "lifecycle": 1 } }, "tenants": { "t": [] } }"#,
                &[
                    "wrong-type",
                    "wrong-type",
                    "wrong-type",
                    "wrong-type",
                    "wrong-type",
                    "wrong-type",
                ],
            ),
        ] {
            let report = FlagsDocument::parse("document", written.as_bytes()).unwrap_err();
            let codes: Vec<_> = report.problems().iter().map(|problem| problem.code).collect();
            assert_eq!(codes, expected, "{report}");
        }
    }
}
