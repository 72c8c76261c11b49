//! Reports from people: opening and closing them.

use serde_json::{Map, Value};

use super::builder::{PlanBuilder, PlanStep};
use super::note::{Note, NoteCode};
use crate::event::Event;
use crate::flag::ManagedFlag;
use crate::plain_text::is_readable;
use crate::refusal::{Code, Refusal};
use crate::report::{MAX_OPEN_REPORTS, MAX_REPORTS_OF_ORG, Report};

/// The longest cause and ticket, in characters.
const MAX_WORDS: usize = 100;
/// The longest text, in characters.
const MAX_TEXT: usize = 1_000;
/// The most reports that a sentence names.
const MAX_NAMED: usize = 3;

/// Opens a report. One that is open already is not opened again, and has the same result.
pub(super) fn open(
    builder: &mut PlanBuilder<'_>,
    key: &str,
    org: &str,
    (cause, ticket, text): (&str, Option<&str>, Option<&str>),
) -> PlanStep {
    let mut flag = builder.flag(key)?;
    let report = Report {
        org: org.to_owned(),
        cause: cause.trim().to_owned(),
        ticket: written(ticket),
        text: written(text),
        by: builder.request.actor.name.clone(),
        at: builder.at(),
    };
    check_texts(&report)?;
    let reports = &mut flag.state_mut().reports;
    if builder.state.tenant(org).is_none() {
        builder.plan.summary.notes.push(unknown_org(org));
    }
    if let Some(id) = reports.same_as(&report) {
        builder.plan.summary.report = Some(id);
        return Ok(());
    }
    let of_org = reports.iter().filter(|(_, open)| open.org == org);
    let of_org: Vec<u64> = of_org.map(|(id, _)| id).collect();
    if of_org.len() >= MAX_REPORTS_OF_ORG {
        let number = of_org.len();
        let detail = format!("{org} has {number} open reports about {key}, as many as an org may have");
        return Err(too_many(detail, &of_org).into());
    }
    if reports.len() >= MAX_OPEN_REPORTS {
        let detail = format!("{key} has {MAX_OPEN_REPORTS} open reports, as many as a flag may have");
        let all: Vec<u64> = reports.iter().map(|(id, _)| id).collect();
        return Err(too_many(detail, &all).into());
    }
    // The revision of the commit, which no other report has: a change is committed at the next one, or not at all.
    let id = builder.state.revision.0.saturating_add(1);
    let details = details(id, &report);
    builder.plan.summary.report = Some(id);
    reports.open(id, report);
    write(builder, Event::Reported, key, flag, (org, details));
    Ok(())
}

/// Returns the note of a report that counts, but whose org may be misspelled.
fn unknown_org(org: &str) -> Note {
    Note {
        code: NoteCode::UnknownOrg,
        detail: format!("{org} has no record as a tenant; the report counts"),
        help: "check the spelling of the org; if it is right, create its record".to_owned(),
    }
}

/// Closes a report.
pub(super) fn close(builder: &mut PlanBuilder<'_>, key: &str, id: u64) -> PlanStep {
    let mut flag = builder.flag(key)?;
    let Some(report) = flag.state_mut().reports.close(id) else {
        let refusal = Refusal::new(Code::ReportNotFound, format!("{key} has no open report {id}"));
        return Err(vec![refusal.help("list its open reports").fact("report", id)].into());
    };
    let details = details(id, &report);
    write(builder, Event::ReportClosed, key, flag, (&report.org, details));
    Ok(())
}

/// Writes a flag, with an audit entry that is in the log of the org too.
fn write(
    builder: &mut PlanBuilder<'_>,
    event: Event,
    key: &str,
    flag: ManagedFlag,
    (org, details): (&str, Map<String, Value>),
) {
    builder.write_flag(event, key, flag, details);
    if let Some(entry) = builder.plan.audit.last_mut() {
        entry.org = Some(org.to_owned());
    }
}

fn details(id: u64, report: &Report) -> Map<String, Value> {
    let details = [
        ("report", Some(Value::from(id))),
        ("cause", Some(report.cause.as_str().into())),
        ("ticket", report.ticket.as_deref().map(Value::from)),
    ];
    let details = details.into_iter();
    details
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// Returns a text without surrounding white space; none if nothing is left.
fn written(text: Option<&str>) -> Option<String> {
    let text = text?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Refuses a report with an unreadable text.
fn check_texts(report: &Report) -> Result<(), Vec<Refusal>> {
    let fields = [
        ("cause", Some(&report.cause), MAX_WORDS),
        ("ticket", report.ticket.as_ref(), MAX_WORDS),
        ("text", report.text.as_ref(), MAX_TEXT),
    ];
    let invalid = fields
        .into_iter()
        .filter(|(_, text, max)| text.is_some_and(|text| !is_readable(text, *max)));
    let refusals: Vec<Refusal> = invalid
        .map(|(field, _, max)| {
            let detail = format!("`{field}` of the report is empty, too long or unreadable");
            Refusal::new(Code::InvalidReport, detail)
                .help(format!(
                    "write it in 1 to {max} characters on one line, with at least one letter or digit"
                ))
                .fact("field", field)
        })
        .collect();
    if refusals.is_empty() {
        Ok(())
    } else {
        Err(refusals)
    }
}

/// Returns the refusal of one more report, with the ids of those that could be closed, the oldest first.
fn too_many(detail: String, open: &[u64]) -> Vec<Refusal> {
    let oldest: Vec<String> = open.iter().take(MAX_NAMED).map(u64::to_string).collect();
    let help = format!(
        "have those closed whose problem is solved; the oldest are: {}",
        oldest.join(", ")
    );
    let refusal = Refusal::new(Code::TooManyReports, detail).help(help);
    vec![refusal.fact(
        "reports",
        open.iter().copied().map(Value::from).collect::<Vec<_>>(),
    )]
}
