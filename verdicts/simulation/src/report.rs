//! The tables of docs/rollouts/simulation.md.

use std::fmt::Write;

use crate::{
    harmful::{Case, Times},
    healthy::{ALPHA, Outcome, PARTS},
};

/// The sums over all healthy plans.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alarms {
    /// The plans.
    pub plans: u32,
    /// Failed plans by part of the bound.
    pub failed: [u32; 2],
    /// The same in stages with a control arm, and in the stage without.
    pub failed_where: [[u32; 2]; 2],
    /// Failed plans by check, in the order of [`Outcome::evidence`].
    pub by_check: [u32; 6],
    /// Failed plans with ten times the alpha, by part.
    pub failed_loosely: [u32; 2],
    /// Plans that Flagger's and Argo's rules ended, by part.
    pub peers: [[u32; 2]; 2],
    /// Stages that ended with a pass, and stages with control.
    pub passed: (u32, u32),
}

impl Alarms {
    /// Counts a plan.
    pub fn add(&mut self, outcome: &Outcome) {
        self.plans += 1;
        for (part, (failed, loosely)) in self.failed.iter_mut().zip(&mut self.failed_loosely).enumerate() {
            *failed += u32::from(outcome.is_failed(part, ALPHA));
            *loosely += u32::from(outcome.is_failed(part, 10.0 * ALPHA));
        }
        for (part, of_part) in self.failed_where.iter_mut().enumerate() {
            for (control, failed) in of_part.iter_mut().enumerate() {
                *failed += u32::from(outcome.is_failed_where(part, control, ALPHA));
            }
        }
        for (check, failed) in self.by_check.iter_mut().enumerate() {
            *failed += u32::from(outcome.is_failed_by(check, ALPHA));
        }
        for (sums, ended) in self.peers.iter_mut().zip(&outcome.peers) {
            for (sum, ended) in sums.iter_mut().zip(ended) {
                *sum += u32::from(*ended);
            }
        }
        self.passed.0 += outcome.passed.0;
        self.passed.1 += outcome.passed.1;
    }

    /// Returns a part of the plans in percent, with the 95 % interval of Wilson.
    pub fn percent(&self, of: u32) -> String {
        let (count, all) = (f64::from(of), f64::from(self.plans.max(1)));
        let (rate, z) = (count / all, 1.96);
        let centre = (rate + z * z / (2.0 * all)) / (1.0 + z * z / all);
        let half = z * (rate * (1.0 - rate) / all + z * z / (4.0 * all * all)).sqrt() / (1.0 + z * z / all);
        let (low, high) = ((centre - half).max(0.0), (centre + half).min(1.0));
        format!(
            "{:.2} % ({:.2} to {:.2})",
            100.0 * rate,
            100.0 * low,
            100.0 * high
        )
    }

    /// Writes the table of false alarms.
    pub fn table(&self) -> String {
        let mut text = String::from(
            "| the arm's long-run rate | Sluice | in stages with control | without control | Flagger's rule | Argo's rule |\n|---|---|---|---|---|---|\n",
        );
        let rows = PARTS
            .iter()
            .zip(&self.failed)
            .zip(&self.failed_where)
            .zip(&self.peers);
        for (((part, failed), [control, none]), [flagger, argo]) in rows {
            let _ = writeln!(
                text,
                "| {part} of each bound | {} | {} | {} | {} | {} |",
                self.percent(*failed),
                self.percent(*control),
                self.percent(*none),
                self.percent(*flagger),
                self.percent(*argo)
            );
        }
        text.push_str("\n| check | failed plans |\n|---|---|\n");
        let names = [
            "errors above 2 times the long-run rate",
            "errors above 1.1 times the long-run rate",
            "p95 above the latency that half of 5 % exceed",
            "p95 above the latency that 0.9 of 5 % exceed",
            "errors worse than control by 20 %",
            "p95 worse than control by 20 %",
        ];
        for (name, failed) in names.iter().zip(self.by_check) {
            let _ = writeln!(text, "| {name} | {failed} |");
        }
        let (passed, stages) = self.passed;
        let _ = writeln!(
            text,
            "\nWith ten times the alpha: {} and {}. The comparison of errors ended {passed} of {stages} stages with a pass.",
            self.percent(self.failed_loosely[0]),
            self.percent(self.failed_loosely[1])
        );
        text
    }
}

/// Returns quantiles of times; nothing beyond those that ended.
pub fn quantile(times: &[Option<f64>], quantile: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = times.iter().map(|time| time.unwrap_or(f64::INFINITY)).collect();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank"
    )]
    let at = (quantile * (sorted.len().max(1) - 1) as f64).round() as usize;
    sorted.get(at).copied().filter(|time| time.is_finite())
}

fn shown(time: Option<f64>) -> String {
    time.map_or_else(|| "over 2 h".to_owned(), |time| format!("{time:.0}"))
}

/// Writes the heading of the table of detection times.
pub fn times_heading() -> String {
    "| harm | control | begins | Sluice: 10 % | median | 90 % | slowest | Flagger's rule, median | ended before the harm | Argo's rule, median | ended before the harm |\n|---|---|---|---|---|---|---|---|---|---|---|\n".to_owned()
}

/// Writes one row of the table of detection times, in seconds.
#[expect(clippy::cast_precision_loss, reason = "runs")]
pub fn times_row(case: &Case, times: &[Times]) -> String {
    let sluice: Vec<_> = times.iter().map(|times| times.sluice).collect();
    let peer = |of: fn(&Times) -> Option<f64>| {
        let all: Vec<_> = times.iter().map(of).collect();
        let early = all.iter().flatten().filter(|time| **time <= 0.0).count();
        let late: Vec<_> = all
            .into_iter()
            .filter(|time| time.is_none_or(|time| time > 0.0))
            .collect();
        (
            shown(quantile(&late, 0.5)),
            format!("{:.0} %", 100.0 * early as f64 / times.len().max(1) as f64),
        )
    };
    let (flagger, flagger_early) = peer(|times| times.flagger);
    let (argo, argo_early) = peer(|times| times.argo);
    let control = if case.share < 1.0 {
        format!("{:.0} tenants", 10.0 * (1.0 - case.share) / case.share)
    } else {
        "none".to_owned()
    };
    let begins = match case.healthy_minutes {
        0 => "with the stage".to_owned(),
        minutes => format!("after {minutes} min"),
    };
    format!(
        "| {} | {control} | {begins} | {} | **{}** | {} | {} | {flagger} | {flagger_early} | {argo} | {argo_early} |\n",
        case.name,
        shown(quantile(&sluice, 0.1)),
        shown(quantile(&sluice, 0.5)),
        shown(quantile(&sluice, 0.9)),
        shown(quantile(&sluice, 1.0)),
    )
}
