//! Endpoint of the traffic of flags by minute, for sparklines.

use changes::timestamp;
use rules::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::handler::{NoBody, Reply};
use super::problem::ApiProblem;
use super::query::DEFAULT_PAGE;
use super::request::ApiRequest;
use crate::flag_traffic::{ByMinute, FlagMinutes, TRAFFIC_MINUTES};
use crate::minute_report::{ArmMinute, MinuteReport};
use crate::observe::ArmName;

const MINUTE_MS: i64 = 60_000;

/// The traffic of flags in the last hour: 60 minutes, the current one included. A request is counted up to 5 s late.
#[derive(Serialize, ToSchema)]
#[schema(as = FlagTraffic)]
pub(crate) struct FlagTrafficBody {
    /// The time since when this process counts; absent for its first seconds. Minutes before it have no counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    since: Option<String>,
    /// The start of the first minute.
    #[schema(format = DateTime)]
    start: String,
    /// The flags with requests, in the order of their keys; with `flag` that flag.
    flags: Vec<FlagMinutesBody>,
    /// The value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// The traffic of one flag, by minute, the oldest first.
#[derive(Serialize, ToSchema)]
#[schema(as = FlagMinutes)]
pub(crate) struct FlagMinutesBody {
    flag: String,
    /// The requests whose gate decided it. A gate of several flags counts for each.
    #[schema(min_items = 60, max_items = 60)]
    requests: Vec<u32>,
    /// The responses of status 5xx to those of the requests that it was on for.
    #[schema(min_items = 60, max_items = 60)]
    errors: Vec<u32>,
    /// The arms of its rollout plan that had requests; only with `flag`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    arms: Vec<ArmMinutesBody>,
}

/// The traffic of one arm, by minute, the oldest first. It has the requests that an upstream should answer, whether the
/// flag was on or not, and the errors as the plan defines them.
#[derive(Serialize, ToSchema)]
#[schema(as = ArmMinutes)]
pub(crate) struct ArmMinutesBody {
    /// `treatment`, `control`, `opted_in` or `excluded`.
    arm: &'static str,
    #[schema(min_items = 60, max_items = 60)]
    requests: Vec<u32>,
    #[schema(min_items = 60, max_items = 60)]
    errors: Vec<u32>,
}

pub(crate) fn list(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<FlagTrafficBody>, ApiProblem> {
    let query = &request.query;
    let limit = query.number("limit").unwrap_or(DEFAULT_PAGE);
    let only = query.text("flag");
    if let Some(flag) = only
        && !api.control().read(|state, _| state.has_flag(flag))
    {
        return Err(ApiProblem::flag_not_found(flag));
    }
    let (since, first, mut flags) = {
        let traffic = api.control().flag_traffic();
        let flags = match only {
            Some(flag) => vec![traffic.flag(request.at, flag)],
            None => {
                let after = query.text("after").unwrap_or_default();
                let keys = query.keys("flags");
                traffic.flags(request.at, keys.as_ref(), after, limit.saturating_add(1))
            }
        };
        (traffic.since(), traffic.first_minute(request.at), flags)
    };
    let is_more = flags.len() > limit;
    flags.truncate(limit);
    let minutes = only.and_then(|flag| Some(api.judge.as_ref()?.minutes(flag)));
    let mut flags: Vec<FlagMinutesBody> = flags.into_iter().map(FlagMinutesBody::from).collect();
    if let ([flag], Some(minutes)) = (flags.as_mut_slice(), minutes) {
        flag.arms = arms(&minutes, first);
    }
    Ok(Reply::new(FlagTrafficBody {
        since: since.map(timestamp::text),
        start: timestamp::text(first),
        next: flags.last().filter(|_| is_more).map(|flag| flag.flag.clone()),
        flags,
    }))
}

impl From<FlagMinutes> for FlagMinutesBody {
    fn from(minutes: FlagMinutes) -> Self {
        Self {
            flag: minutes.flag,
            requests: minutes.requests.into(),
            errors: minutes.errors.into(),
            arms: Vec::new(),
        }
    }
}

/// Returns the counts of the arms with requests, from the minute that starts at `first`.
fn arms(minutes: &[MinuteReport], first: Timestamp) -> Vec<ArmMinutesBody> {
    let of_arm = |arm: ArmName| {
        let (mut requests, mut errors): (ByMinute, ByMinute) = ([0; TRAFFIC_MINUTES], [0; TRAFFIC_MINUTES]);
        for minute in minutes {
            let ago = minute.start.0.saturating_sub(first.0).div_euclid(MINUTE_MS);
            let place = usize::try_from(ago).ok();
            let counts = minute.arms.iter().find(|counts| counts.arm == arm);
            let (Some(place), Some(counts)) = (place, counts) else {
                continue;
            };
            let ArmMinute {
                requests: more,
                errors: failed,
                ..
            } = counts;
            if let Some(requests) = requests.get_mut(place) {
                *requests = requests.saturating_add(*more);
            }
            if let Some(errors) = errors.get_mut(place) {
                *errors = errors.saturating_add(*failed);
            }
        }
        ArmMinutesBody {
            arm: arm.as_str(),
            requests: requests.into(),
            errors: errors.into(),
        }
    };
    let all = [
        ArmName::Treatment,
        ArmName::Control,
        ArmName::OptedIn,
        ArmName::Excluded,
    ];
    let all = all.into_iter().map(of_arm);
    all.filter(|arm| arm.requests.iter().any(|requests| *requests > 0))
        .collect()
}
