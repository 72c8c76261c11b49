//! The audit entries of changes of the configuration: of the gateway document, of the policy of changes and of the
//! operators, by the user of the process. What was recorded last is in a file beside the store, so that a change made
//! while the process did not run is recorded at the next start. The file names the entry of the log that it was written
//! with: if the log does not have it, such as after the restore of an older store, the file does not count.

mod recorded_file;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use config::LoadedConfig;
use control::operators::Known;
use control::{ChangeSource, Control, Entry, Event, LifecyclePolicy};
use parking_lot::Mutex;
use rules::GateMode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tracing::{info, warn};

use self::recorded_file::{DIGITS, RecordedFile, VariablesKey};
use crate::clock;
use crate::environment;

/// Largest number of gates, variables or operators in one list of an entry.
const MAX_NAMED: usize = 1_000;
/// Request id of the entries.
const REQUEST_ID: &str = "config";

/// Returns the actor of what the user of this process does without the admin API: `uid:1000`.
pub(crate) fn process_actor() -> String {
    format!("uid:{}", rustix::process::getuid().as_raw())
}

/// The recorder of changes of the configuration.
pub(crate) struct ConfigAudit {
    /// Path of the file; none without a store.
    path: Option<PathBuf>,
    key: VariablesKey,
    state: Mutex<AuditState>,
}

#[derive(Default)]
struct AuditState {
    /// The configuration that was recorded last.
    recorded: Option<RecordedConfig>,
    /// A newer configuration whose entries could not be written.
    unrecorded: Option<RecordedConfig>,
}

/// A configuration as it is recorded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecordedConfig {
    /// Digest of the gateway document and the files that it includes.
    document: String,
    /// The environment variables that the document uses, with a keyed digest of the value of each: it may be a secret.
    variables: BTreeMap<String, String>,
    /// Gates with route and condition: `board /board/**: dispatch.v2Board`.
    gates: BTreeSet<String>,
    policy: Map<String, Value>,
    /// Operators by name, with a digest of role, token and expiry each.
    operators: BTreeMap<String, String>,
}

impl ConfigAudit {
    /// Reads what was recorded last for the store in the directory. Without a store, changes are logged only.
    pub(crate) fn new(directory: Option<&Path>, control: &Control) -> Self {
        let path = directory.map(recorded_file::path);
        let file = path.as_deref().and_then(|path| RecordedFile::read(path, control));
        let (key, recorded) = match file {
            Some(file) => (file.key, Some(file.config)),
            None => (VariablesKey::random(), None),
        };
        Self {
            path,
            key,
            state: Mutex::new(AuditState {
                recorded,
                unrecorded: None,
            }),
        }
    }

    /// Returns the part of the configuration that is in the gateway document and its environment.
    pub(crate) fn of_document(&self, loaded: &LoadedConfig) -> RecordedConfig {
        let variables = loaded.variables().iter();
        let variables = variables.filter_map(|name| {
            let value = environment::variable(name)?;
            Some((name.clone(), self.key.digest(&value)))
        });
        RecordedConfig {
            document: loaded.digest().to_owned(),
            variables: variables.collect(),
            gates: gates(loaded),
            ..RecordedConfig::default()
        }
    }

    /// Records the differences from what was recorded last. `operators` is none if they stay as they are.
    pub(crate) fn record(
        &self,
        control: &Control,
        document: RecordedConfig,
        operators: Option<BTreeMap<String, String>>,
    ) {
        let mut state = self.state.lock();
        let kept = || state.newest().map(|former| former.operators.clone());
        let current = RecordedConfig {
            policy: policy_fields(control.policy()),
            operators: operators.or_else(kept).unwrap_or_default(),
            ..document
        };
        self.write(control, &mut state, current);
    }

    /// Records other operators; the rest of the configuration is as it was.
    pub(crate) fn record_operators(&self, control: &Control, operators: BTreeMap<String, String>) {
        let mut state = self.state.lock();
        let Some(former) = state.newest().cloned() else {
            return;
        };
        self.write(control, &mut state, RecordedConfig { operators, ..former });
    }

    /// Writes the entries again that could not be written, if there are any. Called periodically.
    pub(crate) fn retry(&self, control: &Control) {
        let mut state = self.state.lock();
        if let Some(current) = state.unrecorded.clone() {
            self.write(control, &mut state, current);
        }
    }

    /// Writes the entries of the differences, and then the file. If the entries can't be written, [`Self::retry`] tries
    /// again.
    fn write(&self, control: &Control, state: &mut AuditState, current: RecordedConfig) {
        let differences = current.differences(state.recorded.as_ref());
        let was_unrecorded = state.unrecorded.take().is_some();
        if differences.is_empty() {
            return;
        }
        // Without a store there is no audit log, and at the start nothing to compare with.
        if control.is_read_only() {
            for (event, details) in differences.iter().filter(|_| state.recorded.is_some()) {
                let (actor, details) = (process_actor(), Value::Object(details.clone()));
                info!(event = event.platform_name(), actor, %details, "the configuration was changed");
            }
            state.recorded = Some(current);
            return;
        }
        let entries = differences.into_iter().map(|(event, details)| Entry {
            details,
            ..Entry::new(
                clock::now(),
                event,
                ChangeSource::File,
                process_actor(),
                REQUEST_ID.to_owned(),
            )
        });
        if let Err(error) = control.record(entries.collect()) {
            // Once, and not at each retry.
            if !was_unrecorded {
                warn!(
                    "can't record the change of the configuration in the audit log, which is tried again: {error}"
                );
            }
            state.unrecorded = Some(current);
            return;
        }
        if let Some(path) = &self.path
            && let Err(error) = RecordedFile::write(path, &self.key, current.clone(), control)
        {
            warn!("can't write {}: {error}", path.display());
        }
        state.recorded = Some(current);
    }
}

impl AuditState {
    fn newest(&self) -> Option<&RecordedConfig> {
        self.unrecorded.as_ref().or(self.recorded.as_ref())
    }
}

impl RecordedConfig {
    /// Returns the events of the differences from the former configuration, with their details. Without a former one,
    /// everything is new.
    fn differences(&self, former: Option<&Self>) -> Vec<(Event, Map<String, Value>)> {
        let empty = Self::default();
        let before = former.unwrap_or(&empty);
        let mut events = Vec::new();
        let mut event = |event: Event, digests: [Option<String>; 2], more: &[(&str, Value)]| {
            let [before, after] = digests;
            let mut details = Map::new();
            details.insert("before".to_owned(), before.into());
            details.insert("after".to_owned(), after.into());
            let more = more.iter().filter(|(_, value)| is_filled(value));
            details.extend(more.map(|(name, value)| ((*name).to_owned(), value.clone())));
            events.push((event, details));
        };
        let known = |digest: String| former.is_some().then_some(digest);
        let is_same = |is: &Self| {
            (&is.document, &is.variables, &is.gates) == (&before.document, &before.variables, &before.gates)
        };
        if !is_same(self) {
            event(
                Event::ConfigChanged,
                [known(before.document.clone()), Some(self.document.clone())],
                &[
                    (
                        "variables",
                        named(changed_names(&before.variables, &self.variables).iter()),
                    ),
                    ("gates_added", named(self.gates.difference(&before.gates))),
                    ("gates_removed", named(before.gates.difference(&self.gates))),
                ],
            );
        }
        if self.policy != before.policy {
            let changed = |from: &Map<String, Value>, to: &Map<String, Value>| {
                let fields = from.iter().filter(|(field, value)| to.get(*field) != Some(value));
                Value::Object(
                    fields
                        .map(|(field, value)| (field.clone(), value.clone()))
                        .collect(),
                )
            };
            event(
                Event::PolicyChanged,
                [known(digest_of(&before.policy)), Some(digest_of(&self.policy))],
                &[
                    ("fields_before", changed(&before.policy, &self.policy)),
                    ("fields_after", changed(&self.policy, &before.policy)),
                ],
            );
        }
        if self.operators != before.operators {
            let is_new = |name: &&String| !before.operators.contains_key(*name);
            let is_gone = |name: &&String| !self.operators.contains_key(*name);
            let is_other = |(name, digest): &(&String, &String)| {
                before
                    .operators
                    .get(*name)
                    .is_some_and(|before| before != *digest)
            };
            event(
                Event::OperatorsChanged,
                [
                    known(digest_of(&before.operators)),
                    Some(digest_of(&self.operators)),
                ],
                &[
                    ("added", named(self.operators.keys().filter(is_new))),
                    ("removed", named(before.operators.keys().filter(is_gone))),
                    (
                        "changed",
                        named(self.operators.iter().filter(is_other).map(|(name, _)| name)),
                    ),
                ],
            );
        }
        events
    }
}

/// Returns the operators by name, with a digest of everything else about them. Without operators there is one entry,
/// for every user of the machine.
pub(crate) fn operator_digests(known: Option<&Known>) -> BTreeMap<String, String> {
    let Some(known) = known else {
        return BTreeMap::from([("local".to_owned(), digest_of(&"every user of this machine"))]);
    };
    let tokens = known.tokens.iter().map(|token| {
        let expires = token.expires.map(|expires| expires.0);
        let parts = json!([token.role.as_str(), token.org, token.hash.to_string(), expires]);
        (token.name.clone(), digest_of(&parts))
    });
    let issuer = known.issuer.iter().map(|issuer| {
        let roles = issuer.roles.iter();
        let roles: Vec<_> = roles.map(|(value, role)| json!([value, role.as_str()])).collect();
        (format!("oidc:{}", issuer.issuer), digest_of(&roles))
    });
    tokens.chain(issuer).collect()
}

/// Returns the names whose digests differ, or that only one of the maps has.
fn changed_names(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> BTreeSet<String> {
    let names = before.keys().chain(after.keys());
    let changed = names.filter(|name| before.get(*name) != after.get(*name));
    changed.cloned().collect()
}

/// Returns the gates of the document, each as `ROUTE HOST PATH METHODS: CONDITION`, without a host or methods that match
/// all.
fn gates(loaded: &LoadedConfig) -> BTreeSet<String> {
    let snapshot = &loaded.snapshot;
    let routes = snapshot.routes.all().iter();
    let gates = routes
        .zip(snapshot.routes.table().routes())
        .filter_map(|(route, conditions)| {
            let condition = route.gate.as_ref()?.describe(&snapshot.flags);
            let mut text = route.name.to_string();
            let path = conditions.path.to_string();
            for part in [conditions.host.to_string(), path, conditions.methods.to_string()] {
                if part != "*" {
                    text.push(' ');
                    text.push_str(&part);
                }
            }
            let mode = match route.mode {
                GateMode::Shadow => " (shadow)",
                GateMode::Enforce => "",
            };
            Some(format!("{text}: {condition}{mode}"))
        });
    gates.collect()
}

/// Returns the policy as fields of the document.
fn policy_fields(policy: &LifecyclePolicy) -> Map<String, Value> {
    let (beta, ga) = (&policy.beta, &policy.ga);
    let fields = [
        ("promotion.soak_ms", json!(policy.soak_ms)),
        ("promotion.ga.tenants", json!(ga.tenants)),
        ("promotion.ga.stable_ms", json!(ga.stable_ms)),
        (
            "promotion.ga.revertible",
            json!(ga.revertible == control::Revertible::Required),
        ),
        ("promotion.ga.soak_ms", json!(ga.soak_ms)),
        ("promotion.ga.tenant_age_ms", json!(ga.tenant_age_ms)),
        ("promotion.ga.sign_offs", sign_offs(&ga.sign_offs)),
        ("promotion.ga.errors", json!(ga.errors.allowed)),
        ("promotion.ga.errors_window_ms", json!(ga.errors.window_ms)),
        ("promotion.beta.soak_ms", json!(beta.soak_ms)),
        ("promotion.beta.sign_offs", sign_offs(&beta.sign_offs)),
        ("promotion.beta.errors", json!(beta.errors.allowed)),
        ("promotion.beta.errors_window_ms", json!(beta.errors.window_ms)),
        ("promotion.retired.soak_ms", json!(policy.retired_soak_ms)),
        ("promotion.watch_ms", json!(policy.watch_ms)),
        (
            "promotion.urgent.never_skip",
            policy
                .urgent
                .never_skipped
                .iter()
                .map(|code| Value::from(code.as_str()))
                .collect(),
        ),
        (
            "promotion.urgent.skip_states",
            json!(policy.urgent.states == control::StateOrder::MaySkip),
        ),
        ("max_blast_radius", json!(policy.max_blast_radius)),
    ];
    fields
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

/// Returns required sign-offs as in the document: roles, or roles with their signers.
fn sign_offs(required: &[control::RequiredSignOff]) -> Value {
    let roles = required.iter().map(|required| {
        let signers = required.signers.as_ref();
        let signers = signers.map(|signers| signers.iter().map(control::Signer::shown).collect::<Vec<_>>());
        match signers {
            None => json!(required.role),
            Some(signers) => json!({ (required.role.clone()): signers }),
        }
    });
    roles.collect()
}

/// Returns a list of names. The last item of a list that is too long says how many more there are.
fn named<'n>(names: impl Iterator<Item = &'n String>) -> Value {
    let mut names = names.cloned();
    let mut listed: Vec<String> = names.by_ref().take(MAX_NAMED).collect();
    let more = names.count();
    if more > 0 {
        listed.push(format!("and {more} more"));
    }
    listed.into()
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}

/// Returns the first digits of SHA-256 over the JSON text of a value.
fn digest_of(value: &impl Serialize) -> String {
    let text = serde_json::to_vec(value).unwrap_or_default();
    let digest = digest(&SHA256, &text);
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<String>().chars().take(DIGITS).collect()
}

#[cfg(test)]
mod tests;
