//! The request of a change.

use rules::Timestamp;

use crate::actor::{Actor, ChangeSource};
use crate::change::Change;
use crate::record::Revision;

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
