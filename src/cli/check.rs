//! `sluice check`: every problem of a config and its flags, and what is probably not meant.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::exit::Exit;
use super::output;
use crate::environment::variable;

/// Checks a config and the flags it names: prints every problem, and warns of what is probably not meant.
///
/// Exits with 0 when there is no error (warnings are allowed), else with 1.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The config file.
    #[arg(long, value_name = "FILE", default_value = "sluice.yaml")]
    config: PathBuf,
    /// The flags document, or a directory of them, to check the config against; left out: what the config names.
    /// Flags in a store are not looked into.
    #[arg(long, value_name = "FILE")]
    flags: Option<PathBuf>,
    /// Prints one JSON document instead of text.
    #[arg(long)]
    json: bool,
    /// Fails on warnings, too.
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let report = config::check(&arguments.config, &variable, arguments.flags.as_deref());
    if arguments.json {
        output::print(format_args!("{:#}", report.to_json()))?;
    } else if report.is_empty() {
        output::print(format_args!(
            "ok: nothing to complain about in {}",
            arguments.config.display()
        ))?;
    } else {
        output::print_stderr(report.render(output::colour()).trim_end());
    }
    let bad = report.errors() > 0 || arguments.strict && report.warnings() > 0;
    Ok(if bad { Exit::Failure } else { Exit::Success })
}
