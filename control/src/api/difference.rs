//! Body of the difference that an applied document makes.

use changes::{Difference, Part, PartFields, Section};
use serde::Serialize;
use utoipa::ToSchema;

/// The difference that an applied document makes.
#[derive(Serialize, ToSchema)]
#[schema(as = Difference)]
pub(crate) struct DifferenceBody {
    /// The parts that are added.
    added: Vec<PartBody>,
    /// The fields that are changed.
    changed: Vec<FieldsBody>,
    /// The parts that are removed, because the document omits them.
    removed: Vec<PartBody>,
    /// The fields that differ in the document and are not changed, because operators own them.
    kept_by_operators: Vec<FieldsBody>,
}

/// A part of a document.
#[derive(Serialize, ToSchema)]
#[schema(as = DocumentPart)]
struct PartBody {
    section: SectionName,
    /// Its name; empty for the head.
    name: String,
}

/// Fields of a part of a document.
#[derive(Serialize, ToSchema)]
#[schema(as = DocumentFields)]
struct FieldsBody {
    section: SectionName,
    /// The name of the part; empty for the head.
    name: String,
    /// The names of the fields.
    fields: Vec<String>,
}

/// The section of a document; `head` is the tiers, the unknown tenants and the eligibility policy.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DocumentSection)]
enum SectionName {
    Head,
    Segment,
    Flag,
    Tenant,
}

impl From<Difference> for DifferenceBody {
    fn from(difference: Difference) -> Self {
        let Difference {
            added,
            changed,
            removed,
            kept_by_operators,
        } = difference;
        Self {
            added: added.into_iter().map(PartBody::from).collect(),
            changed: changed.into_iter().map(FieldsBody::from).collect(),
            removed: removed.into_iter().map(PartBody::from).collect(),
            kept_by_operators: kept_by_operators.into_iter().map(FieldsBody::from).collect(),
        }
    }
}

impl From<Part> for PartBody {
    fn from(part: Part) -> Self {
        Self {
            section: part.section.into(),
            name: part.name,
        }
    }
}

impl From<PartFields> for FieldsBody {
    fn from(fields: PartFields) -> Self {
        Self {
            section: fields.section.into(),
            name: fields.name,
            fields: fields.fields,
        }
    }
}

impl From<Section> for SectionName {
    fn from(section: Section) -> Self {
        match section {
            Section::Head => Self::Head,
            Section::Segment => Self::Segment,
            Section::Flag => Self::Flag,
            Section::Tenant => Self::Tenant,
        }
    }
}
