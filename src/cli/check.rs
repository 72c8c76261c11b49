//! `sluice check`: reports every problem of a configuration and its flags.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::config_path::config_path;
use super::exit::Exit;
use super::output;
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

/// The note about flags in a store.
const UNREAD_FLAGS: &str = "note: the flags are in a store, so gates and headers were not checked against flags; to check \
                            them too, pass a document: `--flags FILE` (`sluice export -o FILE` writes one)";

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let path = config_path(arguments.config.as_ref());
    let checked = config::check(&path, &variable, arguments.flags.as_deref());
    let report = &checked.report;
    if arguments.json {
        let mut result = report.to_json();
        if let Some(members) = result.as_object_mut() {
            members.insert("flags_read".to_owned(), checked.has_read_flags.into());
        }
        output::print_json(format_args!("{result:#}"))?;
    } else if report.is_empty() {
        output::print(format_args!("ok: no problems in {}", path.display()))?;
    } else {
        output::print_report(report);
    }
    if !arguments.json && !checked.has_read_flags {
        output::print(UNREAD_FLAGS)?;
    }
    let bad = report.errors() > 0 || arguments.strict && report.warnings() > 0;
    Ok(Exit::success_if(!bad))
}
