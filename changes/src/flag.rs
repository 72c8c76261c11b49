//! A flag of the state: its definition, and the state that documents do not have (since when, by whom, sign-offs).
//! Documents own all fields of the definition except `lifecycle`, `enabled`, `tiers`, `rollout` and `exposure`, which
//! operators own.

use std::sync::Arc;

use config::{ToJson as _, read_exposure};
use rules::{FlagDefinition, Kind, Lifecycle, OwnedName, ServeDefinition, Sited, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::incident::Incident;
use crate::report::OpenReports;
use crate::rollout::ManagedPlan;
use crate::watch::Watch;

/// A flag of the state. Clones share its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct ManagedFlag {
    /// The definition that is compiled, operators' fields included.
    pub definition: Arc<FlagDefinition>,
    /// The state beside the definition.
    pub state: Arc<FlagState>,
}

/// The part of a flag that is not in its definition.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagState {
    /// The owner of the definition's `default`.
    pub default: DefaultOwner,
    /// The time of the last change of its lifecycle.
    pub since: Timestamp,
    /// The time it was created.
    pub created: Timestamp,
    /// The sign-offs for its next promotion.
    pub sign_offs: Vec<SignOff>,
    /// The last kill, restore, revert or rollback.
    pub unsettled: Option<Unsettled>,
    /// The open incidents, oldest first.
    pub incidents: Vec<Incident>,
    /// The time in which it is watched after its last promotion; none after the end.
    pub watch: Option<Watch>,
    /// The rollout plan with its run.
    pub plan: Option<Arc<ManagedPlan>>,
    /// The open reports from people.
    pub reports: OpenReports,
    /// The time of the last change.
    pub changed: Timestamp,
    /// The actor of the last change.
    pub changed_by: String,
}

/// The owner of a flag's default.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum DefaultOwner {
    /// Documents.
    #[default]
    Documents,
    /// A promotion to ga, which replaced the default of the documents; that default is stored here.
    Promotion(Option<Sited<ServeDefinition>>),
}

/// A sign-off for a promotion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignOff {
    /// The role that signed off.
    pub role: String,
    /// The actor.
    pub by: String,
    /// The groups by which the policy permitted the sign-off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The time.
    #[serde(with = "crate::timestamp")]
    pub at: Timestamp,
}

/// A kill, a restore, a revert or a rollback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsettled {
    /// `killed`, `restored`, `reverted` or `rolled back`.
    pub how: String,
    /// The time.
    #[serde(with = "crate::timestamp")]
    pub at: Timestamp,
    /// The actor; none if an earlier version wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
}

/// The stored form of a flag's state: operators' fields of the definition, and the rest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lifecycle: Option<String>,
    #[serde(with = "crate::timestamp")]
    since: Timestamp,
    #[serde(with = "crate::timestamp")]
    created: Timestamp,
    /// False while it is killed.
    enabled: bool,
    /// The default that a promotion to ga set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<Value>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    tiers: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rollout: Option<Value>,
    /// The stages of a rollout plan in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exposure: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sign_offs: Vec<SignOff>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unsettled: Option<Unsettled>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    incidents: Vec<Incident>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watch: Option<Watch>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan: Option<ManagedPlan>,
    #[serde(default, skip_serializing_if = "OpenReports::is_empty")]
    reports: OpenReports,
    #[serde(with = "crate::timestamp")]
    changed: Timestamp,
    changed_by: String,
}

/// The fields of a definition that operators own; the record of a definition never holds them.
const OWNED: [&str; 6] = ["lifecycle", "enabled", "tiers", "rollout", "exposure", "plan"];

impl ManagedFlag {
    /// Returns its lifecycle; none for kinds without one.
    #[must_use]
    pub fn lifecycle(&self) -> Option<Lifecycle> {
        self.definition.lifecycle.map(|lifecycle| lifecycle.value)
    }

    /// Returns false while it is killed.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.definition.enabled != Some(false)
    }

    /// Returns its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.definition.kind.unwrap_or_default()
    }

    /// Returns the keys of the flags that it requires.
    pub fn requires(&self) -> impl Iterator<Item = &str> {
        self.definition
            .requires
            .iter()
            .map(|required| &*required.flag.value)
    }

    /// Returns true if its definition says `revertible: true`.
    pub(crate) fn is_revertible(&self) -> bool {
        self.definition.revertible == Some(true)
    }

    /// Returns the revert path that its definition names.
    pub(crate) fn revert_path(&self) -> Option<&str> {
        let named = self.definition.revert.as_deref();
        named.filter(|named| !named.trim().is_empty())
    }

    /// Returns the variant that everyone is served at ga: `on`, or the variant of a tenant that opts in.
    pub(crate) fn on(&self) -> Option<&str> {
        match &self.definition.variants {
            Some(variants) if !variants.iter().any(|(name, _)| name.value == "on") => self
                .definition
                .opt_in_serves
                .as_ref()
                .map(|serves| &*serves.value),
            _ => Some("on"),
        }
    }

    /// Returns the default that documents write.
    pub(crate) fn written_default(&self) -> Option<&Sited<ServeDefinition>> {
        match &self.state.default {
            DefaultOwner::Documents => self.definition.default.as_ref(),
            DefaultOwner::Promotion(written) => written.as_ref(),
        }
    }

    /// Returns the default that a promotion to ga set.
    pub(crate) fn promoted_default(&self) -> Option<&Sited<ServeDefinition>> {
        match &self.state.default {
            DefaultOwner::Documents => None,
            DefaultOwner::Promotion(_) => self.definition.default.as_ref(),
        }
    }

    /// Sets the default that documents write. A default that a promotion has set stays effective.
    pub(crate) fn write_default(&mut self, written: Option<Sited<ServeDefinition>>) {
        match self.state.default {
            DefaultOwner::Documents => self.definition_mut().default = written,
            DefaultOwner::Promotion(_) => self.state_mut().default = DefaultOwner::Promotion(written),
        }
    }

    /// Sets or removes the default of a promotion, which has precedence over the one that documents write.
    pub(crate) fn promote_default(&mut self, promoted: Option<Sited<ServeDefinition>>) {
        let written = self.written_default().cloned();
        (self.definition_mut().default, self.state_mut().default) = match promoted {
            Some(promoted) => (Some(promoted), DefaultOwner::Promotion(written)),
            None => (written, DefaultOwner::Documents),
        };
    }

    /// Returns the variant by its name: `true` and `false` stand for `on` and `off`, where there are no others.
    pub(crate) fn variant(&self, written: &OwnedName) -> OwnedName {
        match variant_name(&self.definition, &written.value) {
            name if *name == written.value => written.clone(),
            name => Sited::new(name.to_owned().into(), written.site),
        }
    }

    /// Returns true for the variant that means "not given the feature".
    pub(crate) fn is_off(&self, written: &OwnedName) -> bool {
        is_off(&self.definition, &written.value)
    }

    /// Returns true if only the variant that means "not given the feature" is served.
    pub(crate) fn serves_off(&self, serve: &ServeDefinition) -> bool {
        matches!(serve, ServeDefinition::Variant(variant) if self.is_off(variant))
    }

    /// Returns tiers with their variants by name.
    pub(crate) fn tiers_by_name(&self, tiers: &[(OwnedName, OwnedName)]) -> Vec<(OwnedName, OwnedName)> {
        let tiers = tiers.iter();
        tiers
            .map(|(tier, variant)| (tier.clone(), self.variant(variant)))
            .collect()
    }

    /// Sets the stages in force.
    pub(crate) fn set_exposure(&mut self, exposure: Option<&Value>) {
        self.definition_mut().exposure = exposure.and_then(read_exposure);
    }

    pub(crate) fn definition_mut(&mut self) -> &mut FlagDefinition {
        Arc::make_mut(&mut self.definition)
    }

    pub(crate) fn state_mut(&mut self) -> &mut FlagState {
        Arc::make_mut(&mut self.state)
    }

    /// Returns true if both definitions have equal fields of documents.
    pub(crate) fn has_same_document_fields(&self, written: &FlagDefinition) -> bool {
        let FlagDefinition {
            key: _,
            description,
            owner,
            kind,
            lifecycle: _,
            enabled: _,
            default: _,
            variants,
            off,
            tiers: _,
            requires,
            rules,
            rollout: _,
            plan: _,
            exposure: _,
            schedule,
            revertible,
            revert,
            expires,
            opt_in_serves,
            final_variant,
            salt,
            allow,
        } = &*self.definition;
        self.written_default() == written.default.as_ref()
            && *description == written.description
            && *owner == written.owner
            && *kind == written.kind
            && *variants == written.variants
            && *off == written.off
            && *requires == written.requires
            && *rules == written.rules
            && *schedule == written.schedule
            && *revertible == written.revertible
            && *revert == written.revert
            && *expires == written.expires
            && *opt_in_serves == written.opt_in_serves
            && *final_variant == written.final_variant
            && *salt == written.salt
            && *allow == written.allow
    }

    /// Returns the stored record of the fields that documents own.
    pub(crate) fn definition_record(&self) -> Value {
        let mut definition = self.definition.to_json();
        if let Some(fields) = definition.as_object_mut() {
            fields.retain(|field, _| !OWNED.contains(&field.as_str()));
            if let DefaultOwner::Promotion(written) = &self.state.default {
                fields.shift_remove("default");
                let written = written.as_ref().map(|serve| serve.value.to_json());
                fields.extend(written.map(|default| ("default".to_owned(), default)));
            }
        }
        definition
    }

    /// Returns the stored record of the fields that operators own.
    pub(crate) fn state_record(&self) -> Value {
        let state = &*self.state;
        let tiers = self.definition.tiers.iter();
        let tiers = tiers.map(|(tier, variant)| (tier.value.to_string(), (*variant.value).into()));
        let record = StateRecord {
            lifecycle: self.lifecycle().map(|lifecycle| lifecycle.as_str().to_owned()),
            since: state.since,
            created: state.created,
            enabled: self.is_enabled(),
            default: self.promoted_default().map(|serve| serve.value.to_json()),
            tiers: tiers.collect(),
            rollout: self.definition.rollout.as_ref().map(|rollout| rollout.to_json()),
            exposure: self
                .definition
                .exposure
                .as_ref()
                .map(|exposure| exposure.to_json()),
            sign_offs: state.sign_offs.clone(),
            unsettled: state.unsettled.clone(),
            incidents: state.incidents.clone(),
            watch: state.watch,
            plan: state.plan.as_deref().cloned(),
            reports: state.reports.clone(),
            changed: state.changed,
            changed_by: state.changed_by.clone(),
        };
        // Serialization fails only for map keys that are not strings; a flag has none.
        serde_json::to_value(record).unwrap_or_default()
    }
}

/// Returns true for the variant of the flag that means "not given the feature".
pub(crate) fn is_off(definition: &FlagDefinition, variant: &str) -> bool {
    let off = definition.off.as_ref().map_or("off", |off| &*off.value);
    variant_name(definition, variant) == off
}

fn variant_name<'v>(definition: &FlagDefinition, written: &'v str) -> &'v str {
    match (written, &definition.variants) {
        ("true", None) => "on",
        ("false", None) => "off",
        _ => written,
    }
}

/// The history of a flag that was removed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FormerState {
    /// The time it was created.
    pub(crate) created: Timestamp,
    /// True if it was killed when it was removed.
    pub(crate) is_killed: bool,
    /// Its lifecycle when it was removed; none if its kind had none.
    pub(crate) lifecycle: Option<Lifecycle>,
    /// Its last kill, restore or revert.
    pub(crate) unsettled: Option<Unsettled>,
    /// Its open incidents.
    pub(crate) incidents: Vec<Incident>,
}

impl FormerState {
    /// Parses the stored record of the fields that operators owned.
    pub(crate) fn parse(record: Value) -> Option<Self> {
        let record: StateRecord = serde_json::from_value(record).ok()?;
        Some(Self {
            created: record.created,
            is_killed: !record.enabled,
            lifecycle: record.lifecycle.as_deref().and_then(lifecycle_named),
            unsettled: record.unsettled,
            incidents: record.incidents,
        })
    }
}

fn lifecycle_named(name: &str) -> Option<Lifecycle> {
    Lifecycle::ALL.into_iter().find(|known| known.as_str() == name)
}

impl StateRecord {
    /// Returns the whole flag as in a document: its definition with operators' fields in place of the document's.
    pub(crate) fn whole_flag(&self, definition: Value) -> Value {
        let mut flag = definition;
        let Some(fields) = flag.as_object_mut() else {
            return flag;
        };
        fields.retain(|field, _| !OWNED.contains(&field.as_str()));
        if let Some(lifecycle) = &self.lifecycle {
            fields.insert("lifecycle".into(), lifecycle.as_str().into());
        }
        if !self.enabled {
            fields.insert("enabled".into(), false.into());
        }
        if let Some(default) = &self.default {
            fields.insert("default".into(), default.clone());
        }
        if !self.tiers.is_empty() {
            fields.insert("tiers".into(), Value::Object(self.tiers.clone()));
        }
        if let Some(rollout) = &self.rollout {
            fields.insert("rollout".into(), rollout.clone());
        }
        if let Some(exposure) = &self.exposure {
            fields.insert("exposure".into(), exposure.clone());
        }
        flag
    }

    /// Returns the state beside the definition. `written` is the default that documents wrote.
    pub(crate) fn into_state(self, written: Option<Sited<ServeDefinition>>) -> FlagState {
        FlagState {
            default: match self.default {
                None => DefaultOwner::Documents,
                Some(_) => DefaultOwner::Promotion(written),
            },
            since: self.since,
            created: self.created,
            sign_offs: self.sign_offs,
            unsettled: self.unsettled,
            incidents: self.incidents,
            watch: self.watch,
            plan: self.plan.map(Arc::new),
            reports: self.reports,
            changed: self.changed,
            changed_by: self.changed_by,
        }
    }
}
