//! Log levels by module, as `RUST_LOG` sets them.
//!
//! A level without a module is that of Sluice's own crates. Dependencies are silent except for the errors
//! that operators need, and can't be set beyond `error`. Below that they print what clients send, and a
//! client can make them print at any rate: h2 warns of each unsolicited PING acknowledgement.

use std::fmt;
use std::str::FromStr as _;

use tracing::Metadata;
use tracing::level_filters::LevelFilter;

/// Sluice's own crates.
const OWN_CRATES: [&str; 11] = [
    "sluice", "proxy", "control", "config", "rules", "tokens", "wire", "logging", "redact", "traces",
    "testkit",
];
/// The levels of dependencies unless `RUST_LOG` sets them: failures to watch files and to accept connections
/// are logged.
const DEPENDENCY_DEFAULTS: [(&str, LevelFilter); 2] = [
    ("notify", LevelFilter::ERROR),
    ("pingora_core::services::listening", LevelFilter::ERROR),
];
/// Dependencies whose errors were reviewed, in the versions of the lock file, and hold nothing that clients
/// send. Errors of the other crates of pingora hold request lines.
const REVIEWED_DEPENDENCIES: [&str; 8] = [
    "h2",
    "hyper",
    "hyper_util",
    "notify",
    "pingora_core::services::listening",
    "reqwest",
    "rustls",
    "tokio_rustls",
];

/// The level of each module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    /// The level of Sluice's own crates.
    own_crates: LevelFilter,
    /// The levels of these modules and the modules in them. The longest matching name applies.
    named: Vec<(String, LevelFilter)>,
}

/// A directive that is not followed as it was written. Messages do not name the variable that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidDirective {
    /// It is no level, no module, and no module with a level.
    NotRead(String),
    /// A dependency is turned up no further than this.
    Capped {
        /// The directive as written.
        directive: String,
        /// The level that counts.
        most: LevelFilter,
    },
}

impl fmt::Display for InvalidDirective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRead(directive) => {
                write!(
                    f,
                    "`{directive}` is neither LEVEL nor MODULE=LEVEL, and is ignored"
                )
            }
            Self::Capped { directive, most } => write!(
                f,
                "`{directive}` counts as `{most}`: beyond that, dependencies may print what clients send"
            ),
        }
    }
}

impl Default for Levels {
    fn default() -> Self {
        let defaults = DEPENDENCY_DEFAULTS
            .iter()
            .map(|(module, level)| ((*module).to_owned(), *level));
        Self {
            own_crates: LevelFilter::INFO,
            named: defaults.collect(),
        }
    }
}

impl Levels {
    /// Reads directives as `RUST_LOG` has them: `LEVEL`, `MODULE` and `MODULE=LEVEL`, separated by commas. Also returns
    /// those that are not followed as they were written.
    #[must_use]
    pub fn parse(directives: &str) -> (Self, Vec<InvalidDirective>) {
        let mut levels = Self::default();
        let mut invalid = Vec::new();
        for directive in directives.split(',').map(str::trim).filter(|one| !one.is_empty()) {
            match read(directive) {
                None => invalid.push(InvalidDirective::NotRead(directive.to_owned())),
                Some(("", level)) => levels.own_crates = level,
                Some((module, level)) => {
                    let most = most(module);
                    if level > most {
                        let directive = directive.to_owned();
                        invalid.push(InvalidDirective::Capped { directive, most });
                    }
                    levels.named.retain(|(named, _)| named != module);
                    levels.named.push((module.to_owned(), level.min(most)));
                }
            }
        }
        (levels, invalid)
    }

    /// Returns true if an event is logged. Spans never are.
    pub(crate) fn is_logged(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.of(metadata.target())
    }

    /// Returns the level of `module`.
    fn of(&self, module: &str) -> LevelFilter {
        let fitting = self.named.iter().filter(|(named, _)| is_in(module, named));
        match fitting.max_by_key(|(named, _)| named.len()) {
            Some((_, level)) => *level,
            None if is_own(module) => self.own_crates,
            None => LevelFilter::OFF,
        }
    }

    /// Returns the most verbose level of any module.
    pub(crate) fn most(&self) -> LevelFilter {
        let named = self.named.iter().map(|(_, level)| *level);
        named.max().unwrap_or(LevelFilter::OFF).max(self.own_crates)
    }
}

/// Returns the module and level of a directive; an empty module stands for Sluice's own crates.
fn read(directive: &str) -> Option<(&str, LevelFilter)> {
    if let Ok(level) = LevelFilter::from_str(directive) {
        return Some(("", level));
    }
    let (module, level) = match directive.split_once('=') {
        Some((module, level)) => (module, LevelFilter::from_str(level).ok()?),
        None => (directive, LevelFilter::TRACE),
    };
    let is_path = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    (!module.is_empty() && module.bytes().all(is_path)).then_some((module, level))
}

/// Returns the most verbose level that `module` may be given.
fn most(module: &str) -> LevelFilter {
    if is_own(module) {
        LevelFilter::TRACE
    } else if REVIEWED_DEPENDENCIES.iter().any(|read| is_in(module, read)) {
        LevelFilter::ERROR
    } else {
        LevelFilter::OFF
    }
}

fn is_own(module: &str) -> bool {
    OWN_CRATES.iter().any(|name| is_in(module, name))
}

/// Returns true if `module` is `outer` or within it.
fn is_in(module: &str, outer: &str) -> bool {
    let rest = module.strip_prefix(outer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests;
