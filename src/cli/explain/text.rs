//! The story as text: a phase a line, the steps of each flag below its gate.

use std::fmt::{Display, Write};

use rules::{Found, Outcome, Step};

use super::story::{FlagStory, Story};

/// The story as text.
pub(super) fn render(story: &Story) -> String {
    let mut page = Page(String::new());
    let as_sent = story
        .as_sent
        .as_ref()
        .map_or(String::new(), |sent| format!("(as sent: {sent})"));
    page.line("target", &story.target, &as_sent);
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
    page.0
}

struct Page(String);

impl Page {
    fn text(&mut self, line: impl Display) {
        // Writing to a string can't fail.
        let _ = writeln!(self.0, "{}", line.to_string().trim_end());
    }

    fn line(&mut self, label: &str, value: impl Display, note: impl Display) {
        self.text(format_args!("{label:<10}{:<44}{note}", value.to_string()));
    }

    fn flag(&mut self, flag: &FlagStory, named: bool) {
        if named {
            self.text(format_args!("          {}: serves {}", flag.key, flag.served));
        }
        let steps = &flag.explanation.steps;
        let reached = |step: &&Step| matches!(step.outcome, Outcome::Passed | Outcome::Decided);
        for step in steps.iter().filter(reached) {
            self.step(step);
        }
        let mut rest = steps.iter().filter(|step| !reached(step)).peekable();
        if rest.peek().is_some() {
            self.text("          would otherwise:");
            rest.for_each(|step| self.step(step));
        }
    }

    fn step(&mut self, step: &Step) {
        let mark = match step.outcome {
            Outcome::Decided => "=>",
            Outcome::Passed | Outcome::WouldPass | Outcome::WouldServe(_) => "  ",
        };
        self.text(format_args!(
            "         {mark} {:<34}{:<25}{}",
            step.question, step.answer, step.note
        ));
        for clause in &step.clauses {
            let holds = if clause.holds { "yes" } else { "no" };
            self.text(format_args!(
                "              {:<32}{holds:<25}{}",
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
