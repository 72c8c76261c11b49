//! The rows and cells of the tables of a record, as Markdown.

use std::time::Duration;

use changes::{CourseEntry, Turn, timestamp};
use config::{Advance, Check, Stage, ToJson as _, Window};
use serde_json::Value;

use crate::api::markdown::{code, plain};
use crate::stage_report::{ArmReport, Percentiles};

/// Returns the row of a stage: name, audience, lifecycle, percentage, duration, end.
pub(super) fn stage_row(stage: &Stage) -> [String; 6] {
    let audience = stage.audience.as_ref();
    [
        plain(&stage.name),
        audience.map_or("everyone".to_owned(), |audience| {
            code(&audience.value.to_json().to_string())
        }),
        stage
            .lifecycle
            .map_or("as before", |lifecycle| lifecycle.as_str())
            .to_owned(),
        format!("{} %", stage.percentage.to_json()),
        timestamp::duration(i64::try_from(stage.for_ms).unwrap_or(i64::MAX)),
        match stage.advance {
            Advance::Auto => "by itself".to_owned(),
            Advance::Manual => "by a person".to_owned(),
        },
    ]
}

/// Returns the row of an arm: name, requests, errors, tenants, p50, p95, p99.
pub(super) fn arm_row(name: &str, arm: &ArmReport) -> [String; 7] {
    let latency = |quantile: fn(&Percentiles) -> Duration| {
        let latency = arm.latency.as_ref().map(quantile);
        latency.map_or("no response".to_owned(), |latency| {
            format!("{} ms", latency.as_millis())
        })
    };
    [
        name.to_owned(),
        arm.totals.requests.to_string(),
        arm.totals.errors.to_string(),
        arm.tenants.to_string(),
        latency(|latency| latency.p50),
        latency(|latency| latency.p95),
        latency(|latency| latency.p99),
    ]
}

/// Formats a window in which stages may be entered.
pub(super) fn window_text(window: &Window) -> String {
    let days: Vec<&str> = window.days.names().collect();
    let Window {
        from, until, zone, ..
    } = window;
    format!("{} from {from} to {until} {}", days.join(" "), zone.name())
}

/// Formats the bound of a check as its plan writes it: `above 1%`.
pub(super) fn bound_text(check: &Check) -> String {
    let json = check.to_json();
    let fields = json.get(check.metric.as_str()).and_then(Value::as_object);
    let texts = fields.into_iter().flatten().map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match name.as_str() {
            "query" => code(&value),
            name => format!("{} {}", name.replace('_', " "), plain(&value)),
        }
    });
    texts.collect::<Vec<_>>().join(" ")
}

/// Formats a turn, with the role of an approval.
pub(super) fn turn_text(entry: &CourseEntry) -> String {
    let turn = match entry.turn {
        Turn::Set => "set",
        Turn::Edited => "edited",
        Turn::Approved => "approved",
        Turn::Started => "started",
        Turn::StageEntered => "stage entered",
        Turn::Paused => "paused",
        Turn::Resumed => "resumed",
        Turn::RolledBack => "rolled back",
        Turn::Cancelled => "cancelled",
        Turn::Completed => "completed",
    };
    let role = entry.role.as_deref();
    role.map_or_else(|| turn.to_owned(), |role| format!("{turn} for {}", plain(role)))
}
