//! Imports the records of many tenants in one revision, with a result for each.

use std::collections::BTreeSet;

use config::ToJson as _;
use serde::Serialize;
use serde_json::{Map, Value};

use super::builder::{PlanBuilder, PlanStep, read_tenant};
use super::item::{ItemOutcome, ItemResult};
use super::planned::NoPlan;
use super::tenant::no_mapping;
use crate::audit::Outcome;
use crate::change::ImportMode;
use crate::event::Event;
use crate::refusal::{Code, Refusal};

/// The most tenants in one import.
pub const MAX_IMPORT: usize = 10_000;

/// The most audit entries of one import. Each changed flag of a tenant has an entry of about 1 KB, which stays in the log
/// for ever.
pub const MAX_IMPORT_ENTRIES: usize = 50_000;

#[derive(Default, Serialize)]
struct Counts {
    created: usize,
    changed: usize,
    unchanged: usize,
    refused: usize,
}

/// Writes every valid record and rejects the other items. Names in a record are checked by the compiler: its caller
/// passes the tenants that the compiler rejects as `invalid_tenants`.
pub(super) fn import(
    builder: &mut PlanBuilder<'_>,
    mode: ImportMode,
    tenants: &[(String, Value)],
) -> PlanStep {
    if tenants.len() > MAX_IMPORT {
        let detail = format!("{} tenants; one import may have {MAX_IMPORT}", tenants.len());
        let refusal = Refusal::new(Code::InvalidDocument, detail).help("split them into several imports");
        let refusal = refusal.fact("limit", MAX_IMPORT).fact("found", tenants.len());
        return Err(vec![refusal].into());
    }
    let mut counts = Counts::default();
    let mut seen = BTreeSet::new();
    for (id, given) in tenants {
        let again = !seen.insert(id.as_str());
        let outcome =
            item(builder, mode, id, given, again).unwrap_or_else(|refusal| ItemOutcome::Refused(*refusal));
        if builder.plan.audit.len() >= MAX_IMPORT_ENTRIES {
            return Err(vec![too_many_entries()].into());
        }
        counts.count(&outcome);
        builder.plan.items.push(ItemResult {
            id: id.clone(),
            outcome,
        });
    }
    let outcome = match (builder.plan.edits.is_empty(), counts.refused) {
        (false, _) => Outcome::Applied,
        (true, 0) => return Ok(()),
        (true, _) => Outcome::Refused,
    };
    let details = serde_json::to_value(&counts).unwrap_or_default();
    let mut details = details.as_object().cloned().unwrap_or_default();
    let codes: BTreeSet<&str> = builder.plan.items.iter().filter_map(refusal_code).collect();
    if !codes.is_empty() {
        details.insert("codes".into(), codes.into_iter().collect());
    }
    builder.audit(Event::TenantsImported, outcome, details);
    Ok(())
}

/// Returns the refusal of an import whose entries, with that of the whole import, exceed the limit.
fn too_many_entries() -> Refusal {
    let detail = format!(
        "the import changes so many flags of tenants that its audit entries exceed the {MAX_IMPORT_ENTRIES} of one import"
    );
    Refusal::new(Code::InvalidDocument, detail)
        .help("split it into several imports; each changed override, allowlist place, opt-in and opt-out is an entry")
        .fact("limit", MAX_IMPORT_ENTRIES)
}

fn refusal_code(item: &ItemResult) -> Option<&'static str> {
    match &item.outcome {
        ItemOutcome::Refused(refusal) => Some(refusal.code.as_str()),
        ItemOutcome::Created | ItemOutcome::Changed | ItemOutcome::Unchanged => None,
    }
}

fn item(
    builder: &mut PlanBuilder<'_>,
    mode: ImportMode,
    id: &str,
    given: &Value,
    again: bool,
) -> Result<ItemOutcome, Box<Refusal>> {
    if let Err(invalid) = rules::TenantId::parse(id) {
        return Err(Refusal::new(Code::InvalidDocument, invalid.to_string())
            .fact("org", id)
            .into());
    }
    if !given.is_object() {
        return Err(no_mapping(id).into());
    }
    if again {
        let detail = format!("the tenant {id} is in this import twice: the second record is skipped");
        return Err(Refusal::new(Code::AlreadyExists, detail).fact("org", id).into());
    }
    // The engine plans again without the tenants that the compiler rejected, so that they block no other.
    if let Some(refusal) = builder.invalid_tenants.get(id) {
        return Err(refusal.clone().into());
    }
    let before = builder.state.tenant(id);
    let written = match (before, mode) {
        (Some(_), ImportMode::Create) => {
            let detail = format!("the tenant {id} has a record already");
            return Err(Refusal::new(Code::AlreadyExists, detail).fact("org", id).into());
        }
        (Some(before), ImportMode::Patch) => {
            let mut after = before.to_json();
            json_patch::merge(&mut after, given);
            after
        }
        (None, ImportMode::Patch) => {
            // Merged into an empty record instead of cloned: null members of a patch are removals (RFC 7396).
            let mut after = Value::Object(Map::new());
            json_patch::merge(&mut after, given);
            after
        }
        _ => given.clone(),
    };
    let after = match read_tenant(id, written) {
        Ok(after) => after,
        Err(NoPlan::Refused(refusals)) => {
            return Err(refusals
                .into_iter()
                .next()
                .unwrap_or_else(|| no_mapping(id))
                .into());
        }
        Err(NoPlan::Unreadable(edits)) => {
            // The engine reads these edits again. Its second plan has their problems instead of this general refusal.
            builder.plan.unreadable.extend(edits);
            let detail = format!("the record of the tenant {id} is malformed");
            return Err(Refusal::new(Code::InvalidDocument, detail).fact("org", id).into());
        }
    };
    let outcome = match before {
        None => ItemOutcome::Created,
        Some(before) if *before == after => ItemOutcome::Unchanged,
        Some(_) => ItemOutcome::Changed,
    };
    builder.write_tenant(id, Some(after));
    Ok(outcome)
}

impl Counts {
    fn count(&mut self, outcome: &ItemOutcome) {
        let count = match outcome {
            ItemOutcome::Created => &mut self.created,
            ItemOutcome::Changed => &mut self.changed,
            ItemOutcome::Unchanged => &mut self.unchanged,
            ItemOutcome::Refused(_) => &mut self.refused,
        };
        *count = count.saturating_add(1);
    }
}
