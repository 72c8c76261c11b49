//! The measurement of rows: two runs under each tool, on as many threads as the machine has cores.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use tempfile::TempDir;
use testkit::{Authority, Issuer};
use tokens::Algorithm;

use crate::counts::{self, Counts, MOST_REQUESTS};
use crate::documents;
use crate::idleness::Idleness;
use crate::row::{Program, Routing, Row};
use crate::running_program::RunningProgram;
use crate::tool::Tool;
use crate::traffic::{self, Credentials, SERVER_NAME, Watched};

/// The programs under measurement.
pub(crate) struct Programs {
    pub(crate) sluice: PathBuf,
    pub(crate) bare_pingora: PathBuf,
}

/// Measures rows by tools, and returns their counts by name. `progress` is called after each row and tool.
///
/// # Errors
/// A run failed.
///
/// # Panics
/// A program does not answer.
pub(crate) fn measure(
    rows: &[&Row],
    tools: &[Tool],
    programs: &Programs,
    progress: impl Fn(&Row, Tool) + Sync,
) -> Result<BTreeMap<&'static str, Counts>> {
    let issuer = Issuer::new("https://login.example", Algorithm::Rs256, "k");
    let credentials = Credentials {
        tokens: (0..MOST_REQUESTS).map(|_| issuer.token("acme")).collect(),
        authority: Authority::new(),
        issuer,
    };
    let jobs = tools
        .iter()
        .flat_map(|tool| rows.iter().map(move |row| (*row, *tool)));
    let queue: Mutex<VecDeque<(&Row, Tool)>> = Mutex::new(jobs.collect());
    let measured: Mutex<BTreeMap<&'static str, Counts>> = Mutex::default();
    let next = || {
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.pop_front()
    };
    let work = || -> Result<()> {
        while let Some((row, tool)) = next() {
            let (few, many) = counts::requests(tool);
            let run = |requests| {
                run(row, tool, requests, programs, &credentials)
                    .with_context(|| format!("{} under {tool:?}", row.name))
            };
            let runs = run(few).and_then(|few| Ok((few, run(many)?)));
            let (few, many) = runs.inspect_err(|_| {
                // The other threads end after the row they are at.
                queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
            })?;
            let mut measured = measured.lock().unwrap_or_else(PoisonError::into_inner);
            let counts = measured.entry(row.name).or_default();
            counts.set((tool, row.serving_threads), &few, &many)?;
            drop(measured);
            progress(row, tool);
        }
        Ok(())
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let mut results = workers.into_iter().map(|worker| match worker.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        results.try_for_each(|result| result)
    })?;
    Ok(measured.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Runs the program of a row under a tool, sends `requests` requests, and returns the tool's counts: one text, or one for each thread.
fn run(
    row: &Row,
    tool: Tool,
    requests: usize,
    programs: &Programs,
    credentials: &Credentials,
) -> Result<Vec<String>> {
    let folder = TempDir::new()?;
    let watched = Watched::default();
    let origin = traffic::origin(row, &watched);
    let command: Vec<OsString> = match row.program {
        Program::BarePingora => vec![
            programs.bare_pingora.clone().into(),
            origin.address().to_string().into(),
        ],
        Program::Sluice(routing) => {
            let certificate = credentials.authority.server(&[SERVER_NAME]);
            let document = documents::write(
                folder.path(),
                (routing, row.protocol),
                origin.address(),
                &credentials.issuer,
                &certificate,
            )?;
            vec![
                programs.sluice.clone().into(),
                "run".into(),
                "--config".into(),
                document.into(),
            ]
        }
    };
    let program = RunningProgram::start(tool, &command, folder.path())?;
    if row.program == (Program::Sluice(Routing::Stored { is_planned: true })) {
        traffic::start_plan(program.admin()?, documents::GATED_FLAG)
            .with_context(|| logged(folder.path()))?;
    }
    let idleness = Idleness::of(program.pid());
    let _ = watched.set(idleness.clone());
    let sent = traffic::send(row, program.address(), requests, credentials, &idleness);
    sent.with_context(|| logged(folder.path()))?;
    program.stop()?;
    tool.read(folder.path())
}

fn logged(folder: &Path) -> String {
    let log = fs::read_to_string(folder.join("program.log")).unwrap_or_default();
    format!("the program logged:\n{log}")
}
