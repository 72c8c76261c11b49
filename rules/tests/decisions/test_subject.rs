//! Compiles a document as an operator writes it, and decides its flags for subjects.

use std::{fs, path::Path};

use config::{Catalog, Files, FlagsDocument, LoadedFlags};
use rules::{AttributeId, AttributeValue, Decimal, Decision, Eligibility, Subject, Timestamp, decide};
use serde_json::Value as Json;

/// A fixed point in time for cases that don't name one.
pub(crate) const NOON: &str = "2026-11-21T12:00:00Z";

/// Loads the flags and tenants of a document.
pub(crate) fn load(document: &str, eligibility: Eligibility) -> LoadedFlags {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flags.yaml");
    fs::write(&file, document).unwrap();
    load_file(&file, eligibility)
}

/// Loads the flags and tenants of a document as a store has it: with the stages of rollout plans in force.
pub(crate) fn load_stored(document: &str, eligibility: Eligibility) -> LoadedFlags {
    let path = Path::new("flags.yaml");
    let files = Files::Memory([(path.to_owned(), document.as_bytes().to_vec())].into());
    let compiled = FlagsDocument::read_stored(files, path)
        .and_then(|document| Catalog::new(eligibility, document))
        .unwrap_or_else(|report| panic!("{}", report.render(config::Colour::Never)));
    let compiled = compiled.compiled();
    LoadedFlags {
        flags: (*compiled.flags).clone(),
        tenants: (*compiled.tenants).clone(),
        ..load("version: 1", eligibility)
    }
}

fn load_file(file: &Path, eligibility: Eligibility) -> LoadedFlags {
    match config::load_flags(file, eligibility) {
        Ok(loaded) => loaded,
        Err(report) => panic!("{}", report.render(config::Colour::Never)),
    }
}

/// A subject as the spec files write it: `{"tenant", "user", "groups", "attributes", "open_breakers"}`.
#[derive(Debug, Default, Clone)]
pub(crate) struct TestSubject {
    pub(crate) tenant: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) groups: Vec<Box<str>>,
    pub(crate) attributes: Vec<(String, AttributeValue)>,
    /// The keys of the flags whose circuit breaker is open for it.
    pub(crate) open_breakers: Vec<String>,
}

impl TestSubject {
    pub(crate) fn tenant(id: &str) -> Self {
        Self {
            tenant: Some(id.to_owned()),
            ..Self::default()
        }
    }

    /// Returns the subject with another attribute.
    pub(crate) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.attributes.push((name.to_owned(), value));
        self
    }

    pub(crate) fn from_json(subject: &Json) -> Self {
        let text = |field: &str| subject[field].as_str().map(str::to_owned);
        let groups = subject["groups"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|group| group.as_str().unwrap().into());
        let breakers = subject["open_breakers"].as_array().into_iter().flatten();
        let attributes = subject["attributes"].as_object().into_iter().flatten();
        Self {
            tenant: text("tenant"),
            user: text("user"),
            groups: groups.collect(),
            attributes: attributes
                .map(|(name, value)| (name.clone(), value_from_json(value)))
                .collect(),
            open_breakers: breakers.map(|key| key.as_str().unwrap().to_owned()).collect(),
        }
    }

    /// Calls `evaluate` with this subject in the terms of `loaded`.
    pub(crate) fn resolve<T>(&self, loaded: &LoadedFlags, evaluate: impl FnOnce(&Subject<'_>) -> T) -> T {
        let attributes: Vec<(AttributeId, rules::Value<'_>)> = self
            .attributes
            .iter()
            .filter_map(|(name, value)| Some((loaded.flags.attribute_id(name)?, value.as_value())))
            .collect();
        let breakers = self.open_breakers.iter();
        let open_breakers: Vec<_> = breakers.map(|key| loaded.flags.id(key).unwrap()).collect();
        evaluate(&Subject {
            tenant: self.tenant.as_deref(),
            record: self.tenant.as_deref().and_then(|id| loaded.tenants.find(id)),
            user: self.user.as_deref(),
            groups: &self.groups,
            attributes: &attributes,
            open_breakers: &open_breakers,
        })
    }

    /// Decides `flag` at `now`.
    pub(crate) fn decide(&self, loaded: &LoadedFlags, flag: &str, now: Timestamp) -> Decision {
        let id = loaded.flags.id(flag).unwrap();
        self.resolve(loaded, |subject| decide(&loaded.flags, id, subject, now))
    }

    /// Returns the name of the variant that `flag` serves at noon.
    pub(crate) fn variant<'l>(&self, loaded: &'l LoadedFlags, flag: &str) -> &'l str {
        let decision = self.decide(loaded, flag, Timestamp::parse(NOON).unwrap());
        let flag = loaded.flags.flag(loaded.flags.id(flag).unwrap()).unwrap();
        &flag.variant(decision.variant).unwrap().name
    }
}

fn value_from_json(value: &Json) -> AttributeValue {
    match value {
        Json::String(text) => text.as_str().into(),
        Json::Number(number) => Decimal::parse(number.as_str()).unwrap().into(),
        Json::Bool(boolean) => (*boolean).into(),
        Json::Array(items) => items.iter().map(|item| item.as_str().unwrap()).collect(),
        Json::Null | Json::Object(_) => panic!("{value} is no attribute"),
    }
}
