//! The sections of a document that is to be applied, as far as parting them takes: the rest of what is wrong with
//! them is found out when they are compiled.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::refusal::{Code, Refusal};
use crate::state::VERSION;

/// Flags by key.
pub(super) type Flags<'d> = BTreeMap<&'d str, &'d Map<String, Value>>;

/// The sections of a document.
pub(super) struct Sections<'d> {
    pub(super) head: Map<String, Value>,
    pub(super) segments: &'d Map<String, Value>,
    pub(super) flags: Flags<'d>,
    pub(super) tenants: &'d Map<String, Value>,
}

type Fits = fn(&Value) -> bool;

/// What fields that operators own must be, for a state to hold them.
const OWNED: [(&str, &str, Fits); 4] = [
    ("lifecycle", "a text", Value::is_string),
    ("enabled", "true or false", Value::is_boolean),
    ("tiers", "a mapping", Value::is_object),
    ("rollout", "a mapping", Value::is_object),
];

static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

impl<'d> Sections<'d> {
    /// # Errors
    /// Everything that can't be parted.
    pub(super) fn read(document: &'d Value) -> Result<Self, Vec<Refusal>> {
        let Some(fields) = document.as_object() else {
            return Err(vec![invalid("a flags document is a mapping".into())]);
        };
        let mut problems = Vec::new();
        if fields.get("version").and_then(Value::as_u64) != Some(VERSION) {
            problems.push(invalid(format!("a flags document says `version: {VERSION}`")));
        }
        let mut section = |name: &str| match fields.get(name) {
            None => &*NOTHING,
            Some(section) => section.as_object().unwrap_or_else(|| {
                problems.push(invalid(format!("`{name}` is no mapping")));
                &*NOTHING
            }),
        };
        let (segments, written, tenants) = (section("segments"), section("flags"), section("tenants"));
        let mut flags = Flags::new();
        for (key, flag) in written {
            let Some(flag) = flag.as_object() else {
                problems.push(invalid(format!("flag `{key}` is no mapping")));
                continue;
            };
            for (field, form, fits) in OWNED {
                if flag.get(field).is_some_and(|value| !fits(value)) {
                    problems.push(invalid(format!("`{field}` of flag `{key}` is {form}")));
                }
            }
            flags.insert(key, flag);
        }
        let records = [("segment", segments), ("tenant", tenants)];
        for (what, parts) in records {
            let wrong = parts.iter().filter(|(_, part)| !part.is_object());
            problems.extend(wrong.map(|(name, _)| invalid(format!("{what} `{name}` is no mapping"))));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let parts = ["version", "segments", "flags", "tenants"];
        let head = fields.iter().filter(|(name, _)| !parts.contains(&name.as_str()));
        Ok(Self {
            head: head.map(|(name, value)| (name.clone(), value.clone())).collect(),
            segments,
            flags,
            tenants,
        })
    }
}

fn invalid(detail: String) -> Refusal {
    Refusal::new(Code::InvalidDocument, detail)
}
