//! Brings a flags document in: what documents own is replaced, what operators own of known flags and tenants is left
//! alone, what is new begins as the document says but for its lifecycle.

mod sections;
mod signed;

use std::collections::BTreeSet;

use rules::Lifecycle;
use serde_json::{Map, Value};

use self::sections::Sections;
use super::Facts;
use super::definition::Definition;
use super::difference::{Difference, Section, fields};
use super::making::{About, Making};
use super::tenant;
use crate::audit::{Event, Outcome};
use crate::flag_state::FlagState;
use crate::refusal::{Code, Refusal};
use crate::state::record_of;
use crate::store::{Key, Write};

/// What becomes of flags and segments that the document leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// They stay.
    Kept,
    /// They are removed, and tenants' words of them.
    Removed,
}

/// How far a flag is that is new.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// At the beginning, whatever is written.
    Alpha,
    /// Where the document says.
    AsWritten,
}

pub(super) fn apply(
    making: &mut Making<'_>,
    document: &Value,
    (rest, start): (Rest, Start),
    facts: &dyn Facts,
) -> Result<(), Vec<Refusal>> {
    let sections = Sections::read(document)?;
    let mut applied = Applied {
        making,
        rest,
        start,
        difference: Difference::default(),
        shared: Vec::new(),
        reached: BTreeSet::new(),
        refusals: Vec::new(),
    };
    applied.head(&sections.head);
    applied.segments(sections.segments);
    applied.reached = signed::reached(applied.making.state, &applied.shared);
    for (key, flag) in &sections.flags {
        applied.flag(key, flag);
    }
    if rest == Rest::Kept {
        applied.unsign_rest(&sections.flags);
    }
    for (id, record) in sections.tenants {
        applied.tenant(id, record);
    }
    if rest == Rest::Removed {
        applied.remove_flags(&sections.flags, facts);
    }
    if !applied.refusals.is_empty() {
        return Err(applied.refusals);
    }
    applied.finish();
    Ok(())
}

/// A document on its way in.
struct Applied<'m, 'a> {
    making: &'m mut Making<'a>,
    rest: Rest,
    start: Start,
    difference: Difference,
    /// What belongs to no flag and no tenant.
    shared: Vec<Write>,
    /// The flags with sign-offs whose segments are others.
    reached: BTreeSet<String>,
    /// What stands against it.
    refusals: Vec<Refusal>,
}

impl Applied<'_, '_> {
    fn head(&mut self, written: &Map<String, Value>) {
        let before = &self.making.state.head;
        let mut head = match (self.rest, before.as_object()) {
            (Rest::Kept, Some(before)) => before.clone(),
            _ => Map::new(),
        };
        head.extend(written.clone());
        let after = Value::Object(head);
        self.difference.changed(Section::Head, "", fields(before, &after));
        self.shared.push(Write {
            key: Key::Head,
            value: Some(after),
        });
    }

    fn segments(&mut self, written: &Map<String, Value>) {
        let before = &self.making.state.segments;
        for (name, segment) in written {
            match before.get(name) {
                None => self.difference.added(Section::Segment, name),
                Some(before) => self
                    .difference
                    .changed(Section::Segment, name, fields(before, segment)),
            }
            self.share(name, Some(segment.clone()));
        }
        if self.rest == Rest::Removed {
            for name in before.keys().filter(|name| !written.contains_key(*name)) {
                self.difference.removed(Section::Segment, name);
                self.share(name, None);
            }
        }
    }

    fn share(&mut self, name: &str, value: Option<Value>) {
        let key = Key::Segment(name.to_owned());
        self.shared.push(Write { key, value });
    }

    fn flag(&mut self, key: &str, written: &Map<String, Value>) {
        let known = self.making.flag(key).ok();
        if let Some((before, state)) = known
            && is_same(written, before)
            && is_of_kind(state, Definition(before))
            && !self.reached.contains(key)
        {
            // Most flags of a document are what they were, and a document may have thousands.
            self.kept_flag(key, written, (Definition(before), state));
            return;
        }
        let mut definition = written.clone();
        for field in FlagState::OWNED {
            definition.shift_remove(field);
        }
        let (definition, state) = match known {
            None => self.new_flag(key, written, definition),
            Some((before, state)) => {
                let definition = with_default(definition, before, state);
                self.refusals
                    .extend(unfinished(key, Definition(&definition), state));
                let mut after = of_kind(state, Definition(&definition), self.making);
                let mut changed = fields(before, &definition);
                if self.reached.contains(key) || signed::is_other(before, &definition) {
                    self.unsign(&mut after, &mut changed);
                }
                self.difference.changed(Section::Flag, key, changed);
                let left = left_alone(written, Definition(&definition), state);
                self.difference.left_alone(Section::Flag, key, left);
                (definition, after)
            }
        };
        let writes = [
            (Key::Definition(key.into()), definition),
            (Key::State(key.into()), record_of(&state)),
        ];
        let writes = writes.into_iter().map(|(key, value)| Write {
            key,
            value: Some(value),
        });
        let about = About {
            flag: Some(key),
            ..About::default()
        };
        self.making.write(Event::DocumentApplied, about, writes.collect());
        let lifecycle = state.lifecycle().unwrap_or_default();
        if known.is_none() && lifecycle > Lifecycle::Alpha {
            self.making.remember_adopted(key, lifecycle);
        }
    }

    /// Takes the sign-offs of a flag back, and tells it.
    fn unsign(&self, state: &mut FlagState, changed: &mut Vec<String>) {
        if !state.sign_offs.is_empty() {
            let sign_offs = Vec::new();
            *state = self.making.stamped(FlagState {
                sign_offs,
                ..state.clone()
            });
            changed.push("sign_offs".to_owned());
        }
    }

    /// Those of flags that the document leaves out, and whose segments it writes.
    fn unsign_rest(&mut self, written: &sections::Flags<'_>) {
        let reached = std::mem::take(&mut self.reached);
        for key in reached.iter().filter(|key| !written.contains_key(key.as_str())) {
            let Some(mut after) = self.making.state.states.get(key).cloned() else {
                continue;
            };
            let mut changed = Vec::new();
            self.unsign(&mut after, &mut changed);
            self.difference.changed(Section::Flag, key, changed);
            self.making
                .write_state(Event::DocumentApplied, key, after, Map::new());
        }
    }

    /// A flag of which the definition is what it was.
    fn kept_flag(
        &mut self,
        key: &str,
        written: &Map<String, Value>,
        (definition, state): (Definition<'_>, &FlagState),
    ) {
        let left = left_alone(written, definition, state);
        self.difference.left_alone(Section::Flag, key, left);
    }

    fn new_flag(
        &mut self,
        key: &str,
        written: &Map<String, Value>,
        definition: Map<String, Value>,
    ) -> (Value, FlagState) {
        self.difference.added(Section::Flag, key);
        let definition = Value::Object(definition);
        let lifecycle = written
            .get("lifecycle")
            .and_then(Value::as_str)
            .map(lifecycle_name);
        let lifecycle = match (Definition(&definition).kind().has_lifecycle(), self.start) {
            (true, Start::AsWritten) => lifecycle.or(Some("alpha")),
            (true, Start::Alpha) => {
                let is_further = lifecycle.is_some_and(|written| written != "alpha");
                let left = is_further.then(|| "lifecycle".to_owned());
                self.difference
                    .left_alone(Section::Flag, key, left.into_iter().collect());
                Some("alpha")
            }
            (false, _) => lifecycle,
        };
        let tiers = written.get("tiers").and_then(Value::as_object);
        let at = self.making.at();
        let state = FlagState {
            lifecycle: lifecycle.map(str::to_owned),
            since: at,
            created: at,
            enabled: written.get("enabled") != Some(&Value::Bool(false)),
            default: None,
            tiers: tiers
                .map(|tiers| by_name(tiers, Definition(&definition)))
                .unwrap_or_default(),
            rollout: written.get("rollout").cloned(),
            sign_offs: Vec::new(),
            unsettled: None,
            changed: at,
            changed_by: self.making.request.actor.name.clone(),
        };
        (definition, state)
    }

    fn tenant(&mut self, id: &str, record: &Value) {
        if let Some(before) = self.making.state.tenants.get(id) {
            self.difference
                .left_alone(Section::Tenant, id, fields(before, record));
            return;
        }
        self.difference.added(Section::Tenant, id);
        self.making
            .write_tenant(Event::TenantChanged, id, None, Some(record.clone()));
    }

    fn remove_flags(&mut self, written: &sections::Flags<'_>, facts: &dyn Facts) {
        let state = self.making.state;
        let removed = state.definitions.keys().map(String::as_str);
        let removed: BTreeSet<&str> = removed.filter(|key| !written.contains_key(key)).collect();
        for &key in &removed {
            self.difference.removed(Section::Flag, key);
            let keys = [Key::Definition(key.to_owned()), Key::State(key.to_owned())];
            let writes = keys.into_iter().map(|key| Write { key, value: None });
            let about = About {
                flag: Some(key),
                ..About::default()
            };
            self.making.write(Event::DocumentApplied, about, writes.collect());
        }
        if removed.is_empty() {
            return;
        }
        let naming = facts.tenants_naming(&removed).map(BTreeSet::from_iter);
        let records: Vec<_> = match &naming {
            Some(ids) => ids
                .iter()
                .filter_map(|id| state.tenants.get_key_value(id))
                .collect(),
            None => state.tenants.iter().collect(),
        };
        for (id, before) in records {
            if let Some(after) = tenant::without(before, &removed) {
                self.difference
                    .changed(Section::Tenant, id, fields(before, &after));
                self.making
                    .write_tenant(Event::TenantChanged, id, None, Some(after));
            }
        }
    }

    fn finish(self) {
        let details = self.difference.counts();
        let about = About {
            details: details.clone(),
            ..About::default()
        };
        let before = self.making.plan.audit.len();
        self.making.write(Event::DocumentApplied, about, self.shared);
        let is_told = self.making.plan.audit.len() > before;
        if !is_told && !self.making.plan.writes.is_empty() {
            self.making
                .remember(Event::DocumentApplied, Outcome::Applied, details);
        }
        self.making.summary().document = Some(self.difference);
    }
}

/// Whether a document writes the definition as it is.
fn is_same(written: &Map<String, Value>, definition: &Value) -> bool {
    let Some(definition) = definition.as_object() else {
        return false;
    };
    let mut count = 0_usize;
    let mut documents = written
        .iter()
        .filter(|(field, _)| !FlagState::OWNED.contains(&field.as_str()));
    let same = documents.all(|(field, value)| {
        count = count.saturating_add(1);
        definition.get(field) == Some(value)
    });
    same && count == definition.len()
}

/// The definition, but with the default that it had, where it repeats the one that a promotion has set over it: so
/// that a document that was exported changes nothing.
fn with_default(mut definition: Map<String, Value>, before: &Value, state: &FlagState) -> Value {
    let repeats = state.default.is_some() && definition.get("default") == state.default.as_ref();
    if repeats {
        match before.get("default") {
            Some(default) => drop(definition.insert("default".into(), default.clone())),
            None => drop(definition.shift_remove("default")),
        }
    }
    Value::Object(definition)
}

/// The fields that operators own and that the document writes otherwise than they are.
fn left_alone(written: &Map<String, Value>, definition: Definition<'_>, state: &FlagState) -> Vec<String> {
    let differs = |field: &&str| {
        let Some(value) = written.get(*field) else {
            return false;
        };
        match *field {
            "lifecycle" => value.as_str().map(lifecycle_name) != state.lifecycle.as_deref(),
            "enabled" => *value != state.enabled,
            "tiers" => {
                value.as_object().map(|tiers| by_name(tiers, definition)).as_ref() != Some(&state.tiers)
            }
            _ => Some(value) != state.rollout.as_ref(),
        }
    };
    let fields = FlagState::OWNED.iter().filter(|field| differs(field));
    fields.map(|field| (*field).to_owned()).collect()
}

/// Why the flag can't be of a kind without a lifecycle yet: alpha or beta, it would be on for those whom only a
/// promotion may give it to; retired, it could be neither killed nor taken back.
fn unfinished(key: &str, after: Definition<'_>, state: &FlagState) -> Option<Refusal> {
    let from = state.lifecycle().filter(|from| *from != Lifecycle::Ga)?;
    let kind = after.kind();
    (!kind.has_lifecycle()).then(|| {
        let (why, cure) = if from == Lifecycle::Retired {
            (
                "nothing could take it back any more",
                "revert it to ga first, or remove it",
            )
        } else {
            (
                "ga is skipped",
                "promote it to ga first, urgently if it can't wait",
            )
        };
        let detail = format!("{key} is {from}; of kind {kind} it would have no lifecycle, and {why}");
        Refusal::new(Code::StateSkipped, detail)
            .cure(cure)
            .fact("flag", key)
            .fact("from", from.as_str())
            .fact("kind", kind.as_str())
    })
}

/// Whether the flag is in a lifecycle if its kind has one, and in none otherwise.
fn is_of_kind(state: &FlagState, definition: Definition<'_>) -> bool {
    state.lifecycle.is_some() == definition.kind().has_lifecycle()
}

/// The state of a flag whose kind may have changed: it begins a lifecycle, or ends it.
fn of_kind(state: &FlagState, definition: Definition<'_>, making: &Making<'_>) -> FlagState {
    if is_of_kind(state, definition) {
        return state.clone();
    }
    let lifecycle = definition.kind().has_lifecycle().then(|| "alpha".to_owned());
    let since = making.at();
    making.stamped(FlagState {
        lifecycle,
        since,
        ..state.clone()
    })
}

fn by_name(tiers: &Map<String, Value>, definition: Definition<'_>) -> Map<String, Value> {
    let tiers = tiers.iter();
    tiers
        .map(|(tier, variant)| (tier.clone(), definition.variant(variant)))
        .collect()
}

fn lifecycle_name(written: &str) -> &str {
    if written == "dev" { "alpha" } else { written }
}
