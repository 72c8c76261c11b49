//! A report: all problems of a load, in the order of files and lines, with the texts to show them in.

use std::collections::HashSet;
use std::fmt;

use rules::Site;
use serde_json::{Value, json};

use crate::inputs::Inputs;
use crate::masked::message::mask_message;
use crate::problem::{At, MAX_PROBLEMS, Problem, Severity};
use crate::render::{self, Colour};
use crate::source::{Place, Sources};

/// The problems of one load.
#[derive(Debug)]
pub struct Report {
    problems: Vec<Problem>,
    errors: usize,
    warnings: usize,
    sources: Sources,
    inputs: Inputs,
}

impl Report {
    /// Sorts `problems` by place, drops repetitions, and keeps the first [`MAX_PROBLEMS`]. `more` is the number of
    /// errors that were only counted.
    pub(crate) fn new(mut problems: Vec<Problem>, more: usize, sources: Sources, inputs: Inputs) -> Self {
        problems.sort_by(|a, b| (a.site(), a.severity, a.code).cmp(&(b.site(), b.severity, b.code)));
        let mut seen = HashSet::new();
        problems.retain(|problem| seen.insert((problem.site(), problem.code, problem.title.clone())));
        let errors = problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .count();
        let warnings = problems.len() - errors;
        // Warnings are dropped first, so that they never hide an error.
        if problems.len() > MAX_PROBLEMS {
            let mut shown_warnings = MAX_PROBLEMS.saturating_sub(errors);
            problems.retain(|problem| match problem.severity {
                Severity::Error => true,
                Severity::Warning => {
                    let shown = shown_warnings > 0;
                    shown_warnings = shown_warnings.saturating_sub(1);
                    shown
                }
            });
            problems.truncate(MAX_PROBLEMS);
        }
        for problem in &mut problems {
            let secrets = problem.site().map(|site| sources.secrets_of(site));
            problem.mask(&secrets.unwrap_or_default());
        }
        Self {
            problems,
            errors: errors + more,
            warnings,
            sources,
            inputs,
        }
    }

    /// Replaces the places of problems by JSON pointers (RFC 6901), which `pointer` returns for their sites.
    pub(crate) fn with_pointers(mut self, pointer: impl Fn(Site) -> Option<String>) -> Self {
        let whole: Box<str> = self
            .sources
            .all()
            .first()
            .map_or("".into(), |source| source.name.clone());
        for problem in &mut self.problems {
            let At::Text(label) = &problem.at else { continue };
            problem.at = match pointer(label.site) {
                Some(pointer) => {
                    // The steps of a pointer are keys, and a secret may have been written in the place of a key.
                    let secrets = self.sources.secrets_of(label.site);
                    let masked = secrets.iter().fold(format!("`{pointer}`"), |pointer, secret| {
                        mask_message(&pointer, secret)
                    });
                    At::Pointer(redact::masked(masked.trim_matches('`')).into())
                }
                None => At::File(whole.clone()),
            };
            problem.others.clear();
        }
        self
    }

    /// Returns the problems that are shown, in the order of files and lines.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns the number of errors, shown or not.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Returns the number of warnings, shown or not.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.warnings
    }

    /// Returns the files that were read or tried to be read.
    #[must_use]
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Returns true if there is neither an error nor a warning.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors + self.warnings == 0
    }

    /// Returns the place of a problem of this report; none for a problem of a whole file or of an edit.
    #[must_use]
    pub fn place(&self, problem: &Problem) -> Option<Place> {
        match &problem.at {
            At::Place(place) => Some(place.clone()),
            At::Text(label) => self.sources.place(label.site),
            At::File(_) | At::Pointer(_) => None,
        }
    }

    /// Returns the file of a problem of this report; none if it has no place.
    #[must_use]
    pub fn file(&self, problem: &Problem) -> Option<String> {
        match &problem.at {
            At::File(file) => Some(file.to_string()),
            At::Text(_) | At::Place(_) => Some(self.place(problem)?.file.to_string()),
            At::Pointer(_) => self.sources.all().first().map(|source| source.name.to_string()),
        }
    }

    /// Renders a problem of this report as a compiler does, with its source lines.
    #[must_use]
    pub fn render_problem(&self, problem: &Problem, colour: Colour) -> String {
        render::problem(problem, &self.sources, colour)
    }

    /// Renders the problems as a compiler does, followed by the summary.
    #[must_use]
    pub fn render(&self, colour: Colour) -> String {
        let mut text = String::new();
        for problem in &self.problems {
            text.push_str(&self.render_problem(problem, colour));
            text.push_str("\n\n");
        }
        text.push_str(&self.summary());
        text.push('\n');
        text
    }

    /// Returns one line for a log: the first problem, and the number of further ones.
    #[must_use]
    pub fn headline(&self) -> String {
        let Some(first) = self.problems.first() else {
            return self.summary();
        };
        let place = match (&first.at, self.place(first)) {
            (At::File(place) | At::Pointer(place), _) => format!("{place}: "),
            (_, Some(place)) => format!("{place}: "),
            (_, None) => String::new(),
        };
        let more = match self.errors + self.warnings {
            0 | 1 => String::new(),
            all => format!(" (and {} more)", all - 1),
        };
        format!(
            "{place}{}[{}]: {}{more}",
            first.severity.as_str(),
            first.code,
            first.title
        )
    }

    /// Returns the last line of the report: `1 error, 1 warning in sluice.yaml, flags.yaml`.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let mut parts = Vec::new();
        if self.errors > 0 || self.warnings == 0 {
            parts.push(count(self.errors, "error"));
        }
        if self.warnings > 0 {
            parts.push(count(self.warnings, "warning"));
        }
        let mut files: Vec<&str> = self.sources.all().iter().map(|source| &*source.name).collect();
        for problem in &self.problems {
            match &problem.at {
                At::File(file) if !files.contains(&&**file) => files.push(file),
                At::Place(place) if !files.contains(&&*place.file) => files.push(&place.file),
                _ => {}
            }
        }
        let hidden = match (self.errors + self.warnings).saturating_sub(self.problems.len()) {
            0 => String::new(),
            hidden => format!(" ({hidden} of them not shown)"),
        };
        format!("{} in {}{hidden}", parts.join(", "), files.join(", "))
    }

    /// Returns the report for machines: `errors`, `warnings` and `problems`, each with `severity`, `code`, `message`,
    /// `file`, `line`, `column` and `help`. A problem of an edit has a `pointer` (RFC 6901) into the edited document
    /// instead of a line.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let problem = |problem: &Problem| {
            let place = self.place(problem);
            let mut body = json!({
                "severity": problem.severity.as_str(),
                "code": problem.code,
                "message": problem.title,
                "file": self.file(problem),
                "line": place.as_ref().map(|place| place.line),
                "column": place.as_ref().map(|place| place.column),
                "help": problem.help,
            });
            if let (Some(pointer), Some(body)) = (problem.pointer(), body.as_object_mut()) {
                body.insert("pointer".to_owned(), pointer.into());
            }
            body
        };
        json!({
            "errors": self.errors,
            "warnings": self.warnings,
            "problems": self.problems.iter().map(problem).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Colour::Never))
    }
}

impl std::error::Error for Report {}
