//! The story as text: a phase a line, the steps of each flag below its gate.

use std::fmt::{Display, Write};

use rules::{Found, Outcome, Step};

use super::story::{FlagStory, Story};

/// The story as text.
pub(super) fn render(story: &Story) -> String {
    let gate = story.gate.as_ref().map(|gate| &gate.gate);
    let name = story.route.as_ref().map(|(name, _)| name);
    let values = [
        Some(&story.target),
        name,
        Some(&story.identity),
        gate,
        story.unasked_gate.as_ref(),
    ];
    let mut page = Page {
        text: String::new(),
        values: column(values.into_iter().flatten().map(|value| width(value)), 44),
    };
    let as_sent = story
        .as_sent
        .as_ref()
        .map_or(String::new(), |sent| format!("(as sent: {sent})"));
    page.line("target", &story.target, &as_sent);
    if !story.readings.is_empty() {
        page.line(
            "readings",
            story.readings.join(", "),
            "the path can be read so that it falls on these",
        );
    }
    match &story.route {
        Some((name, place)) => page.line("route", name, place),
        None => page.line("route", "none", ""),
    }
    if !story.identity.is_empty() {
        page.line("identity", &story.identity, &story.identity_source);
    }
    if let Some(gate) = &story.gate {
        let shadow = if gate.shadow {
            ", in shadow mode: not enforced"
        } else {
            ""
        };
        page.line("gate", &gate.gate, format_args!("{}{shadow}", gate.verdict()));
        let several = gate.flags.len() > 1;
        gate.flags.iter().for_each(|flag| page.flag(flag, several));
    } else if let Some(gate) = &story.unasked_gate {
        page.line("gate", gate, "not asked");
    } else if story.route.is_some() {
        page.line("gate", "none", "");
    }
    page.line("answer", &story.answer, "");
    page.line("upstream", story.upstream.as_deref().unwrap_or("not asked"), "");
    for (name, value) in &story.headers {
        page.text(format_args!("            {name}: {value}"));
    }
    page.text
}

/// How much farther in a clause begins than its step.
const INDENT: usize = 2;
/// Least spaces between two columns.
const GAP: usize = 2;

struct Page {
    text: String,
    /// Of the values of the phases, before their notes.
    values: usize,
}

/// The widths of the columns of a flag's steps.
struct Widths {
    questions: usize,
    answers: usize,
}

impl Widths {
    fn of(steps: &[Step]) -> Self {
        let clauses = steps.iter().flat_map(|step| &step.clauses);
        // Clauses are indented below their step.
        let clauses = clauses.map(|clause| width(&clause.clause).saturating_add(INDENT));
        let questions = clauses.chain(steps.iter().map(|step| width(&step.question)));
        Self {
            questions: column(questions, 34),
            answers: column(steps.iter().map(|step| width(&step.answer)), 25),
        }
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// The width of a column for entries of these widths, of at least `least`.
fn column(entries: impl Iterator<Item = usize>, least: usize) -> usize {
    entries
        .map(|entry| entry.saturating_add(GAP))
        .fold(least, usize::max)
}

impl Page {
    fn text(&mut self, line: impl Display) {
        // Writing to a string can't fail.
        let _ = writeln!(self.text, "{}", line.to_string().trim_end());
    }

    fn line(&mut self, label: &str, value: impl Display, note: impl Display) {
        let width = self.values;
        self.text(format_args!("{label:<10}{:<width$}{note}", value.to_string()));
    }

    fn flag(&mut self, flag: &FlagStory, named: bool) {
        if named {
            self.text(format_args!("          {}: serves {}", flag.key, flag.served));
        }
        let steps = &flag.explanation.steps;
        let widths = Widths::of(steps);
        let reached = |step: &&Step| matches!(step.outcome, Outcome::Passed | Outcome::Decided);
        for step in steps.iter().filter(reached) {
            self.step(step, &widths);
        }
        let mut rest = steps.iter().filter(|step| !reached(step)).peekable();
        if rest.peek().is_some() {
            self.text("          would otherwise:");
            rest.for_each(|step| self.step(step, &widths));
        }
    }

    fn step(&mut self, step: &Step, widths: &Widths) {
        let mark = match step.outcome {
            Outcome::Decided => "=>",
            Outcome::Passed | Outcome::WouldPass | Outcome::WouldServe(_) => "  ",
        };
        let Widths { questions, answers } = *widths;
        self.text(format_args!(
            "         {mark} {:<questions$}{:<answers$}{}",
            step.question, step.answer, step.note
        ));
        let questions = questions.saturating_sub(INDENT);
        for clause in &step.clauses {
            let holds = if clause.holds { "yes" } else { "no" };
            self.text(format_args!(
                "              {:<questions$}{holds:<answers$}{}",
                clause.clause,
                found(&clause.found)
            ));
        }
    }
}

fn found(found: &Found) -> String {
    match found {
        Found::Value(value) => format!("has {value}"),
        Found::Missing => "missing".to_owned(),
        Found::Segment => String::new(),
    }
}
