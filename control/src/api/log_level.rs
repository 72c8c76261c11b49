//! Endpoints of the levels of the process log.

use std::time::Duration;

use changes::{Event, timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::warn;
use utoipa::ToSchema;

use super::handler::{JsonBody, NoBody, Reply};
use super::problem::ApiProblem;
use super::request::ApiRequest;
use super::{Api, codes, security_entries};
use crate::log_levels::{LogLevelState, MAX_LOG_LEVEL_TIME, SetLogLevels};

/// The longest directives, in bytes.
const MAX_DIRECTIVES: usize = 1_000;

/// The levels of the process log.
#[derive(Serialize, ToSchema)]
#[schema(as = LogLevel)]
pub(crate) struct LogLevelBody {
    /// The directives in force, such as `info,proxy=debug`.
    level: String,
    /// The time at which the former directives return.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    until: Option<String>,
    /// The directives that return then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    afterwards: Option<String>,
}

/// The levels to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewLogLevel)]
pub(crate) struct NewLogLevel {
    /// `LEVEL` and `MODULE=LEVEL`, separated by commas: 1 to 1,000 bytes.
    level: String,
    /// The seconds after which the former levels return: 1 to 86,400. Without it the levels stay until the next start.
    #[serde(default)]
    for_seconds: Option<u32>,
}

impl JsonBody for NewLogLevel {}

impl From<LogLevelState> for LogLevelBody {
    fn from(state: LogLevelState) -> Self {
        Self {
            level: state.level,
            until: state.until.map(timestamp::text),
            afterwards: state.afterwards,
        }
    }
}

pub(crate) fn show(api: &Api, _: &ApiRequest, _: NoBody) -> Result<Reply<LogLevelBody>, ApiProblem> {
    Ok(Reply::new(levels(api)?.show().into()))
}

pub(crate) fn set(
    api: &Api,
    request: &ApiRequest,
    body: NewLogLevel,
) -> Result<Reply<LogLevelBody>, ApiProblem> {
    let levels = levels(api)?;
    let invalid = |detail: String| ApiProblem::new(codes::INVALID_LOG_LEVEL, detail);
    if body.level.trim().is_empty() || body.level.len() > MAX_DIRECTIVES {
        return Err(invalid(format!("`level` has 1 to {MAX_DIRECTIVES} bytes")));
    }
    if body.level.split(',').all(|directive| directive.trim().is_empty()) {
        return Err(invalid("`level` has no directive".to_owned()));
    }
    let time = body
        .for_seconds
        .map(|seconds| Duration::from_secs(seconds.into()));
    if time.is_some_and(|time| time.is_zero() || time > MAX_LOG_LEVEL_TIME) {
        let most = MAX_LOG_LEVEL_TIME.as_secs();
        return Err(invalid(format!("`for_seconds` is a number from 1 to {most}")));
    }
    let set = levels
        .set(body.level.trim(), time, &request.actor.name)
        .map_err(|reasons| {
            invalid(reasons.join("; ")).help("write directives such as `info` or `info,proxy=debug`")
        })?;
    let until = set.until.map(timestamp::text);
    let mut entry = security_entries::audited_operation(api, Event::LogLevelSet, request);
    entry.details.insert("level".to_owned(), json!(set.level));
    if let Some(until) = until {
        entry.details.insert("until".to_owned(), Value::String(until));
    }
    // Where there is no store, or it can't be written, the levels still change: they help to find out why.
    if !api.control().is_read_only()
        && let Err(error) = api.control().record(vec![entry])
    {
        warn!(%error, "a change of the levels of the log could not be written to the audit log");
    }
    Ok(Reply::new(set.into()))
}

fn levels(api: &Api) -> Result<&dyn SetLogLevels, ApiProblem> {
    let missing = || {
        ApiProblem::new(
            codes::NOT_FOUND,
            "this process has no log whose levels can change",
        )
    };
    api.log_levels.as_deref().ok_or_else(missing)
}
