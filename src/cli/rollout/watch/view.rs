//! The view of a rollout plan on a terminal, as lines. Pure.

use serde_json::Value;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::cli::render::moment::moment_to_the_second;
use crate::cli::render::{json, printable};
use crate::cli::rollout::evidence::arms_table;
use crate::cli::rollout::measured_value::{bound, value, way_to_bound};
use crate::cli::rollout::stage;

/// The width of a bar, in columns.
const BAR: u8 = 20;
/// The width of the names at the left.
const NAME: usize = 12;
/// The width of a value or a bound.
const VALUE: usize = 9;

/// The terminal and the time at which a view is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'f> {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) is_coloured: bool,
    /// The time since the event, in milliseconds.
    pub(super) elapsed_ms: u64,
    /// A notice about the connection.
    pub(super) notice: Option<&'f str>,
}

/// A colour of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    Plain,
    Bold,
    Dim,
    Good,
    Bad,
    Open,
}

/// A line of coloured parts.
#[derive(Default)]
struct Line(Vec<(Colour, String)>);

/// Returns the lines of the view, which fit into the frame.
pub(super) fn lines(event: &Value, frame: Frame<'_>) -> Vec<String> {
    let (null, mut lines) = (Value::Null, Vec::new());
    let rollout = event.get("rollout").unwrap_or(&null);
    let evidence = event.get("evidence").unwrap_or(&null);
    lines.push(title(event, rollout));
    lines.push(Line::default());
    lines.extend(present(rollout, frame.elapsed_ms));
    let checks = json::list(evidence, "checks");
    if !checks.is_empty() {
        lines.push(Line::default());
        lines.push(check_headings());
        lines.extend(checks.iter().map(check));
    }
    if let Some(arms) = evidence.get("arms") {
        lines.push(Line::default());
        let table = arms_table(arms);
        let rows = table.lines().enumerate();
        lines.extend(rows.map(|(at, row)| Line::of(if at == 0 { Colour::Dim } else { Colour::Plain }, row)));
    }
    lines.push(Line::default());
    lines.extend(waits(rollout, checks));
    let room = frame.height.saturating_sub(1);
    let notice = frame
        .notice
        .map(|notice| Line::of(Colour::Open, &printable(notice)));
    lines.truncate(room.saturating_sub(usize::from(notice.is_some())));
    lines.extend(notice);
    lines.iter().map(|line| line.render(frame)).collect()
}

/// The flag, the state, the ticket and the time.
fn title(event: &Value, rollout: &Value) -> Line {
    let text = |field| json::text(rollout, field).map(printable).unwrap_or_default();
    let state = stage::state_words(rollout);
    let colour = match state.as_str() {
        "running" | "completed" => Colour::Good,
        "rolled back" | "cancelled" => Colour::Bad,
        _ => Colour::Open,
    };
    let at = json::text(event, "at")
        .map(moment_to_the_second)
        .unwrap_or_default();
    let mut line = Line::of(Colour::Bold, &text("flag"));
    line.push(Colour::Plain, "   ");
    line.push(colour, &printable(&state));
    for part in [text("ticket"), at] {
        if !part.is_empty() {
            line.push(Colour::Dim, &format!("   {part}"));
        }
    }
    line
}

/// The stage with its time, the next one, and the reason of a pause or an end.
fn present(rollout: &Value, elapsed_ms: u64) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(present) = rollout.get("stage") {
        let position = stage::position(rollout, present);
        let stage = format!("{position}: {}", stage::admitted(present));
        lines.push(named("stage", &printable(&stage)));
        let number = |field| json::number(present, field).unwrap_or_default();
        let is_running = json::text(rollout, "state") == Some("running");
        let elapsed = if is_running { elapsed_ms } else { 0 };
        let passed = number("passed_ms").saturating_add(elapsed);
        let duration = number("duration_ms");
        let text = |ms: u64| control::duration_text(i64::try_from(ms).unwrap_or(i64::MAX));
        let whole = text(duration);
        let left = match duration.saturating_sub(passed) {
            0 => format!("its time of {whole} is over"),
            left => format!("{} of {whole} left", text(left)),
        };
        let bar = bar(Some(share(passed, duration).min(1.0)));
        lines.push(named("time", &format!("{bar}  {left}")));
    }
    if let Some(next) = json::text(rollout, "next_stage") {
        lines.push(named("next", &printable(next)));
    }
    if let Some(halt) = stage::halt_text(rollout) {
        let mut line = named("halted", "");
        line.push(Colour::Bad, &printable(&halt));
        lines.push(line);
    }
    lines
}

#[expect(clippy::cast_precision_loss, reason = "for a bar of 20 columns")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn check_headings() -> Line {
    let headings = format!(
        "{}  {}  {}  {}  verdict",
        fitted("check", NAME),
        fitted("0 to bound", usize::from(BAR) + 2),
        fitted("value", VALUE),
        fitted("bound", VALUE)
    );
    Line::of(Colour::Dim, &headings)
}

fn check(check: &Value) -> Line {
    let text = |field| json::text(check, field).map(printable).unwrap_or_default();
    let verdict = text("verdict");
    let colour = match verdict.as_str() {
        "pass" => Colour::Good,
        "fail" => Colour::Bad,
        "inconclusive" => Colour::Open,
        _ => Colour::Dim,
    };
    let way = way_to_bound(check);
    let mut line = Line::of(Colour::Plain, &format!("{}  ", fitted(&text("check"), NAME)));
    let is_beyond = way.is_some_and(|way| way > 1.0);
    line.push(if is_beyond { Colour::Bad } else { Colour::Plain }, &bar(way));
    let numbers = [value(check), bound(check)].map(|number| fitted(&number, VALUE));
    line.push(Colour::Plain, &format!("  {}  ", numbers.join("  ")));
    line.push(colour, &verdict.replace('_', " "));
    line
}

/// A bar from 0 to 1: `[#####...............]`, with a mark for a value beyond it.
fn bar(share: Option<f64>) -> String {
    let Some(share) = share else {
        return format!("[{}]", " ".repeat(usize::from(BAR)));
    };
    let columns = share.clamp(0.0, 1.0) * f64::from(BAR);
    let filled = (0..BAR)
        .filter(|column| f64::from(*column) + 0.5 <= columns)
        .count();
    let end = if share > 1.0 { '>' } else { ']' };
    format!(
        "[{}{}{end}",
        "#".repeat(filled),
        ".".repeat(usize::from(BAR).saturating_sub(filled))
    )
}

/// The reasons for which the plan waits. A check has its reason from the evidence.
fn waits(rollout: &Value, checks: &[Value]) -> Vec<Line> {
    let waits = json::list(rollout, "waits").iter().enumerate();
    let lines = waits.map(|(at, wait)| {
        let detail = json::text(wait, "detail").unwrap_or_default();
        let name = json::text(wait, "check");
        let mut found = checks.iter();
        let check = found.find(|check| name.is_some() && json::text(check, "check") == name);
        let because = check.and_then(|check| json::text(check, "detail"));
        let because = because.map_or(String::new(), |because| format!(": {because}"));
        let title = if at == 0 { "waits for" } else { "" };
        named(title, &printable(&format!("{detail}{because}")))
    });
    lines.collect()
}

/// A line with a name at the left.
fn named(name: &str, text: &str) -> Line {
    let mut line = Line::of(Colour::Dim, &format!("{}  ", fitted(name, NAME)));
    line.push(Colour::Plain, text);
    line
}

/// Pads or cuts a text to a width in columns.
fn fitted(text: &str, width: usize) -> String {
    let cut = cut(text, width);
    let padding = width.saturating_sub(cut.width());
    format!("{cut}{}", " ".repeat(padding))
}

/// Cuts a text that is wider than this many columns.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (mut kept, mut used) = (String::new(), 0);
    for letter in text.chars() {
        used += letter.width().unwrap_or(0);
        if used >= width {
            break;
        }
        kept.push(letter);
    }
    kept.push('~');
    kept
}

impl Line {
    fn of(colour: Colour, text: &str) -> Self {
        let mut line = Self::default();
        line.push(colour, text);
        line
    }

    fn push(&mut self, colour: Colour, text: &str) {
        self.0.push((colour, text.to_owned()));
    }

    /// Renders the line, cut to the width of the frame.
    fn render(&self, frame: Frame<'_>) -> String {
        let (mut rendered, mut left) = (String::new(), frame.width);
        for (colour, text) in &self.0 {
            let text = cut(text, left);
            left = left.saturating_sub(text.width());
            let code = match colour {
                Colour::Plain => "",
                Colour::Bold => "1",
                Colour::Dim => "2",
                Colour::Good => "32",
                Colour::Bad => "31",
                Colour::Open => "33",
            };
            match frame.is_coloured && !code.is_empty() && !text.is_empty() {
                true => rendered.push_str(&format!("\x1b[{code}m{text}\x1b[0m")),
                false => rendered.push_str(&text),
            }
            if left == 0 {
                break;
            }
        }
        if frame.is_coloured {
            rendered
        } else {
            rendered.trim_end().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({
            "at": "2026-11-20T10:00:05.000Z",
            "rollout": {
                "flag": "dispatch.v2Board", "state": "running", "ticket": "OPS-1287", "stages": 3,
                "stage": { "name": "half", "number": 2, "percentage": 50, "duration_ms": 86_400_000_u64, "passed_ms": 21_570_000,
                           "remaining_ms": 64_830_000 },
                "next_stage": "all",
                "waits": [{ "reason": "time", "detail": "18 h of the stage are left, until 2026-11-21 04:00Z" },
                          { "reason": "check", "check": "slower", "detail": "the check `slower` is inconclusive" }],
            },
            "evidence": {
                "checks": [
                    { "check": "errors", "verdict": "pass", "unit": "share", "value": 0.004, "bound": 0.01 },
                    { "check": "slower", "verdict": "inconclusive", "unit": "ratio", "value": 1.31, "bound": 1.2,
                      "detail": "outside of the bound, without sufficient evidence" },
                    { "check": "a-name-that-is-too-long", "verdict": "not_applicable", "unit": "seconds", "bound": 2 },
                ],
                "arms": {
                    "treatment": { "requests": 5120, "errors": 20, "tenants": 9, "p50_ms": 12.3, "p95_ms": 110.0, "p99_ms": 1830 },
                    "control": { "requests": 4980, "errors": 18, "tenants": 11, "p50_ms": 12.0, "p95_ms": 84.1, "p99_ms": 1750 },
                },
            },
        })
    }

    const FRAME: Frame<'_> = Frame {
        width: 80,
        height: 24,
        is_coloured: false,
        elapsed_ms: 30_000,
        notice: None,
    };

    const VIEW: &str = "\
dispatch.v2Board   running   OPS-1287   2026-11-20 10:00:05Z

stage         half (2 of 3): 50 % of everyone
time          [#####...............]  18 h of 24 h left
next          all

check         0 to bound              value      bound      verdict
errors        [########............]  0.4 %      1 %        pass
slower        [####################>  +31 %      +20 %      inconclusive
a-name-that~  [                    ]  -          2 s        not applicable

arm         requests   errors        tenants   p50     p95      p99
treatment   5120       20 (0.39 %)   9         12 ms   110 ms   1.83 s
control     4980       18 (0.36 %)   11        12 ms   84 ms    1.75 s

waits for     18 h of the stage are left, until 2026-11-21 04:00Z
              the check `slower` is inconclusive: outside of the bound, without~
";

    #[test]
    fn a_view_of_80_columns_and_24_lines() {
        let found: String = lines(&event(), FRAME)
            .iter()
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(found, VIEW);
    }

    #[test]
    fn a_view_fits_into_any_terminal() {
        for (width, height) in [(1, 1), (20, 5), (79, 10), (200, 60)] {
            let frame = Frame {
                width,
                height,
                notice: Some("connection lost: \u{1b}[2J; trying again"),
                ..FRAME
            };
            let found = lines(&event(), frame);
            assert!(found.len() <= height, "{found:?}");
            assert!(found.iter().all(|line| line.width() <= width.max(1)), "{found:?}");
            assert!(!found.concat().contains('\u{1b}'));
        }
    }

    #[test]
    fn colours_change_no_text() {
        let coloured = Frame {
            is_coloured: true,
            ..FRAME
        };
        let found = lines(&event(), coloured).join("\n");
        assert!(found.contains("\u{1b}[32mpass\u{1b}[0m"), "{found}");
        assert!(found.contains("\u{1b}[33minconclusive\u{1b}[0m"), "{found}");
        let mut plain = found.clone();
        for code in ["0", "1", "2", "31", "32", "33"] {
            plain = plain.replace(&format!("\u{1b}[{code}m"), "");
        }
        let trimmed: String = plain
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect();
        assert_eq!(trimmed, VIEW);
    }

    #[test]
    fn a_halted_plan_shows_its_reason() {
        let mut event = event();
        event["rollout"]["state"] = "rolled_back".into();
        event["rollout"]["halt"] = json!({ "by": "rollout", "check": "errors" });
        let found = lines(&event, FRAME).join("\n");
        assert!(found.contains("rolled back"), "{found}");
        assert!(
            found.contains("halted        by rollout: the check `errors` failed"),
            "{found}"
        );
        // The time of a stage stops with the plan.
        assert!(found.contains("18 h 1 min of 24 h left"), "{found}");
    }

    #[test]
    fn a_stage_whose_time_is_over_says_so() {
        let mut event = event();
        event["rollout"]["stage"]["passed_ms"] = 90_000_000_u64.into();
        let found = lines(&event, FRAME).join("\n");
        assert!(
            found.contains("time          [####################]  its time of 24 h is over"),
            "{found}"
        );
    }
}
