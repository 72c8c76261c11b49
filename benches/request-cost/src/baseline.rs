//! The committed baseline, and the comparison of a run with it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::counts::Counts;
use crate::row::{Judgement, Row};

/// The relative change of a ratio from which a row is worse or better. Two runs of one build differ by less than a third
/// of it.
const TOLERANCE: f64 = 0.03;

/// The results of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Results {
    /// In the order of the table.
    pub(crate) rows: Vec<RowResult>,
}

/// The result of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RowResult {
    pub(crate) name: String,
    /// Instructions of the threads that work for requests, per request, divided by those of bare pingora with the same traffic
    /// in the same run.
    pub(crate) ratio: f64,
    /// For the record: they depend on the compiler, the C library and the processor.
    pub(crate) counts: Counts,
}

/// A result compared with the baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    /// The row is not compared.
    NotGated,
    /// The baseline does not have the row.
    Unknown,
    Unchanged {
        before: f64,
    },
    Better {
        before: f64,
    },
    Worse {
        before: f64,
    },
}

impl Results {
    /// Adds a row, divided by its row of bare pingora, which comes before it.
    ///
    /// # Errors
    /// That row was not measured.
    pub(crate) fn add(&mut self, row: &Row, counts: Counts) -> Result<()> {
        let bare = if row.beside == row.name {
            counts.serving_instructions
        } else {
            let bare = self.of(row.beside);
            bare.with_context(|| format!("{} is not measured before {}", row.beside, row.name))?
                .counts
                .serving_instructions
        };
        self.rows.push(RowResult {
            name: row.name.to_owned(),
            ratio: (counts.serving_instructions / bare * 10_000.0).round() / 10_000.0,
            counts,
        });
        Ok(())
    }

    /// Returns the result of the row with this name.
    pub(crate) fn of(&self, name: &str) -> Option<&RowResult> {
        self.rows.iter().find(|result| result.name == name)
    }

    /// Returns the message for a row with more instructions than its limit permits, or with more allocations than the
    /// other row.
    pub(crate) fn above_limit(&self, row: &Row) -> Option<String> {
        let limit = row.limit?;
        let (result, beside) = (self.of(row.name)?, self.of(limit.row)?);
        let (now, other) = (result.counts.allocations, beside.counts.allocations);
        // Work in the background allocates, too, but not once for each request.
        if now > other + 0.9 {
            return Some(format!(
                "{}: {now:.1} allocations against {other:.1} of {}; no more are permitted",
                row.name, limit.row
            ));
        }
        let (now, other) = (
            result.counts.serving_instructions,
            beside.counts.serving_instructions,
        );
        (now > other * limit.most).then(|| {
            format!(
                "{}: {now:.0} instructions while serving, {} against {other:.0} of {}; permitted are {}",
                row.name,
                percent(other, now),
                limit.row,
                percent(1.0, limit.most)
            )
        })
    }

    /// Compares the result `now` of a row with this baseline.
    pub(crate) fn compare(&self, row: &Row, now: f64) -> Verdict {
        if row.judgement != Judgement::Gated {
            return Verdict::NotGated;
        }
        let Some(before) = self.of(row.name).map(|result| result.ratio) else {
            return Verdict::Unknown;
        };
        let change = now / before - 1.0;
        if change > TOLERANCE {
            Verdict::Worse { before }
        } else if change < -TOLERANCE {
            Verdict::Better { before }
        } else {
            Verdict::Unchanged { before }
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// There is none, or it is not one that [`Results::write`] wrote.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Writes a file.
    ///
    /// # Errors
    /// It can't be written.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(path, text).with_context(|| path.display().to_string())
    }
}

impl Verdict {
    /// Returns true if the run must fail.
    pub(crate) fn fails(self) -> bool {
        matches!(self, Self::Worse { .. } | Self::Unknown)
    }

    /// Returns the message for a row with the ratio `now`, if there is something to do.
    pub(crate) fn message(self, row: &str, now: f64) -> Option<String> {
        let record = "`make bench-request BASELINE=record`";
        match self {
            Self::NotGated | Self::Unchanged { .. } => None,
            Self::Unknown => Some(format!(
                "{row}: not in the baseline. Record it with {record} and commit the file"
            )),
            Self::Worse { before } => Some(format!(
                "{row}: {now:.3} times the instructions of bare pingora, before {before:.3} ({}). If the change is worth \
                 it, record a new baseline with {record} and commit the file with the reason",
                percent(before, now)
            )),
            Self::Better { before } => Some(format!(
                "{row}: {now:.3} times the instructions of bare pingora, before {before:.3} ({}). Record the new baseline \
                 with {record} and commit the file, so that the improvement is kept",
                percent(before, now)
            )),
        }
    }
}

/// Returns the relative change in percent, with its sign.
pub(crate) fn percent(before: f64, now: f64) -> String {
    format!("{:+.1} %", (now / before - 1.0) * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::ROWS;

    fn row(name: &str) -> &'static Row {
        ROWS.iter().find(|row| row.name == name).unwrap()
    }

    /// A baseline in which bare pingora takes 1,000 instructions.
    fn baseline(rows: &[(&str, f64)]) -> Results {
        let mut results = Results::default();
        for (name, instructions) in rows {
            let counts = Counts {
                instructions: *instructions,
                serving_instructions: *instructions,
                ..Counts::default()
            };
            results.add(row(name), counts).unwrap();
        }
        results
    }

    #[test]
    fn a_ratio_more_than_3_percent_worse_fails() {
        let baseline = baseline(&[("bare", 1_000.0), ("ungated", 2_000.0)]);
        for (now, fails) in [(2.062, true), (2.058, false), (2.0, false), (1.938, false)] {
            let verdict = baseline.compare(row("ungated"), now);
            assert_eq!(verdict.fails(), fails, "{now}: {verdict:?}");
        }
    }

    #[test]
    fn more_than_the_limit_of_a_row_fails() {
        for (planned, is_above) in [(1_029.0, false), (1_031.0, true)] {
            let results = baseline(&[
                ("bare", 1_000.0),
                ("unplanned-flag", 1_000.0),
                ("planned-flag", planned),
            ]);
            let message = results.above_limit(row("planned-flag"));
            assert_eq!(message.is_some(), is_above, "{message:?}");
            assert_eq!(results.above_limit(row("unplanned-flag")), None);
        }
    }

    #[test]
    fn an_allocation_more_than_the_other_row_fails() {
        for (planned, is_above) in [(4.8, false), (5.0, true)] {
            let mut results = baseline(&[("bare", 1_000.0)]);
            for (name, allocations) in [("unplanned-flag", 4.0), ("planned-flag", planned)] {
                let counts = Counts {
                    serving_instructions: 1_000.0,
                    allocations,
                    ..Counts::default()
                };
                results.add(row(name), counts).unwrap();
            }
            let message = results.above_limit(row("planned-flag"));
            assert_eq!(message.is_some(), is_above, "{message:?}");
        }
    }

    #[test]
    fn the_message_has_both_ratios_and_the_command() {
        let baseline = baseline(&[("bare", 1_000.0), ("ungated", 2_000.0)]);
        let verdict = baseline.compare(row("ungated"), 2.062);
        let message = verdict.message("ungated", 2.062).unwrap();
        for part in [
            "ungated",
            "2.062",
            "2.000",
            "+3.1 %",
            "make bench-request BASELINE=record",
        ] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_ratio_more_than_3_percent_better_is_to_be_recorded() {
        let baseline = baseline(&[("bare", 1_000.0), ("ungated", 2_000.0)]);
        let verdict = baseline.compare(row("ungated"), 1.938);
        assert_eq!(verdict, Verdict::Better { before: 2.0 });
        let message = verdict.message("ungated", 1.938).unwrap();
        assert!(message.contains("BASELINE=record"), "{message}");
        let verdict = baseline.compare(row("ungated"), 1.942);
        assert_eq!(verdict.message("ungated", 1.942), None);
    }

    #[test]
    fn tls_and_new_tokens_are_reported_only() {
        let baseline = baseline(&[("bare", 1_000.0), ("tls", 2_000.0), ("new-token", 2_000.0)]);
        for name in ["bare", "tls", "new-token"] {
            assert_eq!(baseline.compare(row(name), 9.0), Verdict::NotGated);
        }
    }

    #[test]
    fn a_gated_row_that_the_baseline_lacks_fails() {
        let verdict = baseline(&[("bare", 1_000.0)]).compare(row("ungated"), 1.0);
        assert!(verdict.fails());
        assert!(verdict.message("ungated", 1.0).is_some());
    }
}
