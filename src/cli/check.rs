//! `sluice check`: reports every problem of a configuration and its flags.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::config_path::config_path;
use super::exit::Exit;
use super::output::{self, OutputFormat};
use crate::environment::variable;

/// Checks a configuration and its flags.
///
/// Reports every error, and warns about settings that are probably unintended. Exits with 0 if there is no error
/// (warnings are allowed), else with 1.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file [env: SLUICE_CONFIG=] [default: sluice.yaml].
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A flags document, or a directory of them, to check the configuration against [default: the flags that it names].
    /// Flags in a store are not read.
    #[arg(long, value_name = "FILE")]
    flags: Option<PathBuf>,
    /// Prints one JSON document instead of text.
    #[arg(long)]
    json: bool,
    /// Exits with 1 for warnings, too.
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let path = config_path(arguments.config.as_ref());
    let report = config::check(&path, &variable, arguments.flags.as_deref());
    match OutputFormat::from_json_option(arguments.json) {
        OutputFormat::Text if report.is_empty() => {
            output::print(format_args!("ok: no problems in {}", path.display()))?;
        }
        format => output::print_document_report(&report, format)?,
    }
    let bad = report.errors() > 0 || arguments.strict && report.warnings() > 0;
    Ok(Exit::success_if(!bad))
}
