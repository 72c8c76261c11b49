//! Incidents of flags.

use super::*;
use crate::event::Event;
use crate::incident::MAX_OPEN_INCIDENTS;

fn flags() -> State {
    state(json!({ "version": 1, "flags": {
        "young": { "lifecycle": "alpha" },
        "board": { "lifecycle": "beta", "revertible": true, "revert": "docs/revert" },
    }}))
}

fn with_incident(link: &str, request: Request) -> Request {
    Request {
        incident: Some(link.into()),
        ..request
    }
}

fn open_links(state: &State, flag: &str) -> Vec<String> {
    let incidents = state.states[flag].incidents.iter();
    incidents.map(|incident| incident.link.clone()).collect()
}

fn open(link: &str) -> Change {
    Change::OpenIncident {
        flag: "board".into(),
        incident: link.into(),
    }
}

fn close(link: &str) -> Change {
    Change::CloseIncident {
        flag: "board".into(),
        incident: link.into(),
    }
}

#[test]
fn a_kill_opens_its_incident() {
    let mut state = flags();
    let kill = || admin(Change::Kill { flag: "board".into() }, HOUR);
    let killed = made(&mut state, &with_incident(" INC-7 ", kill()));
    assert_eq!(killed.audit[0].details["incident"], "INC-7");
    let unsettled = state.states["board"].unsettled.clone().unwrap();
    assert_eq!(
        (unsettled.incident.as_deref(), unsettled.by.as_deref()),
        (Some("INC-7"), Some("ada"))
    );
    // A second kill changes nothing, unless it has another incident.
    assert!(
        made(&mut state, &with_incident("INC-7", kill()))
            .writes
            .is_empty()
    );
    made(&mut state, &with_incident("INC-8", kill()));
    let restore = admin(Change::Restore { flag: "board".into() }, 2 * HOUR);
    let restored = made(&mut state, &with_incident("INC-7", restore));
    assert_eq!(restored.audit[0].details["incident"], "INC-7");
    assert_eq!(open_links(&state, "board"), ["INC-7", "INC-8"]);
}

#[test]
fn a_revert_opens_its_incident() {
    let mut state = flags();
    let revert = admin(set_state("board", Lifecycle::Alpha), HOUR);
    let reverted = made(&mut state, &with_incident("https://inc.example/7", revert));
    assert_eq!(reverted.audit[0].details["incident"], "https://inc.example/7");
    assert_eq!(open_links(&state, "board"), ["https://inc.example/7"]);
}

#[test]
fn open_incidents_block_promotions() {
    let mut state = flags();
    let promote = admin(set_state("board", Lifecycle::Ga), 72 * HOUR);
    let opened = made(&mut state, &admin(open("INC-7"), HOUR));
    assert_eq!(opened.audit[0].event, Event::IncidentOpened);
    let refusals = refused(&state, &promote);
    assert_eq!(codes(&refusals), ["INCIDENT_OPEN"]);
    assert_eq!(refusals[0].facts["incidents"], json!(["INC-7"]));
    assert_eq!(
        codes(&refused(&state, &admin(close("INC-8"), HOUR))),
        ["UNKNOWN_INCIDENT"]
    );
    let closed = made(&mut state, &admin(close("INC-7"), 2 * HOUR));
    assert_eq!(closed.audit[0].event, Event::IncidentClosed);
    assert_eq!(closed.audit[0].details["incident"], "INC-7");
    assert!(plan(&state, &promote, &LifecyclePolicy::default(), &GOOD).is_ok());
}

#[test]
fn an_unreadable_incident_is_rejected() {
    let state = flags();
    for link in ["", " ", "a\nb", "\u{202e}INC"] {
        let kill = admin(Change::Kill { flag: "board".into() }, HOUR);
        for request in [with_incident(link, kill), admin(open(link), HOUR)] {
            assert_eq!(
                codes(&refused(&state, &request)),
                ["INVALID_INCIDENT"],
                "{link:?}"
            );
        }
    }
}

#[test]
fn a_kill_is_not_blocked_by_many_incidents() {
    let mut state = flags();
    for number in 0..MAX_OPEN_INCIDENTS {
        made(&mut state, &admin(open(&format!("INC-{number}")), HOUR));
    }
    let before = open_links(&state, "board");
    let refusals = refused(&state, &admin(open("INC-X"), HOUR));
    assert_eq!(codes(&refusals), ["TOO_MANY_INCIDENTS"]);
    assert_eq!(refusals[0].facts["incidents"], json!(before));
    let help = refusals[0].help.clone().unwrap();
    assert!(help.ends_with("the oldest are: INC-0, INC-1, INC-2"), "{help}");
    let note = Note {
        code: NoteCode::TooManyIncidents,
        detail: format!("the incident is not opened: {}", refusals[0].detail),
        help,
    };
    let kill = || admin(Change::Kill { flag: "board".into() }, HOUR);
    let killed = made(&mut state, &with_incident("INC-Y", kill()));
    assert_eq!(killed.audit[0].details["incident"], "INC-Y");
    assert_eq!(killed.summary.notes, std::slice::from_ref(&note));
    let revert = admin(set_state("board", Lifecycle::Alpha), HOUR);
    let reverted = made(&mut state, &with_incident("INC-Z", revert));
    assert_eq!(reverted.summary.notes, [note]);
    // No other incident is closed.
    assert_eq!(open_links(&state, "board"), before);
    assert!(
        state.states["board"]
            .unsettled
            .as_ref()
            .unwrap()
            .incident
            .as_deref()
            == Some("INC-Z")
    );
    made(&mut state, &admin(close("INC-0"), HOUR));
    let again = made(&mut state, &with_incident("INC-Y", kill()));
    assert!(again.summary.notes.is_empty());
    assert_eq!(open_links(&state, "board").last().unwrap(), "INC-Y");
}

#[test]
fn an_incident_beyond_the_limit_is_audited_again() {
    let mut state = flags();
    for number in 0..MAX_OPEN_INCIDENTS {
        made(&mut state, &admin(open(&format!("INC-{number}")), HOUR));
    }
    let kill = || admin(Change::Kill { flag: "board".into() }, HOUR);
    made(&mut state, &with_incident("INC-Y", kill()));
    let again = made(&mut state, &with_incident("INC-Z", kill()));
    assert!(again.writes.is_empty());
    let [entry] = &again.audit[..] else {
        panic!("{:?}", again.audit)
    };
    assert_eq!(
        (entry.event, entry.flag.as_deref(), &entry.details["incident"]),
        (Event::FlagKilled, Some("board"), &json!("INC-Z"))
    );
    // Without a new incident a kill of a killed flag leaves no entry.
    assert!(made(&mut state, &kill()).audit.is_empty());
    assert!(made(&mut state, &with_incident("INC-1", kill())).audit.is_empty());
}
