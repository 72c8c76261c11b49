//! The table for people, in Markdown.

use std::fmt::Write as _;

use crate::baseline::{Results, Verdict, percent};
use crate::row::{Judgement, Row};

const HEAD: &str = "\
| row | serving instructions / bare pingora | baseline | serving instructions | all instructions | allocations | reallocations | bytes copied | instructions in memset (calls) | system calls |
|---|---|---|---|---|---|---|---|---|---|
";

/// Returns the table of `results`. Every count is per request.
pub(crate) fn table(rows: &[&Row], results: &Results, baseline: Option<&Results>) -> String {
    let mut table = HEAD.to_owned();
    for row in rows {
        let Some(result) = results.of(row.name) else {
            continue;
        };
        let ratio = match row.judgement {
            Judgement::Denominator => "1".to_owned(),
            _ => format!("{:.2}", result.ratio),
        };
        let before = match baseline.map(|baseline| baseline.compare(row, result.ratio)) {
            Some(Verdict::Unchanged { before } | Verdict::Better { before } | Verdict::Worse { before }) => {
                format!("{before:.2}, {}", percent(before, result.ratio))
            }
            Some(Verdict::NotGated) if row.judgement == Judgement::Reported => "not gated".to_owned(),
            _ => String::new(),
        };
        let counts = &result.counts;
        let calls = counts
            .system_calls
            .map_or_else(|| "not counted".to_owned(), |calls| format!("{calls:.1}"));
        let _ = writeln!(
            table,
            "| {} | {ratio} | {before} | {} | {} | {:.1} | {:.1} | {} | {} ({:.1}) | {calls} |",
            row.name,
            grouped(counts.serving_instructions),
            grouped(counts.instructions),
            counts.allocations,
            counts.reallocations,
            grouped(counts.copied_bytes),
            grouped(counts.memset_instructions),
            counts.memset_calls,
        );
    }
    table
}

/// Formats a number without a fraction, its digits in groups of three.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (place, digit) in digits.char_indices() {
        let is_start_of_group = place > 0 && (digits.len() - place).is_multiple_of(3);
        if is_start_of_group && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::row::ROWS;

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, text) in [
            (0.0, "0"),
            (999.4, "999"),
            (1_000.0, "1,000"),
            (1_234_567.0, "1,234,567"),
            (-123.0, "-123"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_row_has_its_ratio_its_baseline_and_its_counts() {
        let counts = |instructions| Counts {
            instructions,
            serving_instructions: instructions,
            allocations: 75.0,
            ..Counts::default()
        };
        let rows: Vec<&Row> = ROWS.iter().take(2).collect();
        let mut results = Results::default();
        let mut baseline = Results::default();
        for (row, now, before) in [(rows[0], 1_000.0, 1_000.0), (rows[1], 1_500.0, 2_000.0)] {
            results.add(row, counts(now)).unwrap();
            baseline.add(row, counts(before)).unwrap();
        }
        let table = table(&rows, &results, Some(&baseline));
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| bare | 1 |  | 1,000 | 1,000 | 75.0 | 0.0 | 0 | 0 (0.0) | not counted |",
                "| ungated | 1.50 | 2.00, -25.0 % | 1,500 | 1,500 | 75.0 | 0.0 | 0 | 0 (0.0) | not counted |",
            ]
        );
    }
}
