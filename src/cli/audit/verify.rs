//! `sluice audit verify`: computes the chain of hashes again, locally, from an exported log.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use control::{EntryHash, GENESIS, Sealed};
use rules::Timestamp;

use super::export;
use super::exported_entry::{hex, parse, unhex};
use super::line_splitter::{LineSplitter, MAX_LINE};
use crate::cli::exit::Exit;
use crate::cli::output::{self, OutputFormat};
use crate::cli::render::{entries, json};
use crate::cli::required_members::RequiredMembers;
use crate::cli::route;
use crate::cli::session::{ConnectionOptions, Session};

/// Proves that no entry of the audit log is missing or altered.
///
/// Computes the chain of hashes again, locally. Also checks that a server's log ends where its records do, and has the
/// server check its whole store. Warns of entries before which the clock ran back. Prints the id and hash of the newest entry. Store them elsewhere, and pass them as --head the next time: they prove that the
/// log was not truncated or rewritten. Exits with 1 if the log was altered.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Verifies an exported log instead of the server's.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// An entry that the log must contain, as an earlier `verify` printed it: ID:HASH.
    #[arg(long, value_name = "ID:HASH", value_parser = head)]
    head: Option<(u64, EntryHash)>,
}

fn head(text: &str) -> Result<(u64, EntryHash), String> {
    let problem = || "a head is written ID:HASH, as `sluice audit verify` prints it".to_owned();
    let (id, hash) = text.split_once(':').ok_or_else(problem)?;
    Ok((
        id.parse().map_err(|_| problem())?,
        unhex(hash).ok_or_else(problem)?,
    ))
}

pub(super) fn run(connection: &ConnectionOptions, arguments: &Arguments) -> Result<Exit> {
    let mut verification = Verification::new(arguments.head);
    match &arguments.file {
        Some(path) => {
            let failed = || format!("can't read {}", path.display());
            let mut reader = BufReader::new(File::open(path).with_context(failed)?);
            loop {
                let mut line = Vec::new();
                let read = reader
                    .by_ref()
                    .take(MAX_LINE as u64)
                    .read_until(b'\n', &mut line)
                    .with_context(failed)?;
                if read == 0 {
                    break;
                }
                verification.line(&line);
            }
        }
        None => {
            let session = Session::open(connection)?;
            read(&session, &mut verification)?;
            let log_revision = verification.revision;
            // The log is read twice, because changes may be committed while it is read. The second answer begins after
            // the first, and has the revision that the store was at before it was read.
            let store = read(&session, &mut verification)?;
            verification.compare_with_store(log_revision, store);
            verification.check_of_server(&session)?;
        }
    }
    if arguments.file.is_some() && verification.lines == 0 && verification.missing_head().is_none() {
        verification.problem = Some("it has no entries".to_owned());
    }
    print_result(&verification, connection.format())
}

/// Reads the entries after those that were read, and returns the revision that the server's store was at before.
fn read(session: &Session, verification: &mut Verification) -> Result<Option<u64>> {
    let (mut lines, mut are_entries) = (LineSplitter::default(), true);
    let after = Some(verification.last.0).filter(|id| *id > 0);
    let answer = session.stream(&export::request(after), &mut |piece| {
        lines.add(piece, |line| {
            are_entries &= parse(line).is_some();
            verification.line(line);
            Ok(())
        })
    })?;
    // A server exports entries even of a log that was altered. Anything else is not a log, so it proves nothing.
    if !are_entries || !lines.rest().is_empty() {
        return Err(session.invalid_read(&answer).into());
    }
    Ok(answer.revision)
}

fn print_result(verification: &Verification, format: OutputFormat) -> Result<Exit> {
    let (id, hash) = verification.last;
    let problem = verification
        .problem
        .clone()
        .or_else(|| verification.missing_head());
    if format == OutputFormat::Json {
        output::print_json(serde_json::json!({
            "ok": problem.is_none(), "entries": verification.entries, "head": format!("{id}:{}", hex(&hash)), "problem": problem,
            "clock_ran_back": verification.clock_ran_back.iter().map(|(id, _)| id).collect::<Vec<_>>(),
        }))?;
    } else if problem.is_none() {
        output::print(format_args!(
            "ok: {}, none missing, none altered",
            entries(verification.entries)
        ))?;
        output::print(format_args!("head {id}:{}", hex(&hash)))?;
    }
    if format == OutputFormat::Text {
        for (id, back) in &verification.clock_ran_back {
            output::print_stderr(format_args!(
                "warning: the clock ran back by {} s before entry {id}",
                back.div_euclid(1_000)
            ));
        }
    }
    let Some(problem) = problem else {
        return Ok(Exit::Success);
    };
    if format == OutputFormat::Text {
        output::print_stderr(format_args!("the log was altered: {problem}"));
        output::print_stderr(format_args!(
            "valid before that: {}, the last is {id}:{}",
            entries(verification.entries),
            hex(&hash)
        ));
    }
    Ok(Exit::Failure)
}

/// The state of a verification.
#[derive(Debug)]
struct Verification {
    last: (u64, EntryHash),
    /// The revision after the last entry.
    revision: u64,
    lines: u64,
    entries: u64,
    /// The time of the last entry, and the entries before which the clock ran back, with the milliseconds.
    at: Option<Timestamp>,
    clock_ran_back: Vec<(u64, i64)>,
    /// The first problem.
    problem: Option<String>,
    head: Option<(u64, EntryHash)>,
    is_head_seen: bool,
}

impl Verification {
    fn new(head: Option<(u64, EntryHash)>) -> Self {
        Self {
            last: (0, GENESIS),
            revision: 0,
            lines: 0,
            entries: 0,
            at: None,
            clock_ran_back: Vec::new(),
            problem: None,
            head,
            is_head_seen: head.is_some_and(|(id, _)| id == 0),
        }
    }

    /// Verifies the next line. After the first problem all lines are ignored.
    fn line(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        // Behind the first problem the chain is broken, so each later entry would be reported, too.
        if line.is_empty() || self.problem.is_some() {
            return;
        }
        self.lines = self.lines.saturating_add(1);
        let Some(sealed) = parse(line) else {
            self.problem = Some(format!("line {} is not an entry", self.lines));
            return;
        };
        match control::verify(self.last, [&sealed]) {
            Ok(last) => {
                self.last = last;
                self.revision = sealed.revision.0;
                self.entries = self.entries.saturating_add(1);
                self.note_clock(&sealed);
                self.compare(last);
            }
            Err(tampered) => self.problem = Some(tampered.to_string()),
        }
    }

    /// Notes an entry that is much earlier than the one before it.
    fn note_clock(&mut self, sealed: &Sealed) {
        let at = sealed.entry().ok().map(|entry| entry.at);
        if let (Some(before), Some(at)) = (self.at, at)
            && let Some(back) = control::clock_ran_back(before, at)
        {
            self.clock_ran_back.push((sealed.id, back));
        }
        self.at = at.or(self.at);
    }

    /// Asks the server to check the whole store, with the indexes that filters of the log use.
    fn check_of_server(&mut self, session: &Session) -> Result<()> {
        if self.problem.is_some() {
            return Ok(());
        }
        let answer = session.read(route::AUDIT_VERIFY, RequiredMembers::Boolean("intact"))?;
        let body = answer.json()?;
        if !json::is(&body, "intact") {
            let problem = json::text(&body, "problem").unwrap_or("the server finds its store damaged");
            self.problem = Some(problem.to_owned());
        }
        Ok(())
    }

    fn compare(&mut self, (id, hash): (u64, EntryHash)) {
        match self.head {
            Some((known, expected)) if known == id && expected == hash => self.is_head_seen = true,
            Some((known, _)) if known == id => {
                self.problem = Some(format!(
                    "entry {id} has another hash than the given head: the log was rewritten"
                ));
            }
            _ => {}
        }
    }

    /// Compares the end of the log with the revision of the store: each change writes a record and an entry, so they
    /// must be equal. `log_revision` is the end of the log as read before the store was at `store`.
    fn compare_with_store(&mut self, log_revision: u64, store: Option<u64>) {
        if self.problem.is_some() {
            return;
        }
        let ends = self.revision;
        self.problem = match store {
            Some(store) if ends < store => Some(format!(
                "it ends at revision {ends}, and the store is at revision {store}: its end is missing"
            )),
            Some(store) if store < log_revision => Some(format!(
                "it ends at revision {log_revision}, and the store is at revision {store}: records are missing"
            )),
            Some(_) => None,
            None => Some(
                "the server does not report the revision of its store: the store is damaged (see /readyz?verbose)".to_owned(),
            ),
        };
    }

    fn missing_head(&self) -> Option<String> {
        let (known, _) = self.head.filter(|_| !self.is_head_seen)?;
        Some(format!(
            "it ends with entry {}, but there was an entry {known}: it was truncated",
            self.last.0
        ))
    }
}

#[cfg(test)]
mod tests {
    use control::{ChangeSource, Entry, Event, Revision};

    use super::*;

    fn log(count: u64) -> Vec<String> {
        let mut hash = GENESIS;
        (1..=count)
            .map(|id| {
                let (actor, request_id) = ("ann".into(), format!("r-{id}"));
                let entry = Entry {
                    flag: Some("a".into()),
                    ..Entry::new(
                        Timestamp(0),
                        Event::FlagKilled,
                        ChangeSource::Api,
                        actor,
                        request_id,
                    )
                };
                let sealed = Sealed::after(hash, id, Revision(id), &entry);
                hash = sealed.hash;
                serde_json::json!({
                    "id": id, "revision": id, "previous": hex(&sealed.previous), "hash": hex(&sealed.hash),
                    "text": sealed.text,
                })
                .to_string()
            })
            .collect()
    }

    fn verified(lines: &[String], head: Option<(u64, EntryHash)>) -> (u64, Option<String>) {
        let mut verification = Verification::new(head);
        for line in lines {
            verification.line(line.as_bytes());
        }
        (
            verification.entries,
            verification
                .problem
                .clone()
                .or_else(|| verification.missing_head()),
        )
    }

    fn head_of(line: &str) -> (u64, EntryHash) {
        let sealed = parse(line.as_bytes()).unwrap();
        (sealed.id, sealed.hash)
    }

    #[test]
    fn an_unaltered_log_is_verified() {
        let lines = log(5);
        assert_eq!(verified(&lines, None), (5, None));
        assert_eq!(verified(&lines, Some(head_of(&lines[2]))), (5, None));
        assert_eq!(verified(&[], None), (0, None));
    }

    #[test]
    fn a_log_must_end_at_the_revision_of_its_store() {
        let lines = log(5);
        for (count, log_revision, store, expected) in [
            (5, 5, Some(5), None),
            (5, 4, Some(4), None),
            (0, 0, Some(0), None),
            (5, 5, Some(6), Some("its end is missing")),
            (0, 0, Some(2), Some("its end is missing")),
            (5, 5, Some(4), Some("records are missing")),
            (0, 0, None, Some("does not report")),
            (5, 5, None, Some("does not report")),
        ] {
            let mut verification = Verification::new(None);
            for line in &lines[..count] {
                verification.line(line.as_bytes());
            }
            verification.compare_with_store(log_revision, store);
            let problem = verification.problem.unwrap_or_default();
            match expected {
                Some(expected) => assert!(problem.contains(expected), "{problem}"),
                None => assert_eq!(problem, ""),
            }
        }
    }

    #[test]
    fn altered_removed_and_truncated_entries_are_found() {
        let lines = log(5);
        let head = Some(head_of(&lines[4]));
        let mut altered = lines.clone();
        altered[2] = altered[2].replace("ann", "bob");
        let mut removed = lines.clone();
        removed.remove(2);
        let mut broken = lines.clone();
        broken[3] = "{}".into();
        for (lines, good, expected) in [
            (altered, 2, "entry 3 was altered"),
            (removed, 2, "entry 3 is missing"),
            (broken, 3, "line 4 is not an entry"),
            (lines[..3].to_vec(), 3, "truncated"),
            (Vec::new(), 0, "truncated"),
        ] {
            let (entries, problem) = verified(&lines, head);
            assert_eq!(entries, good);
            assert!(
                problem
                    .as_deref()
                    .is_some_and(|problem| problem.contains(expected)),
                "{problem:?}"
            );
        }
        let other = Some((5, [7; 32]));
        assert!(verified(&lines, other).1.unwrap().contains("rewritten"));
    }

    #[test]
    fn entries_before_which_the_clock_ran_back_are_noted() {
        let mut verification = Verification::new(None);
        let mut hash = GENESIS;
        for (id, minutes) in [(1, 10), (2, 20), (3, 5), (4, 6)] {
            let at = Timestamp(minutes * 60_000);
            let entry = Entry::new(at, Event::FlagKilled, ChangeSource::Api, "ann".into(), "r".into());
            let sealed = Sealed::after(hash, id, Revision(id), &entry);
            hash = sealed.hash;
            verification.note_clock(&sealed);
        }
        assert_eq!(verification.clock_ran_back, [(3, 15 * 60_000)]);
    }

    #[test]
    fn printed_audit_head_can_be_parsed() {
        let hash = [0xab; 32];
        assert_eq!(head(&format!("7:{}", hex(&hash))), Ok((7, hash)));
        for text in ["", "7", "7:", "7:ab", ":ab", "x:00"] {
            assert!(head(text).is_err(), "{text}");
        }
    }
}
