//! `sluice tenants import`: imports the records of many tenants.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use hyper::Method;
use serde_json::{Map, Value, json};

use super::import_losses::ImportLosses;
use super::import_mode::ImportModeArgument;
use crate::cli::change::{ChangeBody, ChangeOptions, ChangeRequest, intent};
use crate::cli::confirmation::confirm;
use crate::cli::document;
use crate::cli::exit::Exit;
use crate::cli::output::{self, OutputFormat};
use crate::cli::rejection::Intent;
use crate::cli::render::preview::{UnchangedTenants, dry_run_text};
use crate::cli::render::{TextTable, counted, json as fields};
use crate::cli::route;
use crate::cli::session::Session;

/// Largest number of tenants in a request.
const BATCH_TENANTS: usize = 10_000;
/// Largest size of the tenants in a request, in bytes. The limit of the server is higher, to leave room for the other
/// fields.
const BATCH_BYTES: usize = 12 * 1024 * 1024;
/// Largest number of audit entries in a request. The limit of the server is higher, since the records may have changed
/// since they were read.
const BATCH_ENTRIES: usize = 25_000;
/// Largest number of rejected tenants in the output.
const MAX_LISTED: usize = 100;

/// Imports the tenants of a flags document, with a result for each.
///
/// Rejected tenants do not block the others. Fields that the document leaves out stay unchanged. If a tenant loses
/// something, such as an override that operators set, the command shows that first and asks for confirmation.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A flags document, YAML or JSON, or a directory of them; `-` is standard input. Only its tenants are imported.
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Treatment of existing tenants.
    #[arg(long, value_enum, default_value_t = ImportModeArgument::Patch)]
    mode: ImportModeArgument,
    /// Does not ask for confirmation.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    options: ChangeOptions,
}

/// The results of the tenants so far.
#[derive(Debug, Default)]
struct ImportSummary {
    created: u64,
    changed: u64,
    unchanged: u64,
    refused: Vec<(String, String)>,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let Some(document) = document::read(&arguments.file, session.format())? else {
        return Ok(Exit::Failure);
    };
    let tenants = document.get("tenants").and_then(Value::as_object);
    let tenants = tenants.cloned().unwrap_or_default();
    if tenants.is_empty() {
        bail!("{} has no `tenants`", arguments.file.display());
    }
    let mut options = arguments.options.clone();
    let losses = match arguments.mode {
        ImportModeArgument::Create => ImportLosses::default(),
        mode => ImportLosses::compute(session, mode, &tenants)?,
    };
    if !losses.is_empty() {
        if session.format() == OutputFormat::Text {
            output::print(losses.render().trim_end())?;
        }
        if !options.dry_run && !arguments.yes && !confirm("import them anyway?")? {
            output::print_stderr("nothing was changed");
            return Ok(Exit::Failure);
        }
    }
    let count = u64::try_from(tenants.len()).unwrap_or(u64::MAX);
    let batches = batches(tenants, &losses);
    if options.if_revision.is_some() && batches.len() > 1 {
        bail!(
            "this import needs {} requests, and each changes the revision: leave --if-revision out",
            batches.len()
        );
    }
    // A confirmation is for the losses that were shown: those of `revision`. The import is bound to it, so that another
    // change in between is not lost without a confirmation. Whole records (`upsert`) can lose something even if no loss
    // was shown.
    let may_lose = !losses.is_empty() || matches!(arguments.mode, ImportModeArgument::Upsert);
    if may_lose && !arguments.yes {
        options.if_revision = options.if_revision.or(losses.revision);
    }
    let mut summary = ImportSummary::default();
    let sent = send_batches(session, arguments.mode, options, batches, &mut summary);
    // What was imported before a request failed stays imported, so it is printed before the error.
    let imported = summary.total();
    if session.format() == OutputFormat::Text && (sent.is_ok() || imported > 0) {
        output::print(summary.render().trim_end())?;
    }
    if sent.is_err() && imported > 0 {
        let verb = if imported == 1 { "has" } else { "have" };
        output::print_stderr(format_args!(
            "the import stopped: {imported} of {} {verb} a result",
            counted(count, "tenant")
        ));
    }
    sent?;
    Ok(Exit::success_if(summary.refused.is_empty()))
}

/// Sends the batches, and adds the results of each to `summary`.
///
/// # Errors
/// A batch was rejected or got no valid answer. The batches before it were imported.
fn send_batches(
    session: &Session,
    mode: ImportModeArgument,
    mut options: ChangeOptions,
    batches: Vec<Map<String, Value>>,
    summary: &mut ImportSummary,
) -> Result<()> {
    let mut intent = intent(&options);
    for batch in batches {
        let body = json!({ "mode": mode.as_str(), "tenants": batch });
        let body = body.as_object().cloned().unwrap_or_default();
        let path = format!("{}:import", route::TENANTS);
        let change = ChangeRequest::new(Method::POST, path, ChangeBody::Fields(body));
        let answer = session.send(&change.into_request(&options, &[]), intent)?;
        // Each request changes the revision, so the next one is bound to the revision of the last answer.
        if options.if_revision.is_some() {
            options.if_revision = answer.revision;
        }
        if intent == Intent::Change {
            intent = Intent::NextChange;
        }
        // In every format: the exit code depends on it.
        summary.add(&answer.json()?);
        session.print_response(&answer, |body| match options.dry_run {
            true => dry_run_text(body, UnchangedTenants::All, options.force),
            false => String::new(),
        })?;
    }
    Ok(())
}

/// Splits an import into requests within the limits of the server.
fn batches(tenants: Map<String, Value>, losses: &ImportLosses) -> Vec<Map<String, Value>> {
    let mut batches: Vec<Map<String, Value>> = Vec::new();
    let (mut bytes, mut entries) = (0_usize, 0_usize);
    for (id, record) in tenants {
        let size = id
            .len()
            .saturating_add(record.to_string().len())
            .saturating_add(8);
        bytes = bytes.saturating_add(size);
        let added = audit_entries(&record).saturating_add(losses.count(&id));
        entries = entries.saturating_add(added);
        let fits = bytes <= BATCH_BYTES && entries <= BATCH_ENTRIES;
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_TENANTS && fits => drop(batch.insert(id, record)),
            _ => {
                (bytes, entries) = (size, added);
                batches.push(Map::from_iter([(id, record)]));
            }
        }
    }
    batches
}

/// Returns the largest number of audit entries of a record, without those of what it removes: one for each flag in it, and
/// one for the rest.
fn audit_entries(record: &Value) -> usize {
    let lists = ["beta", "opt_in", "opt_out"].map(|list| fields::list(record, list).len());
    let overrides = record
        .get("overrides")
        .and_then(Value::as_object)
        .map_or(0, Map::len);
    lists
        .into_iter()
        .fold(overrides.saturating_add(1), usize::saturating_add)
}

impl ImportSummary {
    fn add(&mut self, body: &Value) {
        for item in fields::list(body, "items") {
            let text = |field| fields::text(item, field).unwrap_or_default();
            match text("outcome") {
                "created" => self.created = self.created.saturating_add(1),
                "changed" => self.changed = self.changed.saturating_add(1),
                "unchanged" => self.unchanged = self.unchanged.saturating_add(1),
                _ => {
                    let why = item.get("refusal").unwrap_or(item);
                    let code = fields::text(why, "code").unwrap_or_default();
                    let detail = fields::text(why, "detail").unwrap_or_default();
                    self.refused
                        .push((text("id").to_owned(), format!("{code}: {detail}")));
                }
            }
        }
    }

    /// Returns the number of tenants that have a result.
    fn total(&self) -> u64 {
        let refused = u64::try_from(self.refused.len()).unwrap_or(u64::MAX);
        [self.created, self.changed, self.unchanged, refused]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    fn render(&self) -> String {
        let mut table = TextTable::new(["", ""]);
        for (id, why) in self.refused.iter().take(MAX_LISTED) {
            table.row([format!("  {id}"), why.clone()]);
        }
        let mut text = format!(
            "{}: {} created, {} changed, {} unchanged, {} rejected\n",
            counted(self.total(), "tenant"),
            self.created,
            self.changed,
            self.unchanged,
            self.refused.len(),
        );
        text.push_str(&table.render(""));
        if self.refused.len() > MAX_LISTED {
            text.push_str(&format!("  ... and {} more\n", self.refused.len() - MAX_LISTED));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenants(count: usize, attribute: &str) -> Map<String, Value> {
        (0..count)
            .map(|index| {
                (
                    format!("t{index}"),
                    json!({ "attributes": { "note": attribute } }),
                )
            })
            .collect()
    }

    #[test]
    fn many_tenants_are_sent_in_batches() {
        let sizes = |batches: Vec<Map<String, Value>>| batches.iter().map(Map::len).collect::<Vec<_>>();
        let none = ImportLosses::default();
        assert_eq!(sizes(batches(tenants(3, ""), &none)), [3]);
        assert_eq!(sizes(batches(tenants(20_001, ""), &none)), [10_000, 10_000, 1]);
        let big = "x".repeat(5 * 1024 * 1024);
        assert_eq!(sizes(batches(tenants(5, &big), &none)), [2, 2, 1]);
        assert_eq!(
            sizes(batches(tenants(2, &"x".repeat(BATCH_BYTES)), &none)),
            [1, 1]
        );
        let overrides: Map<_, _> = (0..999).map(|flag| (format!("f{flag}"), json!(true))).collect();
        let record = |place: usize| {
            (
                format!("t{place}"),
                json!({ "overrides": overrides, "beta": ["f1"] }),
            )
        };
        assert_eq!(sizes(batches((0..60).map(record).collect(), &none)), [24, 24, 12]);
    }

    #[test]
    fn removals_count_against_the_size_of_a_request() {
        let lost: Vec<_> = (0..BATCH_ENTRIES - 2)
            .map(|flag| format!("beta f{flag}"))
            .collect();
        let losses = ImportLosses::of("t1", lost);
        let sizes: Vec<usize> = batches(tenants(4, ""), &losses).iter().map(Map::len).collect();
        assert_eq!(sizes, [2, 2]);
    }

    #[test]
    fn results_are_counted_and_rejections_listed() {
        let mut summary = ImportSummary::default();
        summary.add(&json!({ "items": [
            { "id": "a", "outcome": "created" }, { "id": "b", "outcome": "changed" },
            { "id": "c", "outcome": "refused", "refusal": { "code": "ALREADY_EXISTS", "detail": "there is a record" } },
        ] }));
        assert_eq!(
            summary.render(),
            "3 tenants: 1 created, 1 changed, 0 unchanged, 1 rejected\n  c   ALREADY_EXISTS: there is a record\n"
        );
    }
}
