//! The levels of the process log, as the admin API shows and sets them.

use std::fmt;
use std::time::{Duration, Instant};

use control::{LogLevelState, SetLogLevels, time_text};
use logging::{CurrentLevels, InvalidDirective, Levels};
use parking_lot::Mutex;
use rules::Timestamp;
use tracing::{Level, event_enabled, info};

use crate::clock;

/// The levels of a log without directives.
const DEFAULT: &str = "info";

/// The levels, once the log is started.
static LEVELS: Mutex<Option<SetLevels>> = Mutex::new(None);

struct SetLevels {
    levels: CurrentLevels,
    /// The directives in force.
    directives: String,
    /// The former directives, if they return.
    returning: Option<Returning>,
}

struct Returning {
    directives: String,
    due: Instant,
    at: Timestamp,
}

/// The levels of the log of this process.
pub(crate) struct LogLevels;

/// Remembers the levels of the log that was just started.
pub(crate) fn remember(levels: CurrentLevels, directives: &str) {
    let directives = match directives.trim() {
        "" => DEFAULT,
        directives => directives,
    };
    *LEVELS.lock() = Some(SetLevels {
        levels,
        directives: directives.to_owned(),
        returning: None,
    });
}

/// Sets the former levels again if their time has come. Called several times a second.
pub(crate) fn return_if_due() {
    let mut locked = LEVELS.lock();
    let Some(set) = locked.as_mut() else { return };
    if set
        .returning
        .as_ref()
        .is_none_or(|returning| returning.due > Instant::now())
    {
        return;
    }
    if let Some(returning) = set.returning.take() {
        let level = returning.directives.clone();
        let log = || info!(level, "the former levels of the log are in force again");
        set.apply(returning.directives, log);
    }
}

impl SetLevels {
    /// Sets the levels. `log` writes a line about it at `info`, before the change if it is shown then: the new levels may
    /// hide it.
    fn apply(&mut self, directives: String, log: impl Fn()) {
        let is_shown = event_enabled!(Level::INFO);
        if is_shown {
            log();
        }
        self.levels.set(Levels::parse(&directives).0);
        if !is_shown {
            log();
        }
        self.directives = directives;
    }

    fn state(&self) -> LogLevelState {
        LogLevelState {
            level: self.directives.clone(),
            until: self.returning.as_ref().map(|returning| returning.at),
            afterwards: self
                .returning
                .as_ref()
                .map(|returning| returning.directives.clone()),
        }
    }
}

impl SetLogLevels for LogLevels {
    fn show(&self) -> LogLevelState {
        let locked = LEVELS.lock();
        let without_log = || LogLevelState {
            level: "off".to_owned(),
            until: None,
            afterwards: None,
        };
        locked.as_ref().map_or_else(without_log, SetLevels::state)
    }

    fn set(&self, directives: &str, time: Option<Duration>, by: &str) -> Result<LogLevelState, Vec<String>> {
        let (_, invalid) = Levels::parse(directives);
        if !invalid.is_empty() {
            return Err(invalid.iter().map(reason).collect());
        }
        let mut locked = LEVELS.lock();
        let Some(set) = locked.as_mut() else {
            return Err(vec!["this process has no log".to_owned()]);
        };
        // Of several changes with a time, the levels before the first one return.
        let former = set.returning.take().map(|returning| returning.directives);
        let former = former.unwrap_or_else(|| set.directives.clone());
        set.returning = time.map(|time| Returning {
            directives: former,
            due: Instant::now() + time,
            at: Timestamp(
                clock::now()
                    .0
                    .saturating_add(i64::try_from(time.as_millis()).unwrap_or(0)),
            ),
        });
        let until = set.returning.as_ref().map(|returning| time_text(returning.at));
        let log = || info!(by, level = %directives, until, "the levels of the log were set");
        set.apply(directives.to_owned(), log);
        Ok(set.state())
    }
}

/// Returns the reason why a directive can't be followed. The text may be a secret that was pasted by mistake.
fn reason(invalid: &InvalidDirective) -> String {
    let sentence: &dyn fmt::Display = match invalid {
        InvalidDirective::NotRead(directive) => &format!("`{directive}` is neither LEVEL nor MODULE=LEVEL"),
        InvalidDirective::Capped { directive, most } => &format!(
            "`{directive}` can be at most `{most}`: beyond that, dependencies may print what clients send"
        ),
    };
    redact::masked(&redact::escaped(&sentence.to_string())).into_owned()
}
