//! The form of settings of the process: environment, break-glass, targets, access log and shutdown.

use rules::{Eligibility, EncodedSlash, TargetOptions};

use super::Needs;
use super::share::Share;
use super::text::{FilePath, LocalPath, Name, Off, TenantId};
use crate::form::{
    Boolean, Duration, List, Placed, PlacedText, Resolved, Whole, object, single, union, words,
};
use crate::settings;
use crate::settings::{LogFormat, LogLevel, ProcessLogFormat};

/// The name of the environment, and whether it enforces the lifecycle of flags.
pub(crate) struct NamedEnvironment<'s> {
    pub(crate) name: PlacedText<'s>,
    pub(crate) eligibility: Eligibility,
}

impl<'s> NamedEnvironment<'s> {
    /// Without a `lifecycle`, environments named `development` and `staging` are relaxed.
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
    /// Name of the environment, and whether it enforces the lifecycle of flags.
    EnvironmentObject("an environment"): NamedEnvironment<'s> {
        /// Name of the environment.
        name: required Placed<Name>,
        /// `relaxed`: every tenant is eligible at every lifecycle. Default: relaxed in development and staging, else
        /// enforced.
        lifecycle: strict Eligibility,
    } => NamedEnvironment::new(name, lifecycle)
}

words! { Eligibility { "relaxed" => Relaxed, "enforced" => Enforced } }

object! {
    /// Socket to kill flags on this machine, and its journal.
    BreakGlass("a break-glass"): settings::BreakGlassSettings {
        /// Path of the socket. Only its owner may open it.
        socket: required Resolved<LocalPath>,
        /// Path of the journal of kills. It is read again at the next start.
        journal: required Resolved<LocalPath>,
    } => settings::BreakGlassSettings { socket, journal }
}

object! {
    /// Upgrade of the running process.
    Upgrade("an upgrade"): settings::UpgradeSettings {
        /// Path of the socket at which the next process connects. Only its owner may open it.
        socket: required Resolved<LocalPath>,
    } => settings::UpgradeSettings { socket }
}

object! {
    /// Interpretation of request targets.
    Target("a reading of targets"): TargetOptions {
        /// Treatment of `%2F` in a path. Default: reject.
        encoded_slash: strict EncodedSlash = EncodedSlash::Reject,
    } => TargetOptions { encoded_slash }
}

words! { EncodedSlash { "reject" => Reject, "decode" => Decode, "keep" => Keep } }

object! {
    /// Log of errors and state changes, on standard error.
    ProcessLog("a process log"): settings::ProcessLogSettings {
        /// Least important level that is logged. Default: info.
        level: strict LogLevel,
        /// Format of a line: `text` for people, `json` for machines. Default: text.
        format: strict ProcessLogFormat,
    } => settings::ProcessLogSettings { level, format }
}

words! {
    LogLevel { "error" => Error, "warn" => Warn, "info" => Info, "debug" => Debug, "trace" => Trace }
}

words! { ProcessLogFormat { "text" => Text, "json" => Json } }

object! {
    /// Log with one line for each request.
    AccessLog("an access log"): settings::AccessLog {
        /// Destination. Default: stdout.
        output: strict LogOutput = settings::LogOutput::Stdout,
        /// Format of a line: `json` for machines, `human` for people. Default: json.
        format: strict LogFormat = LogFormat::Json,
        /// Logs the query of a request. Default: false.
        query: strict Boolean = false,
    } => settings::AccessLog { output, format, query }
}

union! {
    Receipts("`off` or `{ keep: 4096, sample: 0.01 }`"): Option<settings::ReceiptSettings> {
        scalar Off => |Off::Off| None,
        mapping ReceiptsObject => Some,
    }
}

object! {
    /// Decisions of requests that are kept in memory: of every refused one, and of a sample of the others.
    ReceiptsObject("a mapping of receipts"): settings::ReceiptSettings {
        /// Number of requests that are kept, the latest ones. Each takes at most 4 KiB. Default: 4096.
        keep: strict Whole<usize, 16, 1_000_000> = settings::ReceiptSettings::default().keep,
        /// Share of the forwarded requests that are kept, too, from 0 to 1, in steps of 0.000001. Default: 0.
        sample: strict Share = settings::ReceiptSettings::default().sample_ppm,
    } => settings::ReceiptSettings { keep, sample_ppm: sample }
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

/// Destinations of lines that are not files.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StandardOutput {
    Stdout,
    Stderr,
    Off,
}
words! { StandardOutput { "stdout" => Stdout, "stderr" => Stderr, "off" => Off } }

single! {
    /// File that lines are appended to.
    LogFile("a log file") file: Resolved<FilePath>, "Path of the file.";
}

object! {
    /// Shutdown of the process.
    Drain("a drain"): settings::Drain {
        /// Time to keep serving while `/readyz` reports not ready. Default: 5s, or 0s on a terminal.
        delay: strict Duration,
        /// Maximum time for in-flight requests afterwards. Default: 30s.
        timeout: strict Duration = settings::Drain::default().timeout_ms,
    } => settings::Drain { delay_ms: delay, timeout_ms: timeout }
}

/// The most tenants that have a series because they are named, and because they are seen first.
const MAX_TENANTS: i64 = 100;
/// The maximum of named tenants of metrics.
const MAX_NAMED_TENANTS: usize = 100;

/// The tenants that requests are counted by, as written.
pub(crate) struct TenantsOfMetrics<'s> {
    pub(crate) max: usize,
    pub(crate) names: Vec<PlacedText<'s>>,
}

object! {
    /// Metrics that are counted on request.
    Metrics("metrics"): Option<TenantsOfMetrics<'s>> {
        /// Tenants that requests are counted by. Default: none.
        tenants: strict TenantMetrics,
    } => tenants
}

object! {
    /// Tenants that requests are counted by; the others are counted together.
    TenantMetrics("metrics by tenant", Needs::AtLeastOne): TenantsOfMetrics<'s> {
        /// Number of tenants that get a series when they are seen first. Default: 0.
        max: strict Whole<usize, 0, MAX_TENANTS> = 0,
        /// Ids of tenants that have a series in any case. Default: none.
        names: default List<Placed<TenantId>, 1, MAX_NAMED_TENANTS>,
    } => TenantsOfMetrics { max, names }
}
