//! The company of the demo: writes its flags, its tenants and the changes of its last weeks to an empty store. Every change
//! goes through the control plane, as one of an operator does; only its time is an argument.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, ensure};
use config::{Compiled, Files, FlagsDocument};
use control::{
    Actor, Change, ChangeSource, Control, Fit, FlagObservation, GaDefault, History, LifecyclePolicy, Observe,
    Opened, Publish, PublishError, Request, Revision, Role, SqliteStore,
};
use rules::{Eligibility, Lifecycle, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::control_plane::OBSERVATIONS_FILE;
use crate::operators;
use crate::startup::rejection_text;

/// The flags and tenants at the first day.
pub(super) const FLAGS: &str = include_str!("company/flags.yaml");
/// The changes since the first day.
const HISTORY: &str = include_str!("company/history.yaml");
/// The tenants that the demo prints commands for. The traffic of the company leaves them out.
pub(super) const TRIED: [&str; 4] = ["acme", "globex", "initech", "umbrella"];

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// The form of `history.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chronicle {
    first_day: String,
    people: BTreeMap<String, Person>,
    changes: Vec<PastChange>,
}

/// A person, by the name in the audit log.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    role: Role,
    org: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PastChange {
    at: String,
    by: String,
    reason: Option<String>,
    #[serde(rename = "do")]
    act: Act,
}

/// A change, in the terms of the admin API.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Act {
    Allow {
        tenant: String,
        flag: String,
    },
    Disallow {
        tenant: String,
        flag: String,
    },
    OptIn {
        tenant: String,
        flag: String,
    },
    OptOut {
        tenant: String,
        flag: String,
    },
    SetOverride {
        tenant: String,
        flag: String,
        variant: Option<Value>,
    },
    PatchTenant {
        tenant: String,
        patch: Value,
    },
    SetTiers {
        flag: String,
        tiers: Map<String, Value>,
    },
    SetRollout {
        flag: String,
        rollout: Value,
    },
    SignOff {
        flag: String,
        role: String,
    },
    Promote {
        flag: String,
        to: String,
        #[serde(default)]
        keep_defaults: bool,
    },
    Kill {
        flag: String,
    },
    Restore {
        flag: String,
    },
    OpenIncident {
        flag: String,
        incident: String,
    },
    Report {
        flag: String,
        org: String,
        cause: String,
        ticket: Option<String>,
    },
    SetPlan {
        flag: String,
        plan: Value,
    },
    ApprovePlan {
        flag: String,
        role: String,
    },
    CheckPlanItem {
        flag: String,
        item: String,
    },
    StartRollout {
        flag: String,
    },
    AdvanceRollout {
        flag: String,
    },
}

impl Act {
    fn change(self) -> Result<Change> {
        Ok(match self {
            Self::Allow { tenant, flag } => Change::Allow { org: tenant, flag },
            Self::Disallow { tenant, flag } => Change::Disallow { org: tenant, flag },
            Self::OptIn { tenant, flag } => Change::OptIn { org: tenant, flag },
            Self::OptOut { tenant, flag } => Change::OptOut { org: tenant, flag },
            Self::SetOverride {
                tenant,
                flag,
                variant,
            } => Change::SetOverride {
                org: tenant,
                flag,
                variant,
            },
            Self::PatchTenant { tenant, patch } => Change::PatchTenant { org: tenant, patch },
            Self::SetTiers { flag, tiers } => Change::SetTiers { flag, tiers },
            Self::SetRollout { flag, rollout } => Change::SetRollout {
                flag,
                rollout: Some(rollout),
            },
            Self::SignOff { flag, role } => Change::SignOff { flag, as_role: role },
            Self::Promote {
                flag,
                to,
                keep_defaults,
            } => Change::SetState {
                flag,
                to: Lifecycle::ALL
                    .into_iter()
                    .find(|state| state.as_str() == to)
                    .with_context(|| format!("no lifecycle is called {to}"))?,
                cascade: false,
                ga_default: if keep_defaults {
                    GaDefault::Tiers
                } else {
                    GaDefault::On
                },
                urgent: None,
            },
            Self::Kill { flag } => Change::Kill { flag },
            Self::Restore { flag } => Change::Restore { flag },
            Self::OpenIncident { flag, incident } => Change::OpenIncident { flag, incident },
            Self::Report {
                flag,
                org,
                cause,
                ticket,
            } => Change::Report {
                flag,
                org,
                cause,
                ticket,
                text: None,
            },
            Self::SetPlan { flag, plan } => Change::SetPlan { flag, plan },
            Self::ApprovePlan { flag, role } => Change::ApprovePlan { flag, as_role: role },
            Self::CheckPlanItem { flag, item } => Change::CheckPlanItem {
                flag,
                item,
                is_done: true,
            },
            Self::StartRollout { flag } => Change::StartRollout { flag },
            Self::AdvanceRollout { flag } => Change::AdvanceRollout {
                flag,
                evidence: Vec::new(),
            },
        })
    }
}

/// Creates the store of the company in `directory`, which must not exist, as of `now`. `changes` is the policy of the
/// gateway document.
///
/// # Errors
/// The store can't be written, or a change of the chronicle is rejected.
pub(super) fn found(
    directory: &Path,
    eligibility: Eligibility,
    changes: &config::ChangePolicy,
    now: Timestamp,
) -> Result<()> {
    // Renamed at the end, so that a demo that is ended meanwhile leaves no half of a company.
    let aside = aside(directory);
    if aside.exists() {
        fs::remove_dir_all(&aside).with_context(|| format!("can't remove {}", aside.display()))?;
    }
    write(&aside, eligibility, changes, now)?;
    fs::rename(&aside, directory).with_context(|| format!("can't create {}", directory.display()))
}

fn aside(directory: &Path) -> PathBuf {
    directory.with_extension("new")
}

fn write(
    directory: &Path,
    eligibility: Eligibility,
    changes: &config::ChangePolicy,
    now: Timestamp,
) -> Result<()> {
    let chronicle: Chronicle = {
        let value =
            config::yaml_value("history.yaml", HISTORY.as_bytes()).map_err(|report| anyhow!("{report}"))?;
        serde_json::from_value(value).context("history.yaml")?
    };
    let files = Files::Memory([("flags.yaml".into(), FLAGS.as_bytes().to_vec())].into());
    let document =
        FlagsDocument::read(files, Path::new("flags.yaml")).map_err(|report| anyhow!("{report}"))?;
    let policy = past_policy(operators::policy(changes));
    let first_day = moment(&chronicle.first_day, now)?;
    let store = SqliteStore::open(directory).context("the store of the company")?;
    let opened = Opened::read(Arc::new(store), eligibility)?
        .seeded(document, first_day, &policy, true)
        .map_err(|rejected| anyhow!("flags.yaml: {}", rejection_text(&rejected)))?
        .commit_seed()?;
    let control = opened.control(
        policy,
        Arc::new(Unserved),
        Arc::new(Unserved),
        History::new(first_day),
    );
    let mut before = first_day;
    for (number, past) in chronicle.changes.into_iter().enumerate() {
        let label = format!("history.yaml: the change at {} by {}", past.at, past.by);
        let at = moment(&past.at, now)?;
        ensure!(before <= at && at <= now, "{label} is not in the order of time");
        before = at;
        let person = chronicle.people.get(&past.by);
        let person = person.with_context(|| format!("{label} is made by nobody in `people`"))?;
        apply(
            &control,
            &past.by,
            person,
            past.reason,
            past.act.change()?,
            (number, at),
        )
        .with_context(|| label)?;
    }
    control.history().write(&directory.join(OBSERVATIONS_FILE))?;
    Ok(())
}

fn apply(
    control: &Control,
    name: &str,
    person: &Person,
    reason: Option<String>,
    change: Change,
    (number, at): (usize, Timestamp),
) -> Result<()> {
    let actor = Actor {
        name: name.to_owned(),
        display_name: None,
        role: person.role,
        groups: Vec::new(),
        org: person.org.clone(),
    };
    // There is no evidence of the past, without which a plan waits.
    let force = matches!(change, Change::AdvanceRollout { .. });
    let request = Request {
        change,
        actor,
        source: ChangeSource::Api,
        reason,
        incident: None,
        request_id: format!("{:032x}", number.saturating_add(1)),
        expected: None,
        force,
        at,
    };
    let applied = control.apply(&request);
    applied.map_err(|rejected| anyhow!("{}", rejection_text(&rejected)))?;
    Ok(())
}

/// Returns the policy without the conditions about requests, of which there are no records, and without the watch, which the
/// controller of a running process ends.
fn past_policy(mut policy: LifecyclePolicy) -> LifecyclePolicy {
    policy.beta.errors.allowed = None;
    policy.ga.errors.allowed = None;
    policy.ga.tenants = 0;
    policy.ga.stable_ms = 0;
    policy.watch_ms = 0;
    policy
}

/// Returns the time of a text such as `12d 09:30`: this time of the day in UTC, so many days before that of `now`.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp> {
    let parsed = text.split_once("d ").and_then(|(days, time)| {
        let (hour, minute) = time.split_once(':')?;
        let minutes = hour.parse::<i64>().ok()?.checked_mul(60)?;
        let minutes = minutes.checked_add(minute.parse::<i64>().ok()?)?;
        let midnight = now.0.checked_sub(now.0.rem_euclid(DAY_MS))?;
        let day = midnight.checked_sub(days.parse::<i64>().ok()?.checked_mul(DAY_MS)?)?;
        day.checked_add(minutes.checked_mul(MINUTE_MS)?)
    });
    parsed
        .map(Timestamp)
        .with_context(|| format!("history.yaml: {text:?} is no time such as 12d 09:30"))
}

/// The data plane of the past: it serves nothing and observes nothing.
struct Unserved;

impl Publish for Unserved {
    fn check(&self, _: &Compiled) -> Result<Fit, PublishError> {
        Ok(None)
    }

    fn publish(&self, _: &Compiled, _: Revision, _: Fit) -> Result<(), PublishError> {
        Ok(())
    }
}

impl Observe for Unserved {
    fn flags(&self) -> Vec<FlagObservation> {
        Vec::new()
    }

    fn gated(&self) -> Vec<String> {
        Vec::new()
    }
}
