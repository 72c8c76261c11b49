//! The request of a change.

use std::borrow::Cow;

use rules::Timestamp;
use serde_json::Value;

use crate::actor::{Actor, ChangeSource};
use crate::change::Change;
use crate::incident::validated;
use crate::record::Revision;
use crate::refusal::Refusal;

/// A change with its actor, source, reason and time.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The change.
    pub change: Change,
    /// The actor.
    pub actor: Actor,
    /// The source.
    pub source: ChangeSource,
    /// The actor's reason.
    pub reason: Option<String>,
    /// The incident: a text or link. A kill or a revert opens it; other changes have none.
    pub incident: Option<String>,
    /// The id of the request.
    pub request_id: String,
    /// The revision that the store must be at; none for any.
    pub expected: Option<Revision>,
    /// True to exceed the blast radius of the policy.
    pub force: bool,
    /// The time.
    pub at: Timestamp,
}

impl Request {
    /// Returns the request with its incident without surrounding white space.
    ///
    /// # Errors
    /// The incident is unreadable.
    pub(super) fn trimmed(&self) -> Result<Cow<'_, Self>, Vec<Refusal>> {
        let Some(written) = &self.incident else {
            return Ok(Cow::Borrowed(self));
        };
        let link = validated(written)?;
        if link == written {
            return Ok(Cow::Borrowed(self));
        }
        Ok(Cow::Owned(Self {
            incident: Some(link.to_owned()),
            ..self.clone()
        }))
    }

    /// Returns its incident as a detail of its audit entries.
    pub(super) fn incident_detail(&self) -> Option<(String, Value)> {
        let incident = match &self.change {
            Change::OpenIncident { incident, .. } | Change::CloseIncident { incident, .. } => Some(incident),
            _ => self.incident.as_ref(),
        };
        incident.map(|incident| ("incident".to_owned(), incident.trim().into()))
    }
}
