//! `sluice rollout plan`: sets, edits or removes the rollout plan of a flag, or prints a template.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use config::{PlanDocument, plan_document};
use control::{Template, stages_without_control};
use hyper::Method;
use serde_json::Value;

use crate::cli::change::{self, ChangeBody, ChangeOptions, ChangeRequest};
use crate::cli::exit::Exit;
use crate::cli::output::{self, OutputFormat};
use crate::cli::render::counted;
use crate::cli::render::preview::UnchangedTenants;
use crate::cli::session::{ConnectionOptions, Session};

/// The path of a flag's plan.
const PART: &str = "/rollout/plan";

/// Sets the rollout plan of a flag, or edits the later stages of a running one.
///
/// The file is YAML or JSON; docs/rollouts.md describes it. Setting a plan changes no decision: `sluice rollout start`
/// does. An edit withdraws the approvals.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The flag's key.
    flag: String,
    /// The file of the plan; `-` is standard input.
    #[arg(short, long, value_name = "FILE", required_unless_present_any = ["template", "remove"])]
    file: Option<PathBuf>,
    /// A plan to begin with: prints it, or sets it with --set.
    #[arg(long, value_enum, conflicts_with = "file")]
    template: Option<TemplateArgument>,
    /// With --template: sets the plan.
    #[arg(long, requires = "template")]
    set: bool,
    /// Removes the plan, and its stages with it.
    #[arg(long, conflicts_with_all = ["file", "template"])]
    remove: bool,
    #[command(flatten)]
    options: ChangeOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TemplateArgument {
    /// Internal, 5, 25, 50 and 100 %, over eleven days, with approvals and a checklist.
    Careful,
    /// 10, 50 and 100 %, over a day.
    Fast,
}

impl TemplateArgument {
    fn template(self) -> Template {
        match self {
            Self::Careful => Template::Careful,
            Self::Fast => Template::Fast,
        }
    }
}

pub(super) fn run(connection: &ConnectionOptions, arguments: &Arguments) -> Result<Exit> {
    let read = match (&arguments.file, arguments.template) {
        (Some(file), _) => plan_document(&file.display().to_string(), &text_of(file)?),
        (None, Some(template)) => {
            let text = template.template().text();
            let document = plan_document("template", text.as_bytes());
            if !arguments.set {
                return print_template(text, document.ok().as_ref(), connection.format());
            }
            document
        }
        (None, None) => return remove(&Session::open(connection)?, arguments),
    };
    match read {
        Ok(document) => set(&Session::open(connection)?, arguments, document),
        Err(report) => {
            output::print_document_report(&report, connection.format())?;
            Ok(Exit::Failure)
        }
    }
}

/// Prints a template: the text with its comments, or the plan as JSON.
fn print_template(text: &str, document: Option<&PlanDocument>, format: OutputFormat) -> Result<Exit> {
    match (format, document) {
        (OutputFormat::Json, Some(document)) => output::print_json(format_args!("{:#}", document.value))?,
        _ => output::print(text.trim_end())?,
    }
    Ok(Exit::Success)
}

fn set(session: &Session, arguments: &Arguments, document: PlanDocument) -> Result<Exit> {
    let Arguments { flag, options, .. } = arguments;
    let PlanDocument { plan, value } = document;
    let stages = u64::try_from(plan.stages.len()).unwrap_or(u64::MAX);
    let without_control: Vec<&str> = stages_without_control(&plan).collect();
    let change = ChangeRequest::of_flag(Method::PUT, flag, PART, ChangeBody::Whole(value));
    let done = |_: &Value| format!("{flag}: the plan is set, with {}", counted(stages, "stage"));
    let exit = change::apply(session, options, change, UnchangedTenants::All, done)?;
    if session.format() == OutputFormat::Text && !without_control.is_empty() {
        output::print(format_args!(
            "note: no control arm in {}: comparisons do not apply there",
            without_control.join(", ")
        ))?;
    }
    Ok(exit)
}

fn remove(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let Arguments { flag, options, .. } = arguments;
    let change = ChangeRequest::of_flag(Method::DELETE, flag, PART, ChangeBody::None);
    let done = |_: &Value| format!("{flag}: the plan is removed");
    change::apply(session, options, change, UnchangedTenants::All, done)
}

/// Reads a file, or standard input.
///
/// # Errors
/// It can't be read, or is longer than the server accepts.
fn text_of(path: &Path) -> Result<Vec<u8>> {
    let limit = u64::try_from(control::api::MAX_PLAN_BYTES).unwrap_or(u64::MAX);
    let (name, mut text) = (path.display(), Vec::new());
    let limited = limit.saturating_add(1);
    let read = match path == Path::new("-") {
        true => stdin().lock().take(limited).read_to_end(&mut text),
        false => File::open(path).and_then(|file| file.take(limited).read_to_end(&mut text)),
    };
    read.with_context(|| format!("can't read {name}"))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > limit {
        bail!("{name} is longer than {limit} bytes");
    }
    Ok(text)
}
