//! The bodies of changes.

use changes::{GaDefault, ImportMode, Urgent};
use serde::de::{DeserializeOwned, Error, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::codes;
use super::handler::{JsonBody, RequestBody};
use super::problem::Problem;
use super::query::MAX_REASON;
use super::request::{ApiRequest, MAX_BODY_BYTES, MAX_IMPORT_BYTES};
use super::route::{RequestSchema, any_object, form};

/// Why, for the audit log: 1 to 1,000 characters.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 1000)]
pub(crate) struct Reason(String);

impl TryFrom<String> for Reason {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.chars().count() {
            1..=MAX_REASON => Ok(Self(text)),
            _ => Err(format!("a reason has 1 to {MAX_REASON} characters")),
        }
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

/// Nothing but a reason.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OptionalReason)]
pub(crate) struct OptionalReason {
    pub(crate) reason: Option<Reason>,
}

/// Where a flag goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StateChange)]
pub(crate) struct StateChange {
    pub(crate) state: StateName,
    /// Takes flags that depend on it back along with it.
    #[serde(default)]
    #[schema(required = false)]
    pub(crate) cascade: bool,
    /// What a promotion to ga serves to those who said nothing; left out: on.
    #[serde(default)]
    #[schema(required = false)]
    pub(crate) default: GaDefaultName,
    /// For a promotion that does not wait; takes the role platform-admin.
    #[serde(default, deserialize_with = "mapping")]
    #[schema(required = false)]
    pub(crate) r#override: Option<UrgentBody>,
    pub(crate) reason: Option<Reason>,
}

/// How far a flag is; `dev` reads as alpha.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Lifecycle)]
pub(crate) enum StateName {
    Dev,
    Alpha,
    Beta,
    Ga,
    Retired,
}

/// What a promotion to ga serves to those who said nothing.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = GaDefault)]
pub(crate) enum GaDefaultName {
    #[default]
    On,
    Tiers,
}

/// What is written down of a promotion that does not wait.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UrgentPromotion)]
pub(crate) struct UrgentBody {
    /// Who decided.
    decision_maker: Reason,
    /// For which incident.
    incident: Reason,
    /// Why.
    reason: Reason,
}

/// Tier defaults: a variant for each tier that is named, null removes one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TiersChange)]
pub(crate) struct TiersChange {
    #[schema(value_type = std::collections::BTreeMap<String, VariantForm>)]
    pub(crate) tiers: Map<String, Value>,
    pub(crate) reason: Option<Reason>,
}

/// The form of a variant's name, or of a boolean in its place; null for none.
pub(crate) struct VariantForm;

impl ToSchema for VariantForm {}

impl PartialSchema for VariantForm {
    fn schema() -> RefOr<Schema> {
        let kinds = [Type::String, Type::Boolean, Type::Null];
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter(kinds))
            .into()
    }
}

/// The rollout as the document has it; null removes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RolloutChange)]
pub(crate) struct RolloutChange {
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Object>, required = true)]
    pub(crate) rollout: Option<Map<String, Value>>,
    pub(crate) reason: Option<Reason>,
}

/// An override: `enabled` or `variant`.
pub(crate) enum OverrideChange {
    Enabled(EnabledOverride),
    Variant(VariantOverride),
}

/// An override that turns a flag on or off, or removes the override.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EnabledOverride)]
pub(crate) struct EnabledOverride {
    /// On or off; null removes the override.
    #[serde(deserialize_with = "present")]
    #[schema(required = true)]
    pub(crate) enabled: Option<bool>,
    pub(crate) reason: Option<Reason>,
}

/// An override that serves a variant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VariantOverride)]
pub(crate) struct VariantOverride {
    /// The name of the variant.
    pub(crate) variant: String,
    pub(crate) reason: Option<Reason>,
}

/// The members that tell the two overrides apart.
#[derive(Deserialize)]
struct OverrideMembers {
    #[serde(default, deserialize_with = "is_present")]
    enabled: bool,
    #[serde(default, deserialize_with = "is_present")]
    variant: bool,
}

impl RequestBody for OverrideChange {
    const SCHEMA: RequestSchema = RequestSchema::Json(override_schema, MAX_BODY_BYTES);

    fn read(request: &ApiRequest) -> Result<Self, Problem> {
        let members: OverrideMembers = request.json()?;
        match (members.enabled, members.variant) {
            (true, false) => request.json().map(Self::Enabled),
            (false, true) => request.json().map(Self::Variant),
            _ => Err(Problem::new(
                codes::MALFORMED_BODY,
                "an override has either `enabled` or `variant`",
            )
            .help("send one of them: `enabled` is true, false, or null for no override")),
        }
    }
}

fn override_schema(definitions: &mut Vec<(String, RefOr<Schema>)>) -> Value {
    json!({ "oneOf": [form::<EnabledOverride>(definitions), form::<VariantOverride>(definitions)] })
}

/// A tenant's record, or a patch of one, as the flags document has it. Its fields are checked by what reads documents.
pub(crate) struct TenantRecord(pub(crate) Map<String, Value>);

impl RequestBody for TenantRecord {
    const SCHEMA: RequestSchema = RequestSchema::Record(any_object, MAX_BODY_BYTES);

    fn read(request: &ApiRequest) -> Result<Self, Problem> {
        request.json().map(Self)
    }
}

/// On whose behalf somebody answers for a promotion.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SignOffChange)]
pub(crate) struct SignOffChange {
    /// As the policy names it.
    pub(crate) role: String,
    pub(crate) reason: Option<Reason>,
}

/// Tenants and their records.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TenantImport)]
pub(crate) struct Import {
    /// What happens to those that there are already; left out: upsert.
    #[serde(default)]
    #[schema(required = false)]
    pub(crate) mode: ImportModeName,
    /// The records by the ids of the tenants, at most 10,000.
    #[schema(value_type = std::collections::BTreeMap<String, Object>)]
    pub(crate) tenants: Map<String, Value>,
    pub(crate) reason: Option<Reason>,
}

/// What happens to tenants that there are already.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ImportMode)]
pub(crate) enum ImportModeName {
    Create,
    #[default]
    Upsert,
    Patch,
}

/// Reads a field that must be present, though it may be null.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// Reads a field that may be absent, and records that it is present whatever its value.
fn is_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A mapping; serde would take a list of its values as well.
fn mapping<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let fields = Option::<Map<String, Value>>::deserialize(deserializer)?;
    let value = fields.map(|fields| serde_json::from_value(Value::Object(fields)));
    value.transpose().map_err(Error::custom)
}

impl JsonBody for OptionalReason {}
impl JsonBody for StateChange {}
impl JsonBody for TiersChange {}
impl JsonBody for RolloutChange {}
impl JsonBody for SignOffChange {}
impl JsonBody for Import {
    const MAX_BYTES: usize = MAX_IMPORT_BYTES;
}

impl From<UrgentBody> for Urgent {
    fn from(body: UrgentBody) -> Self {
        Self {
            decision_maker: body.decision_maker.0,
            incident: body.incident.0,
            reason: body.reason.0,
        }
    }
}

impl From<GaDefaultName> for GaDefault {
    fn from(name: GaDefaultName) -> Self {
        match name {
            GaDefaultName::On => Self::On,
            GaDefaultName::Tiers => Self::Tiers,
        }
    }
}

impl From<ImportModeName> for ImportMode {
    fn from(name: ImportModeName) -> Self {
        match name {
            ImportModeName::Create => Self::Create,
            ImportModeName::Upsert => Self::Upsert,
            ImportModeName::Patch => Self::Patch,
        }
    }
}

impl From<StateName> for rules::Lifecycle {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Dev | StateName::Alpha => Self::Alpha,
            StateName::Beta => Self::Beta,
            StateName::Ga => Self::Ga,
            StateName::Retired => Self::Retired,
        }
    }
}
