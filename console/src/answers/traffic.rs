//! Reports about the traffic: gates in shadow mode, and the coverage of gates and flags.

use serde::Deserialize;

use super::words::cause_words;
use crate::pages::{flag_path, tenant_path};
use crate::texts::{text, text_named};

/// The length of a time up to its minute.
const MINUTE_LENGTH: usize = "2026-11-30T15:04".len();

/// The gates in shadow mode.
#[derive(Debug, Deserialize)]
pub(crate) struct ShadowReport {
    pub(crate) gates: Vec<ShadowGate>,
}

/// The requests that a gate would have refused.
#[derive(Debug, Deserialize)]
pub(crate) struct ShadowGate {
    pub(crate) route: String,
    pub(crate) gate: String,
    pub(crate) since: String,
    pub(crate) requests: u64,
    pub(crate) refused: u64,
    /// Those of them that are in no cause and no tenant.
    pub(crate) undivided: u64,
    pub(crate) first_seen: Option<String>,
    pub(crate) last_seen: Option<String>,
    pub(crate) causes: Vec<ShadowCause>,
    pub(crate) tenants: Vec<ShadowTenant>,
}

/// The requests for one cause.
#[derive(Debug, Deserialize)]
pub(crate) struct ShadowCause {
    pub(crate) flag: Option<String>,
    pub(crate) cause: String,
    pub(crate) requests: u64,
}

/// The requests of one tenant.
#[derive(Debug, Deserialize)]
pub(crate) struct ShadowTenant {
    pub(crate) tenant: Option<String>,
    pub(crate) requests: u64,
    /// The most that the number is too large by.
    pub(crate) error: u64,
}

/// The coverage.
#[derive(Debug, Deserialize)]
pub(crate) struct Coverage {
    pub(crate) ungated: Vec<CountedRoute>,
    pub(crate) unmatched: Unmatched,
    pub(crate) idle_gates: Vec<CountedRoute>,
    pub(crate) idle_flags: Vec<IdleFlag>,
}

/// The requests of a route.
#[derive(Debug, Deserialize)]
pub(crate) struct CountedRoute {
    pub(crate) route: String,
    pub(crate) gate: Option<String>,
    pub(crate) requests: u64,
    pub(crate) since: String,
}

/// The requests that no route matched.
#[derive(Debug, Deserialize)]
pub(crate) struct Unmatched {
    pub(crate) requests: u64,
    pub(crate) since: String,
}

/// A flag that no request was decided by.
#[derive(Debug, Deserialize)]
pub(crate) struct IdleFlag {
    pub(crate) flag: String,
    routes: Vec<String>,
    in_header: bool,
    pub(crate) since: String,
}

impl ShadowGate {
    /// Returns the width of a bar of 100 for the refused share; at least 1 if there is one.
    pub(crate) fn bar(&self) -> u64 {
        let percent = self.refused.saturating_mul(100).checked_div(self.requests);
        percent
            .unwrap_or_default()
            .clamp(u64::from(self.refused > 0), 100)
    }
}

impl Coverage {
    /// Returns true if a count began in a later minute than that of the node.
    pub(crate) fn began_later(&self, since: &str) -> bool {
        let minute = |text: &str| text.get(..MINUTE_LENGTH).map(str::to_owned);
        minute(since) > minute(&self.unmatched.since)
    }

    /// Returns the first flags that no request was decided by, grouped by the reason.
    pub(crate) fn idle_flags_by_reason(&self, listed: usize) -> Vec<(String, Vec<&IdleFlag>)> {
        let mut groups: Vec<(String, Vec<&IdleFlag>)> = Vec::new();
        for flag in self.idle_flags.iter().take(listed) {
            let reason = flag.reason();
            match groups.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, flags)) => flags.push(flag),
                None => groups.push((reason, vec![flag])),
            }
        }
        groups
    }
}

impl ShadowCause {
    /// Returns the cause in words; a code of a caller that was not verified as it is.
    pub(crate) fn words(&self) -> String {
        cause_words(&self.cause)
    }

    /// Returns the path of the page of the flag.
    pub(crate) fn href(&self) -> String {
        self.flag.as_deref().map(flag_path).unwrap_or_default()
    }
}

impl ShadowTenant {
    /// Returns the path of the page of the tenant.
    pub(crate) fn href(&self) -> String {
        self.tenant.as_deref().map(tenant_path).unwrap_or_default()
    }
}

impl IdleFlag {
    /// Returns the reason why no request was decided by it.
    pub(crate) fn reason(&self) -> String {
        match (self.routes.is_empty(), self.in_header) {
            (false, _) => text_named("shadow-idle-routes", &self.routes.join(", ")).into_owned(),
            (true, true) => text("shadow-idle-header").into_owned(),
            (true, false) => text("shadow-idle-nowhere").into_owned(),
        }
    }

    /// Returns the path of its page.
    pub(crate) fn href(&self) -> String {
        flag_path(&self.flag)
    }
}
