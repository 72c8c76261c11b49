//! The bodies of requests and answers at the break-glass socket.

use changes::timestamp;
use serde::{Deserialize, Serialize};

use super::LocalKill;

/// The body of a request to kill a flag.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KillRequest {
    pub(super) flag: String,
    pub(super) reason: String,
    /// Duration in seconds; default one hour.
    pub(super) seconds: Option<u32>,
}

/// The body of a request to end a kill.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RestoreRequest {
    pub(super) flag: String,
}

/// The kills of this machine.
#[derive(Serialize)]
pub(super) struct KillList {
    kills: Vec<KillRecord>,
}

/// A kill of this machine.
#[derive(Serialize)]
pub(super) struct KillRecord {
    flag: String,
    /// The time it expires, RFC 3339.
    until: String,
    by: String,
    reason: String,
}

/// A kill that was ended.
#[derive(Serialize)]
pub(super) struct Restored {
    flag: String,
    restored: bool,
}

impl KillList {
    pub(super) fn new(kills: Vec<LocalKill>) -> Self {
        let kills = kills.into_iter().map(KillRecord::from).collect();
        Self { kills }
    }
}

impl From<LocalKill> for KillRecord {
    fn from(kill: LocalKill) -> Self {
        let LocalKill {
            flag,
            until,
            by,
            reason,
        } = kill;
        Self {
            flag,
            until: timestamp::text(until),
            by,
            reason,
        }
    }
}

impl Restored {
    pub(super) fn new(flag: String) -> Self {
        Self { flag, restored: true }
    }
}
