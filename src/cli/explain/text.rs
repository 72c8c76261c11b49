//! The explanation as text: one line per phase, and the steps of each flag below its gate. The input is JSON, because
//! the explanation of a server arrives as JSON.

use std::fmt::{Display, Write};

use serde_json::Value;

use crate::cli::render::json::{entries, is, list, number, text, word};
use crate::cli::render::{local_kill, printable};

/// Renders an explanation as text.
pub(super) fn render(story: &Value) -> String {
    let of = |field| text(story, field);
    let gate = story.get("gate").filter(|gate| !gate.is_null());
    let gate_name = gate.and_then(|gate| text(gate, "gate"));
    let limits = list(story, "limits")
        .iter()
        .filter_map(|limit| text(limit, "limit"));
    let values = [
        of("target"),
        of("route"),
        of("identity"),
        of("listener"),
        gate_name,
        of("unevaluated_gate"),
    ];
    let mut page = TextPage {
        text: String::new(),
        values: column(values.into_iter().flatten().chain(limits).map(width), 44),
    };
    let original_target = of("original_target").map_or(String::new(), |sent| format!("(as sent: {sent})"));
    page.line("target", of("target").unwrap_or_default(), original_target);
    if let Some(listener) = of("listener") {
        let note = match is(story, "listener_assumed") {
            true => "assumed: the first of several (--listener names another)",
            false => "",
        };
        page.line("listener", listener, note);
    }
    let readings: Vec<String> = list(story, "readings").iter().map(word).collect();
    if !readings.is_empty() {
        let note = "routes of other readings of the path";
        page.line("readings", readings.join(", "), note);
    }
    page.line(
        "route",
        of("route").unwrap_or("none"),
        of("place").unwrap_or_default(),
    );
    page.rejected_candidates(story);
    if let Some(preflight) = of("preflight") {
        page.line("preflight", preflight, "");
    }
    for limit in list(story, "limits") {
        let of = |field| text(limit, field).unwrap_or_default();
        let note = format!(
            "of {}, by {}; its current use is not known here",
            of("route"),
            of("by")
        );
        page.line("limit", of("limit"), note);
    }
    if let Some(identity) = of("identity").filter(|identity| !identity.is_empty()) {
        page.line("identity", identity, of("identity_source").unwrap_or_default());
    }
    page.client(story);
    match (gate, of("unevaluated_gate"), of("route")) {
        (Some(gate), ..) => page.gate(gate),
        (None, Some(gate), _) => page.line("gate", gate, "not evaluated"),
        (None, None, Some(_)) => page.line("gate", "none", ""),
        (None, None, None) => {}
    }
    page.line("answer", answer(story), "");
    page.line("upstream", of("upstream").unwrap_or("not called"), "");
    for (name, value) in entries(story, "headers") {
        page.text(format_args!("            {name}: {}", word(value)));
    }
    page.text
}

/// Renders the answer.
fn answer(story: &Value) -> String {
    let answer = story.get("answer").unwrap_or(&Value::Null);
    let of = |field| text(answer, field).unwrap_or_default();
    let Some(status) = number(answer, "status") else {
        let words = match (is(story, "open"), text(story, "route")) {
            (true, Some(_)) => "from the upstream",
            (true, None) => "from the upstream for unmatched requests",
            (false, _) => "from another upstream, the behaviour without the flag",
        };
        return words.to_owned();
    };
    let status = match number(answer, "grpc_status") {
        Some(grpc_status) => format!("{status} with grpc-status {grpc_status}"),
        None => status.to_string(),
    };
    if let Some(location) = text(answer, "location") {
        return format!("{status} to {location}");
    }
    match (of("code"), of("detail")) {
        (code, "") => format!("{status} {code}"),
        ("NOT_FOUND" | "NO_ROUTE", detail) => format!("{status}, {detail}"),
        ("FEATURE_NOT_ENABLED", detail) => format!("{status} FEATURE_NOT_ENABLED, {detail}"),
        (code, detail) => format!("{status} {code}: {detail}"),
    }
}

/// Indentation of a clause below its step.
const INDENT: usize = 2;
/// Smallest number of spaces between two columns.
const GAP: usize = 2;

struct TextPage {
    text: String,
    /// Width of the column of values, before their notes.
    values: usize,
}

/// The widths of the columns of a flag's steps.
struct Widths {
    questions: usize,
    answers: usize,
}

impl Widths {
    fn of(steps: &[Value]) -> Self {
        let clauses = steps.iter().flat_map(|step| list(step, "clauses"));
        // Clauses share the column of questions, and are indented.
        let clauses = clauses.map(|clause| field_width(clause, "clause").saturating_add(INDENT));
        let questions = clauses.chain(steps.iter().map(|step| field_width(step, "question")));
        Self {
            questions: column(questions, 34),
            answers: column(steps.iter().map(|step| field_width(step, "answer")), 25),
        }
    }
}

/// Returns the width of a field's text.
fn field_width(value: &Value, field: &str) -> usize {
    text(value, field).map_or(0, width)
}

fn width(text: &str) -> usize {
    printable(text).chars().count()
}

/// Returns the width of a column with entries of these widths, at least `least`.
fn column(entries: impl Iterator<Item = usize>, least: usize) -> usize {
    entries
        .map(|entry| entry.saturating_add(GAP))
        .fold(least, usize::max)
}

impl TextPage {
    fn text(&mut self, line: impl Display) {
        // Writing to a string can't fail.
        let _ = writeln!(self.text, "{}", printable(line.to_string().trim_end()));
    }

    fn line(&mut self, label: &str, value: impl Display, note: impl Display) {
        let width = self.values;
        let value = printable(&value.to_string());
        self.text(format_args!("{label:<10}{value:<width$}{note}"));
    }

    /// Adds the routes that match host and path but do not decide.
    fn rejected_candidates(&mut self, story: &Value) {
        for other in list(story, "rejected_candidates") {
            let of = |field| text(other, field).unwrap_or_default();
            self.line("", format_args!("not {}", of("route")), of("reason"));
        }
        let other_routes = number(story, "other_routes").unwrap_or(0);
        if other_routes > 0 && text(story, "route").is_none() {
            self.line("", format_args!("{other_routes} match another host or path"), "");
        }
    }

    /// Adds the client's address, or the attributes that have no value without it.
    fn client(&mut self, story: &Value) {
        let missing: Vec<String> = list(story, "missing_attributes").iter().map(word).collect();
        if let Some(client) = text(story, "client") {
            self.line("client", client, "");
        } else if !missing.is_empty() {
            let names = missing.join(", ");
            let note = format!("attributes without a value here: {names} (give --client)");
            self.line("client", "not known", note);
        }
    }

    fn gate(&mut self, gate: &Value) {
        let of = |field| text(gate, field).unwrap_or_default();
        let shadow = match is(gate, "shadow") {
            true => ", in shadow mode: not enforced",
            false => "",
        };
        self.line("gate", of("gate"), format_args!("{}{shadow}", of("verdict")));
        let flags = list(gate, "flags");
        flags.iter().for_each(|flag| self.flag(flag, flags.len() > 1));
    }

    fn flag(&mut self, flag: &Value, named: bool) {
        if named {
            let of = |field| text(flag, field).unwrap_or_default();
            self.text(format_args!("          {}: serves {}", of("flag"), of("variant")));
        }
        if let Some(kill) = local_kill(flag) {
            let of = text(flag, "flag").unwrap_or_default();
            self.text(format_args!("          {of} is killed on this machine {kill}"));
        }
        let steps = list(flag, "steps");
        let widths = Widths::of(steps);
        let reached = |step: &&Value| matches!(text(step, "outcome"), Some("passed" | "decided"));
        for step in steps.iter().filter(reached) {
            self.step(step, &widths);
        }
        let mut rest = steps.iter().filter(|step| !reached(step)).peekable();
        if rest.peek().is_some() {
            self.text("          would otherwise:");
            rest.for_each(|step| self.step(step, &widths));
        }
    }

    fn step(&mut self, step: &Value, widths: &Widths) {
        let of = |field| printable(text(step, field).unwrap_or_default());
        let mark = match text(step, "outcome") {
            Some("decided") => "=>",
            _ => "  ",
        };
        let Widths { questions, answers } = *widths;
        let (question, answer, note) = (of("question"), of("answer"), of("note"));
        self.text(format_args!(
            "         {mark} {question:<questions$}{answer:<answers$}{note}"
        ));
        let questions = questions.saturating_sub(INDENT);
        for clause in list(step, "clauses") {
            let holds = if is(clause, "holds") { "yes" } else { "no" };
            let clause_text = printable(text(clause, "clause").unwrap_or_default());
            let found = found(clause);
            self.text(format_args!(
                "              {clause_text:<questions$}{holds:<answers$}{found}"
            ));
        }
    }
}

/// Renders the value that a clause found in the subject, and the reason why the clause cannot hold for it; empty for a
/// segment.
fn found(clause: &Value) -> String {
    let value = match clause.get("found") {
        None => return String::new(),
        Some(Value::Null) => return "missing".to_owned(),
        Some(value) => word(value),
    };
    match text(clause, "note") {
        Some(note) => format!("has {value}: {note}"),
        None => format!("has {value}"),
    }
}
