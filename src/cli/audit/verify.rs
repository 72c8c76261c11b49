//! `sluice audit verify`: computes the chain of hashes again, here, from what was exported.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use control::{GENESIS, Hash};

use super::export;
use super::exported_entry::{hex, parse, unhex};
use super::line_splitter::{Lines, MAX_LINE};
use crate::cli::client::ClientError;
use crate::cli::session::{ConnectionOptions, OutputFormat, Session};
use crate::cli::{Exit, output};

/// Proves that no entry of the log is missing or altered: computes its hashes again, here.
///
/// A server's log must also end where its records do. Prints the newest entry's id and hash. Keep them elsewhere: given as --head the next time, they prove that the
/// log wasn't cut off or written anew, either. Exits with 1 if the log is not what was written.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// An exported log instead of the server's.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// An entry that must be there, as an earlier `verify` printed it: ID:HASH.
    #[arg(long, value_name = "ID:HASH", value_parser = head)]
    head: Option<(u64, Hash)>,
}

fn head(text: &str) -> Result<(u64, Hash), String> {
    let wrong = || "a head is written ID:HASH, as `sluice audit verify` prints it".to_owned();
    let (id, hash) = text.split_once(':').ok_or_else(wrong)?;
    Ok((id.parse().map_err(|_| wrong())?, unhex(hash).ok_or_else(wrong)?))
}

pub(super) fn run(connection: &ConnectionOptions, arguments: &Arguments) -> Result<Exit> {
    let mut proof = Proof::new(arguments.head);
    let format = match &arguments.file {
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
                proof.line(&line);
            }
            OutputFormat::Text
        }
        None => {
            let session = Session::open(connection)?;
            read(&session, &mut proof)?;
            let made = proof.revision;
            // What was committed meanwhile, and what the store was at before it was read.
            let store = read(&session, &mut proof)?;
            proof.compare_with_store(made, store);
            session.format()
        }
    };
    if arguments.file.is_some() && proof.lines == 0 && proof.missing_head().is_none() {
        proof.wrong = Some("there is no entry in it".to_owned());
    }
    tell(&proof, format)
}

/// Reads what comes after the entries that were read. Gives what the server's store was at before.
fn read(session: &Session, proof: &mut Proof) -> Result<Option<u64>> {
    let (mut lines, mut are_entries) = (Lines::default(), true);
    let after = Some(proof.last.0).filter(|id| *id > 0);
    let answer = session.stream(&export::request(after), &mut |piece| {
        lines.add(piece, |line| {
            are_entries &= parse(line).is_some();
            proof.line(line);
            Ok(())
        })
    })?;
    // Whatever was done to a log, its server exports entries. What has another form is no log, and proves nothing.
    if !are_entries || !lines.rest().is_empty() {
        return Err(ClientError::InvalidReadResponse {
            server: session.server().to_string(),
            status: answer.status,
        }
        .into());
    }
    Ok(answer.revision)
}

fn tell(proof: &Proof, format: OutputFormat) -> Result<Exit> {
    let (id, hash) = proof.last;
    let wrong = proof.wrong.clone().or_else(|| proof.missing_head());
    if format == OutputFormat::Json {
        output::print(serde_json::json!({
            "ok": wrong.is_none(), "entries": proof.entries, "head": format!("{id}:{}", hex(&hash)), "problem": wrong,
        }))?;
    } else if wrong.is_none() {
        output::print(format_args!(
            "ok: {} entries, none missing, none altered",
            proof.entries
        ))?;
        output::print(format_args!("head {id}:{}", hex(&hash)))?;
    }
    let Some(wrong) = wrong else {
        return Ok(Exit::Success);
    };
    if format == OutputFormat::Text {
        output::print_stderr(format_args!("the log is not what was written: {wrong}"));
        output::print_stderr(format_args!(
            "{} entries before it are in order; the last good one is {id}:{}",
            proof.entries,
            hex(&hash)
        ));
    }
    Ok(Exit::Failure)
}

/// A proof under way.
#[derive(Debug)]
struct Proof {
    last: (u64, Hash),
    /// What the last one made, or found.
    revision: u64,
    lines: u64,
    entries: u64,
    /// What was found first.
    wrong: Option<String>,
    head: Option<(u64, Hash)>,
    is_head_seen: bool,
}

impl Proof {
    fn new(head: Option<(u64, Hash)>) -> Self {
        Self {
            last: (0, GENESIS),
            revision: 0,
            lines: 0,
            entries: 0,
            wrong: None,
            head,
            is_head_seen: head.is_some_and(|(id, _)| id == 0),
        }
    }

    /// Takes the next line. After the first wrong one nothing is looked at.
    fn line(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() || self.wrong.is_some() {
            return;
        }
        self.lines = self.lines.saturating_add(1);
        let Some(sealed) = parse(line) else {
            self.wrong = Some(format!("line {} is no entry", self.lines));
            return;
        };
        match control::verify(self.last, [&sealed]) {
            Ok(last) => {
                self.last = last;
                self.revision = sealed.revision.0;
                self.entries = self.entries.saturating_add(1);
                self.compare(last);
            }
            Err(tampered) => self.wrong = Some(tampered.to_string()),
        }
    }

    fn compare(&mut self, (id, hash): (u64, Hash)) {
        match self.head {
            Some((known, expected)) if known == id && expected == hash => self.is_head_seen = true,
            Some((known, _)) if known == id => {
                self.wrong = Some(format!(
                    "entry {id} is not the one whose hash was kept: the log was written anew"
                ));
            }
            _ => {}
        }
    }

    /// Each change leaves a record and an entry. `made` is what was found in the log before the store was at `store`.
    fn compare_with_store(&mut self, made: u64, store: Option<u64>) {
        if self.wrong.is_some() {
            return;
        }
        let ends = self.revision;
        self.wrong = match store {
            Some(store) if ends < store => Some(format!(
                "it ends at revision {ends}, and the store is at {store}: its end is missing"
            )),
            Some(store) if store < made => Some(format!(
                "it ends at revision {made}, and the store is at {store}: records are missing"
            )),
            Some(_) => None,
            None => Some(
                "the server doesn't say what its store is at: it is damaged (see /readyz?verbose)".to_owned(),
            ),
        };
    }

    fn missing_head(&self) -> Option<String> {
        let (known, _) = self.head.filter(|_| !self.is_head_seen)?;
        Some(format!(
            "it ends with entry {}, but there was an entry {known}: it was cut off",
            self.last.0
        ))
    }
}

#[cfg(test)]
mod tests {
    use control::{Entry, Event, Outcome as Happened, Revision, Sealed, Source};
    use rules::Timestamp;

    use super::*;

    fn log(count: u64) -> Vec<String> {
        let mut hash = GENESIS;
        (1..=count)
            .map(|id| {
                let entry = Entry {
                    at: Timestamp(0),
                    actor: "ann".into(),
                    role: None,
                    source: Source::Api,
                    request_id: format!("r-{id}"),
                    event: Event::FlagKilled,
                    outcome: Happened::Applied,
                    flag: Some("a".into()),
                    org: None,
                    reason: None,
                    urgent: None,
                    patch: Vec::new(),
                    inverse: Vec::new(),
                    details: serde_json::Map::new(),
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

    fn proven(lines: &[String], head: Option<(u64, Hash)>) -> (u64, Option<String>) {
        let mut proof = Proof::new(head);
        for line in lines {
            proof.line(line.as_bytes());
        }
        (
            proof.entries,
            proof.wrong.clone().or_else(|| proof.missing_head()),
        )
    }

    fn head_of(line: &str) -> (u64, Hash) {
        let sealed = parse(line.as_bytes()).unwrap();
        (sealed.id, sealed.hash)
    }

    #[test]
    fn a_log_as_it_was_written_is_proven() {
        let lines = log(5);
        assert_eq!(proven(&lines, None), (5, None));
        assert_eq!(proven(&lines, Some(head_of(&lines[2]))), (5, None));
        assert_eq!(proven(&[], None), (0, None));
    }

    #[test]
    fn a_log_that_ends_elsewhere_than_its_store_is_not_whole() {
        let lines = log(5);
        for (count, made, store, expected) in [
            (5, 5, Some(5), None),
            (5, 4, Some(4), None),
            (0, 0, Some(0), None),
            (5, 5, Some(6), Some("its end is missing")),
            (0, 0, Some(2), Some("its end is missing")),
            (5, 5, Some(4), Some("records are missing")),
            (0, 0, None, Some("doesn't say")),
            (5, 5, None, Some("doesn't say")),
        ] {
            let mut proof = Proof::new(None);
            for line in &lines[..count] {
                proof.line(line.as_bytes());
            }
            proof.compare_with_store(made, store);
            let wrong = proof.wrong.unwrap_or_default();
            match expected {
                Some(expected) => assert!(wrong.contains(expected), "{wrong}"),
                None => assert_eq!(wrong, ""),
            }
        }
    }

    #[test]
    fn what_was_altered_removed_or_cut_off_is_found() {
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
            (broken, 3, "line 4 is no entry"),
            (lines[..3].to_vec(), 3, "cut off"),
            (Vec::new(), 0, "cut off"),
        ] {
            let (entries, wrong) = proven(&lines, head);
            assert_eq!(entries, good);
            assert!(
                wrong.as_deref().is_some_and(|wrong| wrong.contains(expected)),
                "{wrong:?}"
            );
        }
        let other = Some((5, [7; 32]));
        assert!(proven(&lines, other).1.unwrap().contains("written anew"));
    }

    #[test]
    fn a_head_is_read_as_it_was_printed() {
        let hash = [0xab; 32];
        assert_eq!(head(&format!("7:{}", hex(&hash))), Ok((7, hash)));
        for text in ["", "7", "7:", "7:ab", ":ab", "x:00"] {
            assert!(head(text).is_err(), "{text}");
        }
    }
}
