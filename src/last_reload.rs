//! The last load of the documents of this process, for people: the one of the start, or a reload.

use std::collections::BTreeMap;

use config::{Colour, Inputs, Report};
use control::{DocumentProblem, DocumentReport, ReloadReport, ReloadResult, time_text};
use parking_lot::Mutex;
use redact::masked;
use rules::Timestamp;

/// Maximum length of a rendered problem, in bytes.
const MAX_TEXT: usize = 4 * 1024;

/// The last load, and the last accepted one.
#[derive(Debug)]
pub(crate) struct LastReload(Mutex<Loads>);

#[derive(Debug)]
struct Loads {
    accepted: ReloadReport,
    last: ReloadReport,
}

impl LastReload {
    /// Creates the record of a start with these warnings.
    pub(crate) fn accepted_at(at: Timestamp, inputs: &Inputs, warnings: &Report) -> Self {
        let accepted = ReloadReport {
            accepted: time_text(at),
            ..report_of(at, ReloadResult::Accepted, inputs, Some(warnings))
        };
        Self(Mutex::new(Loads {
            last: accepted.clone(),
            accepted,
        }))
    }

    /// Records a load that is served, with its warnings and the fields that need a restart.
    pub(crate) fn accept(&self, load: ReloadReport, needs_restart: &[&str]) {
        let accepted = ReloadReport {
            accepted: load.at.clone(),
            needs_restart: needs_restart.iter().map(|field| (*field).to_owned()).collect(),
            ..load
        };
        *self.0.lock() = Loads {
            last: accepted.clone(),
            accepted,
        };
    }

    /// Records that the files equal what is served.
    pub(crate) fn keep(&self, at: Timestamp) {
        let mut loads = self.0.lock();
        loads.last = ReloadReport {
            at: time_text(at),
            result: ReloadResult::Unchanged,
            ..loads.accepted.clone()
        };
    }

    /// Records a rejected load.
    pub(crate) fn reject(&self, load: ReloadReport) {
        let mut loads = self.0.lock();
        loads.last = ReloadReport {
            accepted: loads.accepted.at.clone(),
            ..load
        };
    }

    /// Returns the last load.
    pub(crate) fn report(&self) -> ReloadReport {
        self.0.lock().last.clone()
    }
}

/// Returns the report of a load that has read these files; `problems` are its errors, or its warnings.
pub(crate) fn report_of(
    at: Timestamp,
    result: ReloadResult,
    inputs: &Inputs,
    problems: Option<&Report>,
) -> ReloadReport {
    let mut by_file: BTreeMap<String, Vec<DocumentProblem>> = BTreeMap::new();
    if let Some(report) = problems {
        for problem in report.problems() {
            let place = report.place(problem);
            let text = report.render_problem(problem, Colour::Never);
            let text = masked(&text);
            let shown = text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default();
            let file = report.file(problem).unwrap_or_default();
            by_file.entry(file).or_default().push(DocumentProblem {
                severity: problem.severity.as_str(),
                code: problem.code,
                message: masked(&problem.title).into_owned(),
                line: place.as_ref().map(|place| place.line),
                column: place.as_ref().map(|place| place.column),
                help: problem.help.as_deref().map(|help| masked(help).into_owned()),
                text: shown.trim_end().to_owned(),
            });
        }
    }
    let mut documents: Vec<DocumentReport> = Vec::new();
    for file in inputs.files() {
        let file = file.display().to_string();
        if !documents.iter().any(|known| known.file == file) {
            let problems = by_file.remove(&file).unwrap_or_default();
            documents.push(DocumentReport { file, problems });
        }
    }
    // Those of files that could not be read, or that are named in another way.
    let others = by_file.into_iter();
    documents.extend(others.map(|(file, problems)| DocumentReport { file, problems }));
    ReloadReport {
        at: time_text(at),
        result,
        errors: problems.map_or(0, Report::errors),
        warnings: problems.map_or(0, Report::warnings),
        documents,
        ..ReloadReport::default()
    }
}
