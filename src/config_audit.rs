//! The audit entries of changes of the configuration: of the gateway document, of the policy of changes and of the
//! operators, by the user of the process. What was recorded last is in a file beside the store, so that a change made
//! while the process did not run is recorded at the next start.

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

use crate::clock;
use crate::parent_directory::{parent_directory, sync_entry};

/// Name of the file, in the directory of the store.
const FILE_NAME: &str = "audited-config.json";
/// Number of hex digits of a digest, as in revisions.
const DIGITS: usize = 12;
/// Largest number of gates or operators that an entry names.
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
    recorded: Mutex<Option<RecordedConfig>>,
}

/// The configuration that was recorded last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecordedConfig {
    /// Digest of the gateway document and the files that it includes.
    document: String,
    /// Gates with their route and flags: `board: dispatch.v2Board`.
    gates: BTreeSet<String>,
    policy: Map<String, Value>,
    /// Operators by name, with a digest of role, token and expiry each.
    operators: BTreeMap<String, String>,
}

impl ConfigAudit {
    /// Reads what was recorded last for the store in the directory. Without a store, changes are logged only.
    pub(crate) fn new(directory: Option<&Path>) -> Self {
        let path = directory.map(|directory| directory.join(FILE_NAME));
        let text = path.as_ref().and_then(|path| std::fs::read(path).ok());
        Self {
            path,
            recorded: Mutex::new(text.and_then(|text| serde_json::from_slice(&text).ok())),
        }
    }

    /// Records the differences from what was recorded last. `operators` is none if they stay as they are.
    pub(crate) fn record(
        &self,
        control: &Control,
        document: RecordedConfig,
        operators: Option<BTreeMap<String, String>>,
    ) {
        let mut recorded = self.recorded.lock();
        let kept = || recorded.as_ref().map(|former| former.operators.clone());
        let current = RecordedConfig {
            policy: policy_fields(control.policy()),
            operators: operators.or_else(kept).unwrap_or_default(),
            ..document
        };
        self.write(control, &mut recorded, current);
    }

    /// Records other operators; the rest of the configuration is as it was.
    pub(crate) fn record_operators(&self, control: &Control, operators: BTreeMap<String, String>) {
        let mut recorded = self.recorded.lock();
        let Some(former) = recorded.clone() else { return };
        self.write(control, &mut recorded, RecordedConfig { operators, ..former });
    }

    /// Writes the entries of the differences, and then the file. If the entries can't be written, the next call tries
    /// again.
    fn write(&self, control: &Control, recorded: &mut Option<RecordedConfig>, current: RecordedConfig) {
        let differences = current.differences(recorded.as_ref());
        if differences.is_empty() {
            return;
        }
        // Without a store there is no audit log, and at the start nothing to compare with.
        if control.is_read_only() {
            for (event, details) in differences.iter().filter(|_| recorded.is_some()) {
                let (actor, details) = (process_actor(), Value::Object(details.clone()));
                info!(event = event.platform_name(), actor, %details, "the configuration was changed");
            }
            *recorded = Some(current);
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
            warn!("can't record the change of the configuration in the audit log: {error}");
            return;
        }
        if let Some(path) = &self.path
            && let Err(error) = write_file(path, &current)
        {
            warn!("can't write {}: {error}", path.display());
        }
        *recorded = Some(current);
    }
}

impl RecordedConfig {
    /// Returns the part of the configuration that is in the gateway document.
    pub(crate) fn of_document(loaded: &LoadedConfig) -> Self {
        Self {
            document: loaded.digest().to_owned(),
            gates: gates(loaded),
            ..Self::default()
        }
    }

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
        if self.document != before.document || self.gates != before.gates {
            event(
                Event::ConfigChanged,
                [known(before.document.clone()), Some(self.document.clone())],
                &[
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

/// Returns the gates of the document, each as `ROUTE: FLAG, FLAG`.
fn gates(loaded: &LoadedConfig) -> BTreeSet<String> {
    let snapshot = &loaded.snapshot;
    let routes = snapshot.routes.all().iter();
    let gates = routes.filter_map(|route| {
        let gate = route.gate.as_ref()?;
        let flags = gate.flags().iter().filter_map(|id| snapshot.flags.flag(*id));
        let flags: Vec<&str> = flags.map(|flag| flag.key().as_str()).collect();
        let mode = match route.mode {
            GateMode::Shadow => " (shadow)",
            GateMode::Enforce => "",
        };
        Some(format!("{}: {}{mode}", route.name, flags.join(", ")))
    });
    gates.collect()
}

/// Returns the policy as fields of the document.
fn policy_fields(policy: &LifecyclePolicy) -> Map<String, Value> {
    let ga = &policy.ga;
    let fields = [
        ("promotion.soak_ms", json!(policy.soak_ms)),
        ("promotion.ga.tenants", json!(ga.tenants)),
        ("promotion.ga.stable_ms", json!(ga.stable_ms)),
        (
            "promotion.ga.revertible",
            json!(ga.revertible == control::Revertible::Required),
        ),
        ("promotion.ga.sign_offs", json!(ga.sign_offs)),
        ("promotion.ga.errors", json!(ga.errors)),
        ("promotion.ga.errors_window_ms", json!(ga.errors_window_ms)),
        ("max_blast_radius", json!(policy.max_blast_radius)),
    ];
    fields
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

fn named<'n>(names: impl Iterator<Item = &'n String>) -> Value {
    names.take(MAX_NAMED).cloned().collect()
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

/// Writes the file, readable by its owner only, like the store.
fn write_file(path: &Path, recorded: &RecordedConfig) -> std::io::Result<()> {
    let directory = parent_directory(path);
    // Temporary files are readable by their owner only.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    serde_json::to_writer(&mut file, recorded)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_entry(path)
}

#[cfg(test)]
mod tests;
