//! Bodies of requests that change something.

use changes::{GaDefault, ImportMode, Urgent};
use serde::de::{DeserializeOwned, Error, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::codes;
use super::handler::{JsonBody, RequestBody};
use super::problem::ApiProblem;
use super::query::MAX_REASON;
use super::request::{ApiRequest, MAX_BODY_BYTES, MAX_IMPORT_BYTES};
use super::schema::{RequestSchema, SchemaDefinitions, any_object, schema_of};

/// The reason, for the audit log: 1 to 1,000 characters.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(as = Reason, value_type = String, min_length = 1, max_length = 1000)]
pub(crate) struct ReasonText(String);

impl TryFrom<String> for ReasonText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.chars().count() {
            1..=MAX_REASON => Ok(Self(text)),
            _ => Err(format!("a reason has 1 to {MAX_REASON} characters")),
        }
    }
}

impl From<ReasonText> for String {
    fn from(reason: ReasonText) -> Self {
        reason.0
    }
}

/// A text of 1 to 1,000 characters on one line, with a letter or digit. The change checks it, and rejects it with the code of
/// its field.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(as = Line, value_type = String, min_length = 1, max_length = 1000)]
pub(crate) struct LineText(String);

impl From<LineText> for String {
    fn from(text: LineText) -> Self {
        text.0
    }
}

/// A body with only a reason.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OptionalReason)]
pub(crate) struct OptionalReason {
    pub(crate) reason: Option<ReasonText>,
}

/// A kill of a flag, or its end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KillSwitchChange)]
pub(crate) struct KillSwitchChange {
    pub(crate) reason: Option<ReasonText>,
    /// The incident, as a text or link. A kill opens it.
    pub(crate) incident: Option<LineText>,
}

/// An incident of a flag.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = IncidentChange)]
pub(crate) struct IncidentChange {
    /// The text or link, which identifies the incident.
    pub(crate) incident: LineText,
    pub(crate) reason: Option<ReasonText>,
}

/// A promotion or revert of a flag.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StateChange)]
pub(crate) struct StateChange {
    pub(crate) state: StateName,
    /// Also reverts the flags that require this one.
    #[serde(default)]
    #[schema(required = false)]
    pub(crate) cascade: bool,
    /// The default after a promotion to ga, for tenants without an opt-in, opt-out or override; default: `on`.
    #[serde(default)]
    #[schema(required = false)]
    pub(crate) default: GaDefaultName,
    /// Makes the promotion urgent: it skips its conditions. Requires the role platform-admin.
    #[serde(default, deserialize_with = "mapping")]
    #[schema(required = false)]
    pub(crate) r#override: Option<UrgentBody>,
    pub(crate) reason: Option<ReasonText>,
    /// The incident because of which the flag is reverted, as a text or link. The revert opens it.
    pub(crate) incident: Option<LineText>,
}

/// The lifecycle state of a flag; `dev` is an alias of `alpha`.
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

/// The default after a promotion to ga: `on` for all, or the defaults of the tiers.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = GaDefault)]
pub(crate) enum GaDefaultName {
    #[default]
    On,
    Tiers,
}

/// The record of an urgent promotion.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UrgentPromotion)]
pub(crate) struct UrgentBody {
    /// The person who decided.
    decision_maker: LineText,
    /// The incident.
    incident: LineText,
    /// The reason.
    reason: LineText,
}

/// Defaults of tiers: a variant for each tier named; null removes the default of the tier.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TiersChange)]
pub(crate) struct TiersChange {
    #[schema(value_type = std::collections::BTreeMap<String, VariantForm>)]
    pub(crate) tiers: Map<String, Value>,
    pub(crate) reason: Option<ReasonText>,
}

/// The schema of a variant: its name, a boolean, or null for none.
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

/// A rollout, as in the flags document; null removes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RolloutChange)]
pub(crate) struct RolloutChange {
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Object>, required = true)]
    pub(crate) rollout: Option<Map<String, Value>>,
    pub(crate) reason: Option<ReasonText>,
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
    pub(crate) reason: Option<ReasonText>,
}

/// An override that serves a variant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VariantOverride)]
pub(crate) struct VariantOverride {
    /// The name of the variant.
    pub(crate) variant: String,
    pub(crate) reason: Option<ReasonText>,
}

/// The members that distinguish the two overrides.
#[derive(Deserialize)]
struct OverrideMembers {
    #[serde(default, deserialize_with = "is_present")]
    enabled: bool,
    #[serde(default, deserialize_with = "is_present")]
    variant: bool,
}

impl RequestBody for OverrideChange {
    const SCHEMA: RequestSchema = RequestSchema::Json(override_schema, MAX_BODY_BYTES);

    fn read(request: &ApiRequest) -> Result<Self, ApiProblem> {
        let members: OverrideMembers = request.json()?;
        match (members.enabled, members.variant) {
            (true, false) => request.json().map(Self::Enabled),
            (false, true) => request.json().map(Self::Variant),
            _ => Err(ApiProblem::new(
                codes::MALFORMED_BODY,
                "an override has either `enabled` or `variant`",
            )
            .help("send one of them: `enabled` is true, false, or null for no override")),
        }
    }
}

fn override_schema(definitions: &mut SchemaDefinitions) -> Value {
    json!({ "oneOf": [schema_of::<EnabledOverride>(definitions), schema_of::<VariantOverride>(definitions)] })
}

/// The record of a tenant, as in the flags document, or a patch of one. The parser of documents checks its fields.
pub(crate) struct TenantRecord(pub(crate) Map<String, Value>);

impl RequestBody for TenantRecord {
    const SCHEMA: RequestSchema = RequestSchema::Record(any_object, MAX_BODY_BYTES);

    fn read(request: &ApiRequest) -> Result<Self, ApiProblem> {
        request.json().map(Self)
    }
}

/// A sign-off of the next promotion of a flag, on behalf of a role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SignOffChange)]
pub(crate) struct SignOffChange {
    /// The role, as the policy names it.
    pub(crate) role: String,
    pub(crate) reason: Option<ReasonText>,
}

/// Tenants and their records.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TenantImport)]
pub(crate) struct TenantImport {
    /// The treatment of tenants that already have a record; default: `upsert`.
    #[serde(default)]
    #[schema(required = false)]
    pub(crate) mode: ImportModeName,
    /// The records by the ids of the tenants, at most 10,000.
    #[schema(value_type = std::collections::BTreeMap<String, Object>)]
    pub(crate) tenants: Map<String, Value>,
    pub(crate) reason: Option<ReasonText>,
}

/// The treatment of tenants that already have a record: `create` rejects them, `upsert` replaces the record, `patch`
/// changes the fields given.
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

/// Reads an object. Rejects a list, which serde would accept as the fields in their order.
fn mapping<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let fields = Option::<Map<String, Value>>::deserialize(deserializer)?;
    let value = fields.map(|fields| serde_json::from_value(Value::Object(fields)));
    value.transpose().map_err(Error::custom)
}

impl JsonBody for OptionalReason {
    const IS_OPTIONAL: bool = true;
}
impl JsonBody for KillSwitchChange {
    const IS_OPTIONAL: bool = true;
}
impl JsonBody for IncidentChange {}
impl JsonBody for StateChange {}
impl JsonBody for TiersChange {}
impl JsonBody for RolloutChange {}
impl JsonBody for SignOffChange {}
impl JsonBody for TenantImport {
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
