//! Counts the work of one request in Sluice and in bare pingora, prints a table, and fails if a ratio is more than 3 %
//! worse than the committed baseline. `make bench-request` runs it; `benches/README.md` describes the method.

mod baseline;
mod callgrind;
mod counts;
mod documents;
mod idleness;
mod measurement;
mod report;
mod row;
mod running_program;
mod tool;
mod traffic;

use std::fs;
use std::io::{Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::baseline::Results;
use crate::measurement::Programs;
use crate::row::{ROWS, Row};
use crate::tool::Tool;

/// Counts the work of one request in Sluice and in bare pingora.
#[derive(Debug, Parser)]
struct Arguments {
    /// The file with the baseline.
    #[arg(long, default_value = "benches/request-cost/baseline.json")]
    baseline: PathBuf,
    /// Write the results of this run as the new baseline.
    #[arg(long, conflicts_with = "rows")]
    record: bool,
    /// Measure these rows only, with their rows of bare pingora.
    #[arg(value_name = "ROW")]
    rows: Vec<String>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let rows = rows(&arguments.rows)?;
    let own = std::env::current_exe()?;
    let release = own.parent().context("no folder of programs")?;
    let programs = Programs {
        sluice: release.join("sluice"),
        bare_pingora: release.join("bare-pingora"),
    };
    let baseline = if arguments.record {
        None
    } else {
        Some(Results::read(&arguments.baseline)?)
    };

    let mut counts = measurement::measure(&rows, &tools()?, &programs, |row, tool| {
        let _ = writeln!(stderr(), "measured {} by {tool:?}", row.name);
    })?;
    let mut results = Results::default();
    for row in &rows {
        results.add(row, counts.remove(row.name).unwrap_or_default())?;
    }
    let table = report::table(&rows, &results, baseline.as_ref());
    stdout().write_all(table.as_bytes())?;
    write_files(&release.with_file_name("request-cost"), &table, &results)?;
    let Some(baseline) = baseline else {
        results.write(&arguments.baseline)?;
        return Ok(ExitCode::SUCCESS);
    };
    conclude(&rows, &results, &baseline)
}

/// Returns the named rows with their denominators, in the order of the table; all rows if none is named.
fn rows(names: &[String]) -> Result<Vec<&'static Row>> {
    if let Some(unknown) = names
        .iter()
        .find(|name| !ROWS.iter().any(|row| row.name == **name))
    {
        let known: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        bail!("there is no row `{unknown}`; the rows are {}", known.join(", "));
    }
    let is_named = |row: &Row| names.is_empty() || names.iter().any(|name| name == row.name);
    let is_needed = |row: &&Row| {
        let needs =
            |other: &Row| other.beside == row.name || other.limit.is_some_and(|limit| limit.row == row.name);
        is_named(row) || ROWS.iter().any(|other| is_named(other) && needs(other))
    };
    Ok(ROWS.iter().filter(is_needed).collect())
}

/// Returns the tools of this machine. System calls are left out where processes may not be traced.
fn tools() -> Result<Vec<Tool>> {
    let mut tools = vec![Tool::Callgrind, Tool::Dhat, Tool::Strace];
    Tool::Callgrind.check()?;
    if let Err(error) = Tool::Strace.check() {
        writeln!(stderr(), "system calls are not counted: {error:#}")?;
        tools.pop();
    }
    Ok(tools)
}

fn write_files(folder: &Path, table: &str, results: &Results) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("table.md"), table)?;
    results.write(&folder.join("results.json"))
}

/// Prints the messages for rows that changed, and fails if one must not have.
fn conclude(rows: &[&Row], results: &Results, baseline: &Results) -> Result<ExitCode> {
    let mut fails = false;
    for row in rows {
        let Some(result) = results.of(row.name) else {
            continue;
        };
        let verdict = baseline.compare(row, result.ratio);
        if let Some(message) = verdict.message(row.name, result.ratio) {
            writeln!(stderr(), "{message}")?;
        }
        fails |= verdict.fails();
        if let Some(message) = results.above_limit(row) {
            writeln!(stderr(), "{message}")?;
            fails = true;
        }
    }
    Ok(if fails {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
