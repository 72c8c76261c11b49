//! Reports from people, by the sentences of docs/rollouts.md.

use super::*;
use crate::event::Event;
use crate::report::{MAX_OPEN_REPORTS, MAX_REPORTS_OF_ORG};

fn start_state() -> State {
    state(json!({ "version": 1, "flags": {
        "board": { "lifecycle": "alpha", "revertible": true },
        "shell": { "lifecycle": "ga" },
    }, "tenants": { "acme": {}, "globex": {} } }))
}

fn report(org: &str, cause: &str) -> Change {
    Change::Report {
        flag: "board".into(),
        org: org.into(),
        cause: cause.into(),
        ticket: None,
        text: None,
    }
}

fn close(report: u64) -> Change {
    Change::CloseReport {
        flag: "board".into(),
        report,
    }
}

/// Opens a report, and returns its id.
fn open(state: &mut State, org: &str, cause: &str) -> u64 {
    made(state, &admin(report(org, cause), 0));
    state.revision.0
}

fn most_orgs(state: &State) -> usize {
    state.states["board"].reports.most_orgs()
}

/// Returns the codes of the refusal of a promotion to beta after its soak; none if it is permitted.
fn promotion(state: &State) -> Vec<&'static str> {
    let request = admin(set_state("board", Lifecycle::Beta), 30 * 24 * HOUR);
    match plan(state, &request, &LifecyclePolicy::default(), &GOOD) {
        Ok(_) => Vec::new(),
        Err(found) => codes(&refusals(found)),
    }
}

#[test]
fn two_orgs_with_one_cause_block_promotions() {
    let mut state = start_state();
    open(&mut state, "acme", "no save");
    assert!(promotion(&state).is_empty(), "one report is a signal");
    open(&mut state, "acme", "No save");
    open(&mut state, "globex", "slow");
    assert!(promotion(&state).is_empty(), "an org counts once for a cause");
    let last = open(&mut state, "globex", "  NO SAVE ");
    assert_eq!(promotion(&state), ["OPEN_REPORTS"]);
    let refusals = refused(
        &state,
        &admin(set_state("board", Lifecycle::Beta), 30 * 24 * HOUR),
    );
    let said = &refusals[0];
    assert!(
        said.detail.ends_with("`no save` from acme, globex"),
        "{}",
        said.detail
    );
    assert_eq!(
        said.facts["causes"],
        json!([{ "cause": "no save", "orgs": ["acme", "globex"] }])
    );
    made(&mut state, &admin(close(last), 0));
    assert!(promotion(&state).is_empty(), "closed reports do not block");
}

#[test]
fn an_urgent_promotion_skips_open_reports() {
    let mut state = start_state();
    open(&mut state, "acme", "no save");
    open(&mut state, "globex", "no save");
    let plan = made(
        &mut state,
        &admin(urgently("board", Lifecycle::Beta), 30 * 24 * HOUR),
    );
    assert_eq!(plan.summary.skipped, [Code::OpenReports]);
}

#[test]
fn a_report_is_stored_with_its_entry_and_closed() {
    let mut state = start_state();
    let before = records(&state);
    let request = admin(
        Change::Report {
            flag: "board".into(),
            org: "acme".into(),
            cause: " no save ".into(),
            ticket: Some("SUP-1".into()),
            text: Some(" since noon ".into()),
        },
        HOUR,
    );
    let plan = made(&mut state, &request);
    let id = state.revision.0;
    let entry = &plan.audit[0];
    assert_eq!(
        (entry.event, entry.flag.as_deref(), entry.org.as_deref()),
        (Event::Reported, Some("board"), Some("acme"))
    );
    assert_eq!(
        Value::from(entry.details.clone()),
        json!({ "report": id, "cause": "no save", "ticket": "SUP-1" })
    );
    let after = records(&state);
    let stored = &after["states"]["board"]["reports"][id.to_string()];
    assert_eq!(
        (&stored["cause"], &stored["text"], &stored["by"]),
        (&json!("no save"), &json!("since noon"), &json!("ada"))
    );
    assert_eq!(patched(before, &entry.patch.operations().unwrap()), after);
    // The same report again changes nothing.
    assert!(made(&mut state, &request).edits.is_empty());

    let plan = made(&mut state, &admin(close(id), 2 * HOUR));
    let entry = &plan.audit[0];
    assert_eq!(
        (entry.event, entry.org.as_deref()),
        (Event::ReportClosed, Some("acme"))
    );
    assert!(state.states["board"].reports.is_empty());
    assert_eq!(
        codes(&refused(&state, &admin(close(id), 0))),
        ["REPORT_NOT_FOUND"]
    );
    assert!(records(&state)["states"]["board"].get("reports").is_none());
}

#[test]
fn another_spelling_of_a_cause_is_the_same_report() {
    let mut state = start_state();
    let id = made(&mut state, &admin(report("acme", "Ärger  beim SAVE"), 0));
    assert_eq!(id.summary.report, Some(state.revision.0));
    for cause in ["ärger beim save", "ÄRGER\u{a0}BEIM SAVE", "  Ärger beim   Save "] {
        let again = made(&mut state, &admin(report("acme", cause), HOUR));
        assert!(again.edits.is_empty(), "{cause}");
        assert_eq!(again.summary.report, id.summary.report, "{cause}");
    }
    let other = made(&mut state, &admin(report("globex", "ärger beim save"), 0));
    assert_ne!(other.summary.report, id.summary.report);
    assert_eq!(most_orgs(&state), 2);
    let longer = made(&mut state, &admin(report("acme", "ärger beim save von x"), 0));
    assert_eq!((longer.edits.len(), most_orgs(&state)), (1, 2));
}

#[test]
fn a_report_of_an_unknown_org_counts_with_a_warning() {
    let mut state = start_state();
    let warning = |state: &mut State, org: &str| {
        let plan = made(state, &admin(report(org, "no save"), 0));
        let notes = plan.summary.notes.into_iter();
        notes
            .map(|note| (note.code.as_str(), note.detail))
            .collect::<Vec<_>>()
    };
    assert_eq!(warning(&mut state, "acme"), []);
    for _ in 0..2 {
        let detail = "acmee has no record as a tenant; the report counts".to_owned();
        assert_eq!(warning(&mut state, "acmee"), [("UNKNOWN_ORG", detail)]);
    }
    assert_eq!(most_orgs(&state), 2);
}

#[test]
fn stored_reports_are_read_again() {
    let mut state = start_state();
    open(&mut state, "acme", "no save");
    open(&mut state, "globex", "no save");
    let stored = all_keys(&state).into_iter().map(|key| {
        let record = codec::record(&state, &key).unwrap();
        (key, crate::record::Json::from(&record))
    });
    let read = codec::read_records(state.revision, stored.collect::<Vec<_>>());
    assert!(read.is_ok_and(|read| read.states["board"].reports == state.states["board"].reports));
}

#[test]
fn an_org_admin_reports_for_its_own_org_only() {
    let mut state = start_state();
    let by_acme = |change| by(Role::OrgAdmin, Some("acme"), admin(change, 0));
    made(&mut state, &by_acme(report("acme", "no save")));
    assert_eq!(
        codes(&refused(&state, &by_acme(report("globex", "no save")))),
        ["ROLE_MISSING"]
    );
    assert_eq!(
        codes(&refused(&state, &by_acme(close(state.revision.0)))),
        ["ROLE_MISSING"]
    );
    let viewer = by(Role::Viewer, None, admin(report("acme", "slow"), 0));
    assert_eq!(codes(&refused(&state, &viewer)), ["ROLE_MISSING"]);
}

#[test]
fn open_reports_are_limited() {
    let mut state = start_state();
    for cause in 0..MAX_REPORTS_OF_ORG {
        open(&mut state, "acme", &format!("cause {cause}"));
    }
    let codes_of = |state: &State, org| codes(&refused(state, &admin(report(org, "one more"), 0)));
    assert_eq!(codes_of(&state, "acme"), ["TOO_MANY_REPORTS"]);
    let ids: Vec<u64> = state.states["board"].reports.iter().map(|(id, _)| id).collect();
    let refusals = refused(&state, &admin(report("acme", "one more"), 0));
    assert_eq!(refusals[0].facts["reports"], json!(ids));
    let help = refusals[0].help.as_deref().unwrap();
    let oldest = format!("the oldest are: {}, {}, {}", ids[0], ids[1], ids[2]);
    assert!(help.ends_with(&oldest), "{help}");
    for org in MAX_REPORTS_OF_ORG..MAX_OPEN_REPORTS {
        open(&mut state, &format!("org-{org}"), "no save");
    }
    assert_eq!(codes_of(&state, "globex"), ["TOO_MANY_REPORTS"]);
    assert_eq!(most_orgs(&state), MAX_OPEN_REPORTS - MAX_REPORTS_OF_ORG);
    let (id, _) = state.states["board"].reports.iter().next().unwrap();
    made(&mut state, &admin(close(id), 0));
    open(&mut state, "globex", "one more");
}

#[test]
fn unreadable_texts_of_a_report_are_refused() {
    let state = start_state();
    let (long, words) = ("x".repeat(1_001), "x".repeat(101));
    let written = |cause: &str, ticket: &str, text: &str| {
        let change = Change::Report {
            flag: "board".into(),
            org: "acme".into(),
            cause: cause.into(),
            ticket: Some(ticket.into()),
            text: Some(text.into()),
        };
        let found = refused(&state, &admin(change, 0));
        let fields = found.iter().map(|refusal| {
            assert_eq!(refusal.code, Code::InvalidReport);
            refusal.facts["field"].as_str().unwrap().to_owned()
        });
        fields.collect::<Vec<String>>()
    };
    for cause in ["", "  ", "...", "two\nlines", "\u{202e}evas on", &words] {
        assert_eq!(written(cause, "SUP-1", "text"), ["cause"], "{cause:?}");
    }
    assert_eq!(written("no save", &words, &long), ["ticket", "text"]);
    assert_eq!(written("no save", "a\u{7}b", "a\tb"), ["ticket", "text"]);
}
