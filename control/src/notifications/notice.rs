//! A notice: one event about one flag.

use changes::{Entry, Event, Outcome};
use config::NoticeEvent;
use rules::{Lifecycle, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A notice.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket of the rollout plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The id of the request of the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    /// Returns the notice of an entry of the audit log; none if nobody is notified of it.
    pub(super) fn of_entry(id: u64, entry: &Entry, ticket: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let flag = entry.flag.clone()?;
        if entry.outcome != Outcome::Applied {
            return None;
        }
        let text = |name: &str| entry.details.get(name).and_then(Value::as_str);
        let (event, detail) = match entry.event {
            Event::RolloutStarted => (NoticeEvent::Started, "its rollout was started".to_owned()),
            Event::StageEntered => (
                NoticeEvent::StageEntered,
                "its rollout entered the next stage".to_owned(),
            ),
            Event::RolloutPaused => (NoticeEvent::Paused, "its rollout was paused".to_owned()),
            Event::RolloutResumed => (NoticeEvent::Resumed, "its rollout was resumed".to_owned()),
            Event::RolloutRolledBack => (NoticeEvent::RolledBack, "its rollout was rolled back".to_owned()),
            Event::RolloutCancelled => (NoticeEvent::Cancelled, "its rollout was cancelled".to_owned()),
            Event::RolloutCompleted => (NoticeEvent::Completed, "its rollout is complete".to_owned()),
            Event::FlagKilled => (
                NoticeEvent::Killed,
                "it was killed: it is off for everyone".to_owned(),
            ),
            Event::FlagRestored => (NoticeEvent::Restored, "it is no longer killed".to_owned()),
            Event::WatchEnded => (
                NoticeEvent::WatchEnded,
                "it was watched after its promotion, and the time is over".to_owned(),
            ),
            Event::StateChanged => moved(text("from"), text("to"))?,
            _ => return None,
        };
        let named = |name: &str, words: &str| text(name).map(|value| format!(", {words} {value}"));
        let parts = [named("stage", "stage"), named("check", "because of the check")];
        let detail = parts
            .into_iter()
            .flatten()
            .fold(detail, |detail, part| detail + &part);
        Some(Self {
            id: format!("audit-{id}"),
            event,
            ticket: ticket(&flag),
            flag,
            at: entry.at,
            actor: entry.actor.clone(),
            detail,
            reason: entry.reason.clone(),
            request_id: Some(entry.request_id.clone()),
        })
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
