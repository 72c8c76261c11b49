//! The form of what the process is set to: its environment, log and end, and where break-glass is.

use rules::{Eligibility, EncodedSlash, TargetOptions};

use super::text::{FilePath, LocalPath, Name};
use crate::form::{Boolean, Duration, Placed, PlacedText, Resolved, object, single, union, words};
use crate::settings;
use crate::settings::LogFormat;

/// The environment's name, and what it lets flags do.
pub(crate) struct NamedEnvironment<'s> {
    pub(crate) name: PlacedText<'s>,
    pub(crate) eligibility: Eligibility,
}

impl<'s> NamedEnvironment<'s> {
    /// Development and staging are relaxed by their names.
    fn new(name: PlacedText<'s>, lifecycle: Option<Eligibility>) -> Self {
        let eligibility = lifecycle.unwrap_or_else(|| Eligibility::of_environment(&name.value));
        Self { name, eligibility }
    }
}

union! {
    Environment("a name or `{ name: NAME, lifecycle: relaxed }`"): NamedEnvironment<'s> {
        scalar Placed<Name> => |name| NamedEnvironment::new(name, None),
        mapping EnvironmentObject => |environment| environment,
    }
}

object! {
    /// Its name and what it lets alpha and beta flags do.
    EnvironmentObject("an environment"): NamedEnvironment<'s> {
        /// Its name.
        name: required Placed<Name>,
        /// Whether the lifecycle is enforced.
        lifecycle: strict Eligibility,
    } => NamedEnvironment::new(name, lifecycle)
}

words! { Eligibility { "relaxed" => Relaxed, "enforced" => Enforced } }

object! {
    /// A socket through which flags are killed on this machine, and the journal of that.
    BreakGlass("a break-glass"): settings::BreakGlass {
        /// The socket; only its owner may open it.
        socket: required Resolved<LocalPath>,
        /// What was done; it is read again at the next start.
        journal: required Resolved<LocalPath>,
    } => settings::BreakGlass { socket, journal }
}

object! {
    /// How request targets are read.
    Target("a reading of targets"): TargetOptions {
        /// What `%2F` means; left out: reject.
        encoded_slash: strict EncodedSlash = EncodedSlash::Reject,
    } => TargetOptions { encoded_slash }
}

words! { EncodedSlash { "reject" => Reject, "decode" => Decode, "keep" => Keep } }

object! {
    /// One JSON line for each request.
    AccessLog("an access log"): settings::AccessLog {
        /// Where to; left out: stdout.
        output: strict LogOutput = settings::LogOutput::Stdout,
        /// For machines (left out) or for people.
        format: strict LogFormat = LogFormat::Json,
        /// Whether queries are logged; left out: false.
        query: strict Boolean = false,
    } => settings::AccessLog { output, format, query }
}

words! { LogFormat { "json" => Json, "human" => Human } }

union! {
    LogOutput("`stdout`, `stderr`, `off` or `{ file: PATH }`"): settings::LogOutput {
        scalar StandardOutput => |output| match output {
            StandardOutput::Stdout => settings::LogOutput::Stdout,
            StandardOutput::Stderr => settings::LogOutput::Stderr,
            StandardOutput::Off => settings::LogOutput::Off,
        },
        mapping LogFile => settings::LogOutput::File,
    }
}

/// Where lines go that are in no file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StandardOutput {
    Stdout,
    Stderr,
    Off,
}
words! { StandardOutput { "stdout" => Stdout, "stderr" => Stderr, "off" => Off } }

single! {
    /// Lines are appended to it.
    LogFile("a log file") file: Resolved<FilePath>, "Its path.";
}

object! {
    /// What happens on SIGTERM.
    Drain("a drain"): settings::Drain {
        /// How long it serves on, not ready; left out: 0s.
        delay: strict Duration = settings::Drain::default().delay_ms,
        /// How long requests in flight may take; left out: 30s.
        timeout: strict Duration = settings::Drain::default().timeout_ms,
    } => settings::Drain { delay_ms: delay, timeout_ms: timeout }
}
