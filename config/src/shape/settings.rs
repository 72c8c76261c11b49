//! The form of what the process is set to: its environment, log and end, and where break-glass is.

use std::borrow::Cow;

use rules::{Eligibility, EncodedSlash};

use super::text::{FilePath, LocalPath, Name};
use crate::form::{Boolean, Duration, Field, Placed, fields, single, union, words};
use crate::settings::LogFormat;

union! {
    Environment("a name or `{ name: NAME, lifecycle: relaxed }`"): EnvironmentFields<'s> {
        scalar Placed<Name> => |name| EnvironmentFields { name: Field::alone(name), lifecycle: Field::LeftOut },
        mapping EnvironmentObject => |environment| environment,
    }
}

fields! {
    /// Its name and what it lets alpha and beta flags do.
    EnvironmentObject("an environment") => EnvironmentFields {
        /// Its name.
        name: required Name,
        /// Whether the lifecycle is enforced.
        lifecycle: optional Eligibility,
    }
}

words! { Eligibility { "relaxed" => Relaxed, "enforced" => Enforced } }

fields! {
    /// A socket through which flags are killed on this machine, and the journal of that.
    BreakGlass("a break-glass") => BreakGlassFields {
        /// The socket; only its owner may open it.
        socket: required LocalPath,
        /// What was done; it is read again at the next start.
        journal: required LocalPath,
    }
}

fields! {
    /// How request targets are read.
    Target("a reading of targets") => TargetFields {
        /// What `%2F` means; left out: reject.
        encoded_slash: optional EncodedSlash,
    }
}

words! { EncodedSlash { "reject" => Reject, "decode" => Decode, "keep" => Keep } }

fields! {
    /// One JSON line for each request.
    AccessLog("an access log") => AccessLogFields {
        /// Where to; left out: stdout.
        output: optional LogOutput,
        /// For machines (left out) or for people.
        format: optional LogFormat,
        /// Whether queries are logged; left out: false.
        query: optional Boolean,
    }
}

words! { LogFormat { "json" => Json, "human" => Human } }

/// Where lines go, as it is written.
pub(crate) enum Output<'s> {
    Standard(StandardOutput),
    File(Cow<'s, str>),
}

union! {
    LogOutput("`stdout`, `stderr`, `off` or `{ file: PATH }`"): Output<'s> {
        scalar StandardOutput => Output::Standard,
        mapping LogFile => Output::File,
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
    LogFile("a log file") file: FilePath, "Its path.";
}

fields! {
    /// What happens on SIGTERM.
    Drain("a drain") => DrainFields {
        /// How long it serves on, not ready; left out: 0s.
        delay: optional Duration,
        /// How long requests in flight may take; left out: 30s.
        timeout: optional Duration,
    }
}
