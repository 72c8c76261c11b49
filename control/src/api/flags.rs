//! Flags as staff see them: definition, state, who has it on, stale or not.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use changes::{Code, Flag, Refusal, Revision, StaleFlag, State, Usage, stale, timestamp};
use config::{Compiled, ToJson as _};
use rules::{OwnedName, Subject, Timestamp, decide};
use serde_json::{Map, Value, json};
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::request_explanation::ExplainedLocalKill;

use super::Api;
use super::answer::Answer;
use super::ask::Ask;
use super::local_kills::LocalKills;
use super::problem::Problem;
use super::query::DEFAULT_PAGE;

/// The most decisions for one answer; flags beyond that have no `on`.
pub const MAX_COUNTED_DECISIONS: usize = 2_000_000;

/// A flag: everything that the document says of it, and these.
#[derive(ToSchema)]
#[schema(as = Flag)]
#[expect(dead_code, reason = "it is the form of what is written by hand")]
pub(crate) struct FlagBody {
    key: String,
    /// `release`, `experiment`, `permission` or `ops`.
    kind: String,
    /// `alpha`, `beta`, `ga` or `retired`; left out for kinds without a lifecycle.
    #[schema(nullable = false)]
    lifecycle: Option<String>,
    /// Since when it is so far.
    #[schema(format = DateTime)]
    since: String,
    /// When it was first brought in.
    #[schema(format = DateTime)]
    created: String,
    /// False while it is killed.
    enabled: bool,
    /// Where it is killed on this machine alone, by break-glass, whatever is kept of it.
    #[schema(nullable = false)]
    local_kill: Option<ExplainedLocalKill>,
    /// Tenants that have it on, as it is kept: a kill on this machine alone is left aside. Left out where counting
    /// would take too long.
    #[schema(nullable = false)]
    on: Option<usize>,
    /// Tenants that opted in.
    opted_in: usize,
    /// Tenants that opted out.
    opted_out: usize,
    /// Tenants that have it on their beta allowlist.
    allowed: usize,
    /// Tenants with an override.
    overridden: usize,
    /// Who answers for its next promotion.
    sign_offs: Vec<AnyObject>,
    /// Why it has outlived its purpose, if it has.
    stale: Vec<StaleBody>,
    /// When operators changed it last.
    #[schema(format = DateTime)]
    changed: String,
    /// Which of them.
    changed_by: String,
}

/// The form of any object.
pub(crate) struct AnyObject;

impl ToSchema for AnyObject {}

impl PartialSchema for AnyObject {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().into()
    }
}

/// Why a flag has outlived its purpose; more facts stand beside these.
#[derive(ToSchema)]
#[schema(as = StaleReason)]
#[expect(dead_code, reason = "it is the form of what is written by hand")]
pub(crate) struct StaleBody {
    code: String,
    detail: String,
}

/// A page of flags, in the order of their keys.
#[derive(ToSchema)]
#[schema(as = Flags)]
#[expect(dead_code, reason = "it is the form of what is written by hand")]
pub(crate) struct FlagsPage {
    revision: u64,
    flags: Vec<FlagBody>,
    /// To go on after; left out at the end.
    #[schema(nullable = false)]
    next: Option<String>,
}

/// How many tenants say something of a flag.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    opted_in: usize,
    opted_out: usize,
    allowed: usize,
    overridden: usize,
}

/// What was copied out of the state, so that changes need not wait for what is counted.
struct Copied {
    revision: Revision,
    flags: Vec<(String, Flag, Vec<Value>)>,
    said: HashMap<String, Said>,
    compiled: Compiled,
    is_more: bool,
}

pub(crate) fn list(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    let limit = ask.query.number("limit").unwrap_or(DEFAULT_PAGE);
    let after = ask.query.text("after").unwrap_or_default().to_owned();
    let only_stale = ask.query.is("stale");
    let usage = usage(api);
    let copied = api.control().read(|state, compiled| {
        let stale = stale(state, ask.at, &usage, &api.control().policy().stale);
        let stale: BTreeMap<&str, &StaleFlag> = stale.iter().map(|flag| (flag.flag.as_str(), flag)).collect();
        let range = (Bound::Excluded(after.as_str()), Bound::Unbounded);
        let keys = state.document.flags.range::<_, str>(range).map(|(key, _)| &**key);
        let keys = keys.filter(|key| !only_stale || stale.contains_key(key));
        let keys: Vec<&str> = keys.take(limit.saturating_add(1)).collect();
        copy(state, compiled, &keys, limit, &stale)
    });
    let kills = LocalKills::at(api.control(), ask.at);
    let mut left = MAX_COUNTED_DECISIONS;
    let flags: Vec<Value> = copied
        .flags
        .iter()
        .map(|flag| written(flag, &copied, (ask.at, &kills), &mut left))
        .collect();
    let mut body = json!({ "revision": copied.revision.0, "flags": flags });
    if let (true, Some((last, ..)), Some(body)) = (copied.is_more, copied.flags.last(), body.as_object_mut())
    {
        body.insert("next".into(), last.as_str().into());
    }
    Ok(Answer::json(&body)?.at(copied.revision))
}

pub(crate) fn show(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    let key = ask.flag();
    let usage = usage(api);
    let copied = api.control().read(|state, compiled| {
        let stale = stale(state, ask.at, &usage, &api.control().policy().stale);
        let stale: BTreeMap<&str, &StaleFlag> = stale.iter().map(|flag| (flag.flag.as_str(), flag)).collect();
        copy(state, compiled, &[key], 1, &stale)
    });
    let Some(flag) = copied.flags.first() else {
        return Err(Problem::refused(vec![
            Refusal::new(Code::FlagNotFound, format!("no flag has the key `{key}`"))
                .cure("GET /api/v1/platform/feature-flags lists them"),
        ]));
    };
    let kills = LocalKills::at(api.control(), ask.at);
    let body = written(flag, &copied, (ask.at, &kills), &mut { usize::MAX });
    Ok(Answer::json(&body)?.at(copied.revision))
}

/// What is known of the use of flags.
fn usage(api: &Api) -> Usage {
    let control = api.control();
    let history = control.history();
    let gated: BTreeSet<String> = control.gated().into_iter().collect();
    control.read(|state, _| {
        let keys = state.document.flags.keys();
        let decided = keys.filter_map(|key| Some((key.to_string(), history.last_decided(key)?)));
        Usage {
            gated,
            since: Some(history.since()),
            decided: decided.collect(),
        }
    })
}

fn copy(
    state: &State,
    compiled: &Compiled,
    keys: &[&str],
    limit: usize,
    stale: &BTreeMap<&str, &StaleFlag>,
) -> Copied {
    let shown = keys.get(..limit).unwrap_or(keys);
    let flags = shown.iter().filter_map(|key| {
        let reasons = stale
            .get(key)
            .map_or_else(Vec::new, |flag| flag.reasons.iter().map(reason).collect());
        Some(((*key).to_owned(), state.flag(key)?, reasons))
    });
    Copied {
        revision: state.revision,
        flags: flags.collect(),
        said: said(state, shown),
        compiled: compiled.clone(),
        is_more: keys.len() > limit,
    }
}

fn reason(reason: &changes::StaleReason) -> Value {
    let mut body = Map::new();
    body.insert("code".into(), reason.code.as_str().into());
    body.insert("detail".into(), reason.detail.as_str().into());
    for (name, fact) in &reason.facts {
        body.entry(name.as_str()).or_insert_with(|| fact.clone());
    }
    Value::Object(body)
}

/// One pass over the records of tenants.
fn said(state: &State, keys: &[&str]) -> HashMap<String, Said> {
    let mut said: HashMap<String, Said> = keys
        .iter()
        .map(|key| ((*key).to_owned(), Said::default()))
        .collect();
    let mut count = |flags: &Option<Vec<OwnedName>>, add: fn(&mut Said)| {
        for flag in flags.iter().flatten() {
            if let Some(said) = said.get_mut(&*flag.value) {
                add(said);
            }
        }
    };
    for (_, record) in state.tenants() {
        count(&record.opt_in, |said| {
            said.opted_in = said.opted_in.saturating_add(1)
        });
        count(&record.opt_out, |said| {
            said.opted_out = said.opted_out.saturating_add(1)
        });
        count(&record.beta, |said| said.allowed = said.allowed.saturating_add(1));
    }
    for (flag, _) in state
        .tenants()
        .flat_map(|(_, record)| record.overrides.iter().flatten())
    {
        if let Some(said) = said.get_mut(&*flag.value) {
            said.overridden = said.overridden.saturating_add(1);
        }
    }
    said
}

/// A flag as it is answered.
fn written(
    (key, flag, stale): &(String, Flag, Vec<Value>),
    copied: &Copied,
    (now, kills): (Timestamp, &LocalKills),
    left: &mut usize,
) -> Value {
    let said = copied.said.get(key).copied().unwrap_or_default();
    let mut body = Map::new();
    body.insert("key".into(), key.as_str().into());
    if let Value::Object(fields) = flag.definition.to_json() {
        body.extend(fields);
    }
    let state = &flag.state;
    let compiled = copied
        .compiled
        .flags
        .id(key)
        .and_then(|id| copied.compiled.flags.flag(id));
    if let Some(compiled) = compiled {
        body.entry("kind")
            .or_insert_with(|| compiled.kind().as_str().into());
    }
    body.insert("enabled".into(), flag.is_enabled().into());
    if let Some(kill) = kills.written(key) {
        body.insert("local_kill".into(), kill);
    }
    body.insert("since".into(), timestamp::text(state.since).into());
    body.insert("created".into(), timestamp::text(state.created).into());
    body.insert("changed".into(), timestamp::text(state.changed).into());
    body.insert("changed_by".into(), state.changed_by.as_str().into());
    body.insert("opted_in".into(), said.opted_in.into());
    body.insert("opted_out".into(), said.opted_out.into());
    body.insert("allowed".into(), said.allowed.into());
    body.insert("overridden".into(), said.overridden.into());
    body.insert(
        "sign_offs".into(),
        serde_json::to_value(&state.sign_offs).unwrap_or_default(),
    );
    body.insert("stale".into(), stale.clone().into());
    let tenants = copied.compiled.tenants.len();
    if *left >= tenants {
        *left = left.saturating_sub(tenants);
        body.insert("on".into(), tenants_with(&copied.compiled, key, now).into());
    }
    Value::Object(body)
}

/// How many tenants have the flag on.
fn tenants_with(compiled: &Compiled, key: &str, now: Timestamp) -> usize {
    let flags = &compiled.flags;
    let Some((id, flag)) = flags.id(key).and_then(|id| Some((id, flags.flag(id)?))) else {
        return 0;
    };
    let has = |tenant: &&rules::Tenant| {
        let subject = Subject {
            tenant: Some(tenant.id()),
            record: Some(tenant),
            ..Subject::default()
        };
        decide(flags, id, &subject, now).variant != flag.off()
    };
    compiled.tenants.iter().filter(has).count()
}
