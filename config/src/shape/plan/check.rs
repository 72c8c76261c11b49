//! The form of the checks of a rollout plan: exactly one metric each, with its bound.

use rules::Decimal;

use super::text::{PlanName, invalid_percentage, percent};
use crate::form::{Boxed, Field};
use crate::form::{Duration, Fields, Number, Prose, Whole, group, object, parsed, words};
use crate::rollout_plan::{Bound, Check, CheckAction, Metric, PrometheusBound};
use crate::shape::Needs;
use crate::validate::InvalidValue;

/// The help for a check with several metrics.
const SEVERAL_METRICS: &str = "write one check for each";
/// The help for a metric with several bounds.
const SEVERAL_BOUNDS: &str = "write one check for each bound";

object! {
    /// Check of a rollout plan: a metric, its bound, and the effect of a failure.
    CheckForm("a check", Needs::ExactlyOne(Metrics::FIELDS, SEVERAL_METRICS)): Check {
        /// Name, unique among the checks of a stage.
        name: required PlanName,
        /// Metric and bound.
        metric: include Metrics,
        /// Effect of a failure: `notify`, `pause` or `rollback`. Default: pause.
        then: default CheckAction,
    } => Check { name, metric: metric.into_metric()?, then }
}

words! { CheckAction::ALL }

group! {
    /// Metrics, of which a check has one.
    Metrics => MetricFields {
        /// Share of the requests that met an error.
        error_rate: field RateBound,
        /// Median of the time to the response.
        p50: field LatencyBound,
        /// 95th percentile of the time to the response.
        p95: field LatencyBound,
        /// 99th percentile of the time to the response.
        p99: field LatencyBound,
        /// Value of a query to Prometheus.
        prometheus: field QueryBound,
        /// Reports from people.
        reports: field ReportsBound,
    }
}

impl MetricFields<'_> {
    /// Returns the metric; none if it is missing or was refused.
    fn into_metric(self) -> Option<Metric> {
        let Self {
            error_rate,
            p50,
            p95,
            p99,
            prometheus,
            reports,
        } = self;
        let metrics = [
            error_rate.into_value().map(Metric::ErrorRate),
            p50.into_value().map(Metric::P50),
            p95.into_value().map(Metric::P95),
            p99.into_value().map(Metric::P99),
            prometheus.into_value(),
            reports.into_value(),
        ];
        metrics.into_iter().flatten().next()
    }
}

object! {
    /// Bound of a share of requests.
    RateBound("a bound of a rate", Needs::ExactlyOne(RateBounds::FIELDS, SEVERAL_BOUNDS)): Bound<Decimal> {
        /// Bound.
        bound: include RateBounds,
    } => either(bound.above, bound.worse_than_control)?
}

group! {
    /// Bounds of a rate, of which a metric has one.
    RateBounds => RateBoundFields {
        /// Fails above this value: a percentage for a rate, a duration for a time, a number for a query.
        above: field RateLimit,
        /// Fails if it is this much worse than in the control arm: `20%` allows 1.2 times the value.
        worse_than_control: field Excess,
    }
}

object! {
    /// Bound of a time.
    LatencyBound("a bound of a time", Needs::ExactlyOne(LatencyBounds::FIELDS, SEVERAL_BOUNDS)): Bound<u64> {
        /// Bound.
        bound: include LatencyBounds,
    } => either(bound.above, bound.worse_than_control)?
}

group! {
    /// Bounds of a time, of which a metric has one.
    LatencyBounds => LatencyBoundFields {
        /// Fails above this duration.
        above: field LatencyLimit,
        /// Fails if it is this much worse than in the control arm: `20%` allows 1.2 times the value.
        worse_than_control: field Excess,
    }
}

object! {
    /// Query to Prometheus, and its bound.
    QueryBound("a query with a bound", Needs::ExactlyOne(QueryBounds::FIELDS, SEVERAL_BOUNDS)): Metric {
        /// Query in PromQL that yields one number.
        query: required Query,
        /// Bound.
        bound: include QueryBounds,
    } => {
        let QueryBoundFields { above, below } = bound;
        let above = above.into_value().map(PrometheusBound::Above);
        let bound = above.or_else(|| below.into_value().map(PrometheusBound::Below))?;
        Metric::Prometheus { query, bound }
    }
}

group! {
    /// Bounds of a query, of which it has one.
    QueryBounds => QueryBoundFields {
        /// Fails above this number.
        above: field Number,
        /// Fails below this number.
        below: field Number,
    }
}

object! {
    /// Number of reports with which a check fails.
    ReportsBound("a bound of reports"): Metric {
        /// Number of orgs that report the same cause.
        same_cause: required Whole<u32, 1, 1_000>,
    } => Metric::Reports { same_cause }
}

/// Returns the bound that is written.
fn either<T>(above: Field<T>, worse_than_control: Field<Decimal>) -> Option<Bound<T>> {
    let above = above.into_value().map(Bound::Above);
    above.or_else(|| worse_than_control.into_value().map(Bound::WorseThanControl))
}

parsed! {
    RateLimit("a percentage such as `1%`", "invalid-percentage"): Decimal = |text| {
        let limit = percent(text).filter(|limit| *limit >= Decimal::ZERO && *limit < Decimal::from(100_u64));
        limit.ok_or_else(|| invalid_percentage(text, "write a percentage from 0 to below 100, such as `1%`"))
    };
    Excess("a percentage such as `20%`", "invalid-percentage"): Decimal = |text| {
        let excess = percent(text).filter(|excess| *excess >= Decimal::ZERO && *excess <= Decimal::from(1_000_u64));
        excess.ok_or_else(|| invalid_percentage(text, "write a percentage from 0 to 1000, such as `20%`"))
    };
}

parsed! {
    /// A bound of a time.
    LatencyLimit: Duration, "out-of-range", u64 = |ms, field| {
        let title = || format!("`{field}` is zero or longer than 10 minutes");
        (1..=600_000).contains(&ms).then_some(ms)
            .ok_or_else(|| InvalidValue::new(title(), "write a duration such as `2s` or `250ms`"))
    };
    /// A query in PromQL.
    Query: Boxed<Prose>, "out-of-range", Box<str> = |query, field| {
        const LONGEST: usize = 4_000;
        let is_within = !query.trim().is_empty() && query.chars().count() <= LONGEST;
        let title = || format!("`{field}` is empty or longer than {LONGEST} characters");
        is_within.then_some(query).ok_or_else(|| InvalidValue::new(title(), "write a query in PromQL"))
    };
}
