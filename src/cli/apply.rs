//! `sluice apply`: applies a flags document, after it has shown the changes.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::Value;

use super::change::{self, ChangeBody, ChangeOptions, ChangeRequest};
use super::confirmation::confirm;
use super::exit::Exit;
use super::output::{self, OutputFormat, print_body};
use super::rejection::Intent;
use super::render::difference::{difference, is_empty};
use super::render::json;
use super::render::preview::{UnchangedTenants, dry_run_text, read_only_text};
use super::session::{ConnectionOptions, Session};
use super::urgent::{UrgentOptions, with_urgent_hint};
use super::{document, route};

/// Applies a flags document, after showing what it changes.
///
/// Shows first what the document adds (+), changes (~), removes (-) and leaves unchanged because operators own it (=),
/// and asks for confirmation. Only what was shown is applied: if anybody changes anything in between, the document is
/// rejected. Exits with 1 if nothing was applied although there was something to apply.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A flags document, YAML or JSON, or a directory of them; `-` is standard input.
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Removes flags and segments that the document leaves out.
    #[arg(long)]
    prune: bool,
    /// New flags keep the lifecycle of the document, under the conditions of a promotion; without this option they start
    /// as alpha.
    ///
    /// --decision-maker, --incident and --reason together skip the conditions; this is recorded for each flag.
    #[arg(long)]
    adopt: bool,
    /// Does not ask for confirmation.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    urgent: UrgentOptions,
    #[command(flatten)]
    options: ChangeOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let session = Session::open(&arguments.connection)?;
    let Some(document) = document::read(&arguments.file, session.format())? else {
        return Ok(Exit::Failure);
    };
    let options = &arguments.options;
    let dry_run = ChangeOptions {
        dry_run: true,
        ..options.clone()
    };
    // The dry run also finds every rejection, so the confirmation is only asked for a document that can be applied.
    let shown = session
        .send(&request(arguments, &document, &dry_run), Intent::DryRun)
        .map_err(|error| with_adoption_hint(error, arguments))?;
    let body = shown.json()?;
    let Some(found) = body.get("difference").filter(|found| found.is_object()) else {
        return Err(session.invalid_read(&shown).into());
    };
    let read_only = read_only_text(&body);
    let shown_exit = Exit::success_if(read_only.is_none());
    if options.dry_run && session.format() == OutputFormat::Json {
        print_body(&shown.body)?;
        return Ok(shown_exit);
    }
    if session.format() == OutputFormat::Text {
        output::print(plan(&body, found, options.force).trim_end())?;
    }
    // A server whose flags are in files rejects the document in any case, so nobody is asked to confirm it.
    if options.dry_run || read_only.is_some() || is_empty(found) {
        match (session.format(), read_only) {
            (OutputFormat::Json, _) => print_body(&shown.body)?,
            (OutputFormat::Text, Some(text)) => output::print_stderr(text),
            (OutputFormat::Text, None) => {}
        }
        return Ok(shown_exit);
    }
    if !arguments.yes && !confirm("apply this?")? {
        output::print_stderr("nothing was applied");
        return Ok(Exit::Failure);
    }
    // Bound to the revision of the dry run, so that exactly what was shown is applied, or nothing.
    let bound = ChangeOptions {
        if_revision: options
            .if_revision
            .or(json::number(&body, "revision"))
            .or(shown.revision),
        ..options.clone()
    };
    let applied = session.send(&request(arguments, &document, &bound), Intent::Change)?;
    // The notes were shown before.
    session.print_response(&applied, |body| change::applied_text(body, "applied", ""))?;
    Ok(Exit::Success)
}

fn request(arguments: &Arguments, document: &Value, options: &ChangeOptions) -> super::client::ClientRequest {
    let mut more = Vec::new();
    if arguments.prune {
        more.push(("prune", "true"));
    }
    if arguments.adopt {
        more.push(("adopt", "true"));
    }
    let urgent = &arguments.urgent;
    more.extend(
        urgent
            .decision_maker
            .as_deref()
            .map(|name| ("decision_maker", name)),
    );
    more.extend(urgent.incident.as_deref().map(|incident| ("incident", incident)));
    let change = ChangeRequest::new(Method::PUT, route::DOCUMENT, ChangeBody::Whole(document.clone()));
    change.into_request(options, &more)
}

/// Adds the command that adopts flags without the conditions, if the conditions reject the document.
fn with_adoption_hint(error: anyhow::Error, arguments: &Arguments) -> anyhow::Error {
    if !arguments.adopt || arguments.urgent.decision_maker.is_some() {
        return error;
    }
    let command = format!("sluice apply -f {} --adopt", arguments.file.display());
    with_urgent_hint(error, "adopt without the conditions", &command)
}

/// Renders the difference, the changed tenants and the notes.
fn plan(body: &Value, found: &Value, is_forced: bool) -> String {
    let mut text = difference(found);
    if !is_empty(found) {
        text.push_str(&dry_run_text(body, UnchangedTenants::Tiers(&[]), is_forced));
    }
    text.push_str(change::notes_text(body).trim_start());
    text
}
