//! Flags, as lists and pages show them.

use serde::Deserialize;

/// A page of flags.
#[derive(Debug, Deserialize)]
pub(crate) struct FlagList {
    pub(crate) flags: Vec<Flag>,
    /// The number of flags that match.
    pub(crate) total: usize,
    /// The number of tenants.
    pub(crate) tenants: usize,
}

/// A flag with its state and the numbers of its tenants.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Flag {
    pub(crate) key: String,
    pub(crate) kind: String,
    pub(crate) lifecycle: Option<String>,
    pub(crate) lifecycle_since: Option<String>,
    pub(crate) created: Option<String>,
    /// False if it is killed.
    pub(crate) enabled: bool,
    pub(crate) local_kill: Option<LocalKill>,
    /// The number of tenants that have it on; none if they are not counted yet.
    pub(crate) tenants_on: Option<usize>,
    pub(crate) tenants_opted_in: usize,
    pub(crate) tenants_opted_out: usize,
    pub(crate) tenants_allowlisted: usize,
    pub(crate) tenants_overridden: usize,
    #[serde(default)]
    pub(crate) sign_offs: Vec<SignOff>,
    #[serde(default)]
    pub(crate) open_reports: Vec<ReportedCause>,
    #[serde(default)]
    pub(crate) incidents: Vec<Incident>,
    pub(crate) watched_until: Option<String>,
    #[serde(default)]
    pub(crate) stale: Vec<StaleReason>,
    pub(crate) changed: Option<String>,
    pub(crate) changed_by: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) owner: Option<String>,
}

/// A kill by break-glass on this machine.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LocalKill {
    pub(crate) reason: String,
}

/// A sign-off for the next promotion.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SignOff {
    pub(crate) role: String,
    pub(crate) by: String,
    pub(crate) at: String,
}

/// An open incident.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Incident {
    pub(crate) incident: String,
    pub(crate) by: String,
    pub(crate) at: String,
}

/// A cause of open reports.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ReportedCause {
    pub(crate) cause: String,
    /// True if it blocks promotions.
    pub(crate) blocks: bool,
    pub(crate) orgs: Vec<String>,
}

/// A reason to remove a flag.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct StaleReason {
    pub(crate) code: String,
    #[serde(deserialize_with = "crate::sentence::read")]
    pub(crate) detail: String,
}

impl Flag {
    /// Returns true if it is served: neither killed nor killed on this machine.
    pub(crate) fn is_served(&self) -> bool {
        self.enabled && self.local_kill.is_none()
    }

    /// Returns the path of its page.
    pub(crate) fn path(&self) -> String {
        crate::pages::flag_path(&self.key)
    }
}
