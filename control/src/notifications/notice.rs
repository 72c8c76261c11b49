//! A notice: one event about one flag.

use changes::{Entry, Event, Outcome, Sealed, Urgent, hash_text};
use config::NoticeEvent;
use rules::{Lifecycle, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A notice. No field may be left out where it is written: the evidence of rollouts, in postcard, has it by position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Identifies it. A notice that is sent again has the same id.
    pub id: String,
    /// The event.
    #[serde(serialize_with = "write_event", deserialize_with = "read_event")]
    pub event: NoticeEvent,
    /// The flag.
    pub flag: String,
    /// The time.
    #[serde(with = "changes::timestamp")]
    pub at: Timestamp,
    /// The actor.
    pub actor: String,
    /// A sentence with the facts.
    pub detail: String,
    /// The actor's reason.
    #[serde(default)]
    pub reason: Option<String>,
    /// The incident of a kill, a restore, a revert or an urgent promotion.
    #[serde(default)]
    pub incident: Option<String>,
    /// The justification of an urgent promotion.
    #[serde(default)]
    pub urgent: Option<Urgent>,
    /// The ticket of the rollout plan.
    #[serde(default)]
    pub ticket: Option<String>,
    /// The id of the request of the change.
    #[serde(default)]
    pub request_id: Option<String>,
}

fn write_event<S: Serializer>(event: &NoticeEvent, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(event.as_str())
}

fn read_event<'d, D: Deserializer<'d>>(from: D) -> Result<NoticeEvent, D::Error> {
    let name = String::deserialize(from)?;
    let event = NoticeEvent::ALL.into_iter().find(|event| event.as_str() == name);
    event.ok_or_else(|| serde::de::Error::custom(format_args!("unknown event `{name}`")))
}

impl Notice {
    /// Returns the notices of an entry of the audit log: a rollback can be a kill too, and a stage a promotion.
    pub(super) fn of_entry(sealed: &Sealed) -> Vec<Self> {
        let Ok(entry) = sealed.entry() else {
            return Vec::new();
        };
        let Some(flag) = entry.flag.clone().filter(|_| entry.outcome == Outcome::Applied) else {
            return Vec::new();
        };
        let ticket = entry.details.get("plan_ticket").and_then(Value::as_str);
        let hash = hash_text(&sealed.hash);
        // A log that was restored from a backup has the same numbers with other entries.
        let id = format!("audit-{}-{}", sealed.id, hash.get(..12).unwrap_or_default());
        let notices = events(&entry).into_iter().map(|(event, detail)| Self {
            id: format!("{id}-{}", event.as_str()),
            event,
            ticket: ticket.map(str::to_owned),
            flag: flag.clone(),
            at: entry.at,
            actor: entry.actor.clone(),
            detail,
            reason: entry.reason.clone(),
            incident: incident(&entry),
            urgent: entry.urgent.clone(),
            request_id: Some(entry.request_id.clone()),
        });
        notices.collect()
    }
}

/// Returns the incident that an entry names.
fn incident(entry: &Entry) -> Option<String> {
    let named = entry.details.get("incident").and_then(Value::as_str);
    let urgent = entry.urgent.as_ref().map(|urgent| urgent.incident.as_str());
    named.or(urgent).map(str::to_owned)
}

/// Returns the events of an entry, each with a sentence.
fn events(entry: &Entry) -> Vec<(NoticeEvent, String)> {
    let text = |name: &str| entry.details.get(name).and_then(Value::as_str);
    let moved = moved(text("from"), text("to"));
    let killed = || {
        (
            NoticeEvent::Killed,
            "it was killed: it is off for everyone".to_owned(),
        )
    };
    let plan = |event, words: &str| {
        let named = |name: &str, words: &str| text(name).map(|value| format!(", {words} {value}"));
        let parts = [named("stage", "stage"), named("check", "because of the check")];
        let parts = parts.into_iter().flatten();
        (
            event,
            parts.fold(format!("its rollout {words}"), |detail, part| detail + &part),
        )
    };
    match entry.event {
        Event::RolloutStarted => {
            let started = plan(NoticeEvent::Started, "was started");
            [started].into_iter().chain(moved).collect()
        }
        Event::StageEntered => {
            let entered = plan(NoticeEvent::StageEntered, "entered the next stage");
            [entered].into_iter().chain(moved).collect()
        }
        Event::RolloutRolledBack => {
            let is_kill = text("rollback") == Some("kill");
            let words = if is_kill {
                "was rolled back: it is off for everyone"
            } else {
                "was rolled back"
            };
            let killed = is_kill.then(killed);
            [plan(NoticeEvent::RolledBack, words)]
                .into_iter()
                .chain(killed)
                .collect()
        }
        Event::RolloutPaused => vec![plan(NoticeEvent::Paused, "was paused")],
        Event::RolloutResumed => vec![plan(NoticeEvent::Resumed, "was resumed")],
        Event::RolloutCancelled => vec![plan(NoticeEvent::Cancelled, "was cancelled")],
        Event::RolloutCompleted => vec![plan(NoticeEvent::Completed, "is complete")],
        Event::FlagKilled => vec![killed()],
        Event::FlagRestored => vec![(NoticeEvent::Restored, "it is no longer killed".to_owned())],
        Event::WatchEnded => {
            let words = "it was watched after its promotion, and the time is over";
            vec![(NoticeEvent::WatchEnded, words.to_owned())]
        }
        Event::StateChanged => moved.into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Returns the event of another lifecycle.
fn moved(from: Option<&str>, to: Option<&str>) -> Option<(NoticeEvent, String)> {
    let of = |name: &str| Lifecycle::ALL.into_iter().find(|state| state.as_str() == name);
    let (from, to) = (of(from?)?, of(to?)?);
    Some(if to > from {
        (
            NoticeEvent::Promoted,
            format!("it was promoted from {from} to {to}"),
        )
    } else {
        (
            NoticeEvent::Reverted,
            format!("it was reverted from {from} to {to}"),
        )
    })
}
