//! The tenants of the demo with their answers, computed by `explain`.

use anyhow::Result;
use config::LoadedConfig;
use rules::{Channel, Flags, Tenant};
use serde_json::{Value, json};

use super::addresses::APPLICATIONS;
use crate::cli::explain;
use crate::cli::render::json::{is, list, number, text};
use crate::cli::render::{TextTable, printable};
use crate::clock;

/// The most tenants in the table.
const MAX_ROWS: usize = 20;

/// A tenant and the answer that it gets.
pub(super) struct TenantAnswer {
    pub(super) tenant: String,
    record: String,
    answer: String,
    reason: String,
    /// The flag that the tenant may not use yet; none if its lifecycle is not the reason.
    pub(super) ineligible_for: Option<String>,
}

/// Returns the answers to `GET path` of the first tenants, by id: of those that `among` names, if it is given.
pub(super) fn answers(
    loaded: &LoadedConfig,
    path: &str,
    among: Option<&[&str]>,
) -> Result<Vec<TenantAnswer>> {
    let snapshot = &loaded.snapshot;
    let is_asked = |tenant: &&Tenant| among.is_none_or(|among| among.contains(&tenant.id()));
    let mut tenants: Vec<&Tenant> = snapshot.tenants.iter().filter(is_asked).collect();
    tenants.sort_by_key(|tenant| tenant.id());
    let tenants = tenants.into_iter().take(MAX_ROWS);
    tenants
        .map(|tenant| TenantAnswer::of(loaded, tenant, path))
        .collect()
}

/// Renders the table.
pub(super) fn render(answers: &[TenantAnswer]) -> String {
    let mut table = TextTable::new(["tenant", "record", "answer", "because"]);
    for answer in answers {
        let cells = [&answer.tenant, &answer.record, &answer.answer, &answer.reason];
        table.row(cells.map(|cell| printable(cell).to_string()));
    }
    table.render("no tenant has a record")
}

impl TenantAnswer {
    fn of(loaded: &LoadedConfig, tenant: &Tenant, path: &str) -> Result<Self> {
        let request = json!({ "method": "GET", "path": path, "tenant": tenant.id(), "user": "u-1" });
        let story = explain::by_files(loaded, request, clock::now())?;
        let gate = story.get("gate").unwrap_or(&Value::Null);
        let flag = list(gate, "flags").first().unwrap_or(&Value::Null);
        let decided = list(flag, "steps")
            .iter()
            .find(|step| text(step, "outcome") == Some("decided"));
        let of = |field| decided.and_then(|step| text(step, field)).unwrap_or_default();
        let mut reason = format!("{}: {}", of("question"), of("answer"));
        if !of("note").is_empty() {
            reason.push_str(&format!(" ({})", of("note")));
        }
        let is_ineligible = !is(&story, "open") && of("question").starts_with("lifecycle");
        let key = text(flag, "flag").map(str::to_owned);
        Ok(Self {
            tenant: tenant.id().to_owned(),
            record: record(tenant, &loaded.snapshot.flags),
            answer: answer(&story),
            reason,
            ineligible_for: key.filter(|_| is_ineligible),
        })
    }
}

fn record(tenant: &Tenant, flags: &Flags) -> String {
    let tier = tenant.tier().and_then(|tier| flags.tier_name(tier));
    let channel = match tenant.channel() {
        Channel::Stable => "stable",
        Channel::Latest => "latest",
    };
    let internal = tenant.is_internal().then_some("internal");
    let words: Vec<&str> = tier.into_iter().chain([channel]).chain(internal).collect();
    words.join(", ")
}

fn answer(story: &Value) -> String {
    if let Some(status) = number(story.get("answer").unwrap_or(&Value::Null), "status") {
        return status.to_string();
    }
    let upstream = text(story, "upstream").unwrap_or_default();
    let application = APPLICATIONS.iter().find(|(name, _)| *name == upstream);
    application
        .map_or(upstream, |(_, application)| application)
        .to_owned()
}
