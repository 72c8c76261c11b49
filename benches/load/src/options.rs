//! The command line.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// Measures Sluice under load and writes the figures into docs/performance.md.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// The measurement
    #[arg(value_enum, default_value_t = Selection::All)]
    selection: Selection,
    /// Short runs, to check that everything works: the figures mean little
    #[arg(long)]
    pub(crate) quick: bool,
    /// Rounds of closed-loop runs, in each of which every contestant is measured
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds of one closed-loop run
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Rounds of open-loop runs, which measure latency
    #[arg(long, default_value_t = 3)]
    open_rounds: usize,
    /// Seconds of one open-loop run
    #[arg(long, default_value_t = 3.0)]
    open_seconds: f64,
    /// Seconds of each run of `under-change`
    #[arg(long, default_value_t = 60.0)]
    change_seconds: f64,
    /// Idle connections
    #[arg(long, default_value_t = 10_000)]
    connections: u32,
    /// Distinct tokens of the runs with uncached tokens
    #[arg(long, default_value_t = 1_000_000)]
    tokens: u32,
    /// Only tables whose title contains this text (`beside`)
    #[arg(long, default_value = "")]
    pub(crate) only: String,
    /// The binary of Sluice; default: the one beside this program
    #[arg(long)]
    sluice: Option<PathBuf>,
    /// The binary of benches/bare-pingora; default: the one beside this program
    #[arg(long)]
    bare_pingora: Option<PathBuf>,
    /// The root of the repository
    #[arg(long, default_value = ".")]
    pub(crate) root: PathBuf,
    /// The page into which the figures are written; its charts are in a folder beside it
    #[arg(long, default_value = "docs/performance.md")]
    pub(crate) page: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Selection {
    All,
    Beside,
    UnderChange,
    Idle,
}

/// One of the measurements. Each has its section of the page.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Measurement {
    /// Contestants beside each other.
    Beside,
    /// Sluice while flags and tenants change.
    UnderChange,
    /// Sluice with idle connections.
    Idle,
}

impl Options {
    /// Returns the path of Sluice's binary.
    pub(crate) fn sluice(&self) -> anyhow::Result<PathBuf> {
        sibling(self.sluice.as_ref(), "sluice")
    }

    /// Returns the path of the binary of the bare pingora proxy.
    pub(crate) fn bare_pingora(&self) -> anyhow::Result<PathBuf> {
        sibling(self.bare_pingora.as_ref(), "bare-pingora")
    }

    /// Returns the selected measurements.
    pub(crate) fn measurements(&self) -> &'static [Measurement] {
        match self.selection {
            Selection::All => &[Measurement::Idle, Measurement::UnderChange, Measurement::Beside],
            Selection::Beside => &[Measurement::Beside],
            Selection::UnderChange => &[Measurement::UnderChange],
            Selection::Idle => &[Measurement::Idle],
        }
    }

    /// Returns the number of rounds and the time of a run in a closed loop.
    pub(crate) fn closed(&self) -> (usize, Duration) {
        let full = (self.rounds, self.seconds);
        let (rounds, seconds) = if self.quick { (2, 0.5) } else { full };
        (rounds, Duration::from_secs_f64(seconds))
    }

    /// Returns the number of rounds and the time of a run in an open loop.
    pub(crate) fn open(&self) -> (usize, Duration) {
        let full = (self.open_rounds, self.open_seconds);
        let (rounds, seconds) = if self.quick { (1, 0.5) } else { full };
        (rounds, Duration::from_secs_f64(seconds))
    }

    /// Returns the time of each run of `under-change`.
    pub(crate) fn change_duration(&self) -> Duration {
        Duration::from_secs_f64(if self.quick { 5.0 } else { self.change_seconds })
    }

    /// Returns the number of idle connections.
    pub(crate) fn connections(&self) -> u32 {
        if self.quick {
            self.connections.min(1_000)
        } else {
            self.connections
        }
    }

    /// Returns the number of distinct tokens that are used once each.
    pub(crate) fn tokens(&self) -> u32 {
        if self.quick {
            self.tokens.min(20_000)
        } else {
            self.tokens
        }
    }

    /// Returns the folder in which signed tokens are kept.
    pub(crate) fn token_folder(&self) -> PathBuf {
        self.root.join("target/load-tokens")
    }

    /// Returns the command that repeats this run, for the report.
    pub(crate) fn command() -> String {
        let arguments: Vec<String> = env::args().skip(1).collect();
        if arguments.is_empty() {
            "make bench-load".to_owned()
        } else {
            format!("make bench-load LOAD_ARGS=\"{}\"", arguments.join(" "))
        }
    }
}

/// Returns the given path, or that of a program in the folder of this one.
fn sibling(given: Option<&PathBuf>, name: &str) -> anyhow::Result<PathBuf> {
    match given {
        Some(path) => Ok(path.clone()),
        None => Ok(env::current_exe()?.with_file_name(name)),
    }
}
