//! Incidents of flags: opened with a kill or a revert or by themselves, and closed by an operator.

use serde_json::{Map, Value};

use super::builder::{PlanBuilder, PlanStep};
use super::note::{Note, NoteCode};
use crate::event::Event;
use crate::flag::ManagedFlag;
use crate::incident::{Incident, MAX_OPEN_INCIDENTS, validated};
use crate::refusal::{Code, Refusal};

/// The most incidents that a sentence names.
const MAX_NAMED: usize = 3;

/// Opens an incident.
pub(super) fn open(builder: &mut PlanBuilder<'_>, key: &str, link: &str) -> PlanStep {
    let mut flag = builder.flag(key)?;
    let link = validated(link)?;
    if has(&flag, link) {
        return Ok(());
    }
    if flag.state.incidents.len() >= MAX_OPEN_INCIDENTS {
        return Err(vec![too_many(key, &flag)].into());
    }
    add(builder, &mut flag, link);
    builder.write_flag(Event::IncidentOpened, key, flag, details(link));
    Ok(())
}

/// Closes an incident.
pub(super) fn close(builder: &mut PlanBuilder<'_>, key: &str, link: &str) -> PlanStep {
    let mut flag = builder.flag(key)?;
    let link = validated(link)?;
    if !has(&flag, link) {
        let open = flag.state.incidents.iter();
        let open: Vec<Value> = open.map(|incident| incident.link.as_str().into()).collect();
        let help = match open.is_empty() {
            true => "no incident of it is open",
            false => "name it as it was opened; `incidents` of the flag lists the open ones",
        };
        let detail = format!("{key} has no open incident `{link}`");
        let refusal = Refusal::new(Code::UnknownIncident, detail).help(help);
        return Err(vec![refusal.fact("incidents", open)].into());
    }
    flag.state_mut()
        .incidents
        .retain(|incident| incident.link != link);
    builder.write_flag(Event::IncidentClosed, key, flag, details(link));
    Ok(())
}

/// The incident of a kill or a revert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// There is none, or it is open.
    Settled,
    /// It is not opened, because the flag has too many. Only an audit entry has it.
    NotOpened,
}

/// Opens the incident that a kill or a revert of `key` names. Nothing may block a kill, so beyond the limit the incident is
/// not opened, which a note says: the audit log has it, and the open ones block promotions.
pub(super) fn open_with(
    builder: &mut PlanBuilder<'_>,
    (key, flag): (&str, &mut ManagedFlag),
    link: Option<&str>,
) -> Named {
    let Some(link) = link.filter(|link| !has(flag, link)) else {
        return Named::Settled;
    };
    if flag.state.incidents.len() >= MAX_OPEN_INCIDENTS {
        let refusal = too_many(key, flag);
        builder.summary().notes.push(Note {
            code: NoteCode::TooManyIncidents,
            detail: format!("the incident is not opened: {}", refusal.detail),
            help: refusal.help.unwrap_or_default(),
        });
        return Named::NotOpened;
    }
    add(builder, flag, link);
    Named::Settled
}

/// Returns the refusal of one more incident, with those that could be closed.
fn too_many(key: &str, flag: &ManagedFlag) -> Refusal {
    let links = flag.state.incidents.iter().map(|incident| incident.link.as_str());
    let oldest: Vec<&str> = links.clone().take(MAX_NAMED).collect();
    let links: Vec<Value> = links.map(Value::from).collect();
    let detail = format!(
        "{key} has {} open incidents, as many as a flag may have",
        links.len()
    );
    Refusal::new(Code::TooManyIncidents, detail)
        .help(format!(
            "close those that are over, then open this one; the oldest are: {}",
            oldest.join(", ")
        ))
        .fact("incidents", links)
}

fn add(builder: &PlanBuilder<'_>, flag: &mut ManagedFlag, link: &str) {
    let incident = Incident {
        link: link.to_owned(),
        by: builder.request.actor.name.clone(),
        at: builder.at(),
    };
    flag.state_mut().incidents.push(incident);
}

fn has(flag: &ManagedFlag, link: &str) -> bool {
    flag.state.incidents.iter().any(|incident| incident.link == link)
}

fn details(link: &str) -> Map<String, Value> {
    Map::from_iter([("incident".to_owned(), link.into())])
}
