//! The counts of the arms of a rollout plan by minute, in the body of its evidence.

use changes::timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::minute_report::MinuteReport;
use crate::stage_report::Percentiles;

/// The counts of the arms in one minute.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutMinute)]
pub(crate) struct MinuteBody {
    #[schema(format = DateTime)]
    start: String,
    /// The arms with requests.
    arms: Vec<ArmMinuteBody>,
}

/// The counts of one arm in one minute. Percentiles are of the requests that count for verdicts.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutArmMinute)]
struct ArmMinuteBody {
    /// `treatment`, `control`, `opted_in` or `excluded`.
    arm: &'static str,
    requests: u32,
    errors: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    p95_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    p99_ms: Option<f64>,
}

impl From<&MinuteReport> for MinuteBody {
    fn from(minute: &MinuteReport) -> Self {
        let arms = minute.arms.iter().map(|arm| {
            let [p50_ms, p95_ms, p99_ms] = percentiles_ms(arm.latency);
            ArmMinuteBody {
                arm: arm.arm.as_str(),
                requests: arm.requests,
                errors: arm.errors,
                p50_ms,
                p95_ms,
                p99_ms,
            }
        });
        Self {
            start: timestamp::text(minute.start),
            arms: arms.collect(),
        }
    }
}

/// Returns p50, p95 and p99 in milliseconds; none without a response.
pub(super) fn percentiles_ms(latency: Option<Percentiles>) -> [Option<f64>; 3] {
    let Some(Percentiles { p50, p95, p99 }) = latency else {
        return [None; 3];
    };
    [p50, p95, p99].map(|duration| Some(duration.as_secs_f64() * 1_000.0))
}
