//! `sluice eval`: evaluates flags for subjects given as JSON lines, without a proxy and a configuration.

mod error_line;
mod line;

use std::{
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};
use config::{Files, FlagsSource, LoadedFlags};
use rules::{Cause, Eligibility, Subject, Timestamp, UnknownTenant, decide};
use serde_json::to_writer;

use error_line::write_error;
use line::{EvalLine, InvalidLine, MAX_LINE};

use super::exit::Exit;
use super::output;
use crate::clock;
use crate::environment::variable;

/// Size of the buffers of input and output, in bytes.
const BUFFER: usize = 256 * 1024;

/// Evaluates flags for subjects given as JSON lines on standard input.
///
/// Each line is {"flag", "tenant"?, "user"?, "groups"?, "attributes"?}; without a tenant the subject is anonymous. One
/// line per input line is written, in order: {"flag", "tenant", "variant", "value", "reason", "cause", "rule"?,
/// "error"?, "detail"?}. Exits with 1 if a line could not be read.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A flags document, or a directory of them.
    #[arg(long, value_name = "FILE")]
    flags: PathBuf,
    /// The environment. The lifecycle is relaxed in development and staging, and enforced in any other.
    #[arg(long, value_name = "NAME", default_value = "production", value_parser = NonEmptyStringValueParser::new())]
    environment: String,
    /// Enforces or relaxes the lifecycle [default: as the environment].
    #[arg(long, value_enum)]
    lifecycle: Option<LifecycleEnforcement>,
    /// Decides as of this time (RFC 3339) instead of now.
    #[arg(long, value_name = "RFC3339", value_parser = Timestamp::parse)]
    now: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LifecycleEnforcement {
    /// Alpha and beta flags are only for eligible tenants.
    Enforced,
    /// Every tenant is eligible.
    Relaxed,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let eligibility = match arguments.lifecycle {
        Some(LifecycleEnforcement::Enforced) => Eligibility::Enforced,
        Some(LifecycleEnforcement::Relaxed) => Eligibility::Relaxed,
        None => Eligibility::of_environment(&arguments.environment),
    };
    let loaded = match config::load_flags(&arguments.flags, eligibility) {
        Ok(loaded) => loaded,
        Err(report) => {
            if let Some(message) = gateway_message(&arguments.flags) {
                bail!(message);
            }
            output::print_report(&report);
            return Ok(Exit::Failure);
        }
    };
    let evaluator = Evaluator {
        loaded,
        now: arguments.now,
    };
    let mut output = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    evaluator.answer_all(BufReader::with_capacity(BUFFER, io::stdin().lock()), &mut output)
}

/// Returns the message for a gateway document in the place of a flags document.
fn gateway_message(path: &Path) -> Option<String> {
    let settings = config::flags_settings(Files::Disk, path, &variable).ok()?;
    let source = match settings.flags {
        FlagsSource::File(flags) | FlagsSource::Directory(flags) => {
            format!("name its flags document: --flags {}", flags.display())
        }
        FlagsSource::Store(_) | FlagsSource::Etcd(_) => {
            "its flags are in a store: `sluice export -o FILE` writes them to a flags document".to_owned()
        }
    };
    Some(format!(
        "{} is a gateway document, not a flags document; {source}",
        path.display()
    ))
}

struct Evaluator {
    loaded: LoadedFlags,
    /// The time to decide as of; `None` for the current time of each line.
    now: Option<Timestamp>,
}

impl Evaluator {
    fn answer_all<R: Read>(&self, mut input: BufReader<R>, output: &mut impl Write) -> Result<Exit> {
        let (mut line, mut answer) = (Vec::new(), Vec::new());
        let mut outcome = Exit::Success;
        loop {
            line.clear();
            answer.clear();
            let read = input
                .by_ref()
                .take(MAX_LINE)
                .read_until(b'\n', &mut line)
                .context("can't read standard input")?;
            if read == 0 {
                break;
            }
            if line.last() != Some(&b'\n') && line.len() as u64 == MAX_LINE {
                skip_line(&mut input)?;
                InvalidLine::TooLong.write(&mut answer)?;
                outcome = Exit::Failure;
            } else if !line.trim_ascii().is_empty() && !self.answer_line(line.trim_ascii(), &mut answer)? {
                outcome = Exit::Failure;
            }
            output.write_all(&redact::escaped_json(&answer))?;
            // Flushed as soon as no input is left, so that a caller that waits for each answer gets it.
            if input.buffer().is_empty() {
                output.flush()?;
            }
        }
        output.flush()?;
        Ok(outcome)
    }

    /// Answers one line. Returns false if it could not be read.
    fn answer_line(&self, line: &[u8], output: &mut impl Write) -> io::Result<bool> {
        match EvalLine::parse(line) {
            Ok(question) => {
                self.answer(&question, output)?;
                Ok(true)
            }
            Err(invalid) => {
                invalid.write(output)?;
                Ok(false)
            }
        }
    }

    /// Decides one flag for one subject, and writes the decision or its error.
    fn answer(&self, question: &EvalLine<'_>, output: &mut impl Write) -> io::Result<()> {
        // Written member by member: a tree of JSON values would be allocated and serialized for each line.
        output.write_all(b"{\"flag\":")?;
        to_writer(&mut *output, &*question.flag)?;
        output.write_all(b",\"tenant\":")?;
        to_writer(&mut *output, &question.tenant)?;
        let flags = &self.loaded.flags;
        let record = question
            .tenant
            .as_deref()
            .and_then(|id| self.loaded.tenants.find(id));
        // Before the flag is looked up: the proxy also rejects such a request before it decides a flag.
        if question.tenant.is_some() && record.is_none() && flags.unknown_tenant() == UnknownTenant::Reject {
            return write_error(
                output,
                None,
                "INVALID_CONTEXT",
                "the tenant has no record, and unknown tenants are rejected",
            );
        }
        let Some(id) = flags.id(&question.flag) else {
            return write_error(
                output,
                Some(Cause::UnknownFlag),
                "FLAG_NOT_FOUND",
                "no flag has this key",
            );
        };
        let attributes = question.attributes(flags);
        let subject = Subject {
            tenant: question.tenant.as_deref(),
            record,
            user: question.user.as_deref(),
            groups: &question.groups,
            attributes: &attributes,
            ..Subject::default()
        };
        let decision = decide(flags, id, &subject, self.now.unwrap_or_else(clock::now));
        let flag = flags.flag(id);
        let variant = flag.and_then(|flag| flag.variant(decision.variant));
        let (name, value) = variant.map_or(("", "null"), |variant| (&*variant.name, &*variant.value));
        output.write_all(b",\"variant\":")?;
        to_writer(&mut *output, name)?;
        output.write_all(b",\"value\":")?;
        // The value of a variant is stored as JSON text, so its numbers keep all digits.
        output.write_all(value.as_bytes())?;
        write!(
            output,
            ",\"reason\":\"{}\",\"cause\":\"{}\"",
            decision.reason, decision.cause
        )?;
        if decision.cause == Cause::Rule
            && let Some(rule) = flag.and_then(|flag| flag.rule_name(decision.place))
        {
            output.write_all(b",\"rule\":")?;
            to_writer(&mut *output, rule)?;
        }
        output.write_all(b"}\n")
    }
}

fn skip_line<R: Read>(input: &mut BufReader<R>) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end.saturating_add(1));
        input.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}
