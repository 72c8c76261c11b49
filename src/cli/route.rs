//! Where things are in the admin API.

use super::client::encoded;

pub(super) const FLAGS: &str = "/api/v1/platform/feature-flags";
pub(super) const TENANTS: &str = "/api/v1/platform/orgs";
pub(super) const AUDIT: &str = "/api/v1/platform/audit";
pub(super) const DOCUMENT: &str = "/api/v1/platform/document";
pub(super) const BACKUP: &str = "/api/v1/platform/backup";
pub(super) const EXPLAIN: &str = "/api/v1/explain";
pub(super) const WHO_AM_I: &str = "/api/v1/whoami";

/// A flag, or what belongs to it.
pub(super) fn flag(key: &str, part: &str) -> String {
    format!("{FLAGS}/{}{part}", encoded(key))
}

/// A tenant, or what belongs to it.
pub(super) fn tenant(id: &str, part: &str) -> String {
    format!("{TENANTS}/{}{part}", encoded(id))
}

/// What belongs to an org, and its own admin may see and do.
pub(super) fn org(id: &str, part: &str) -> String {
    format!("/api/v1/orgs/{}{part}", encoded(id))
}

/// What an org itself chooses of a flag.
pub(super) fn choice(id: &str, flag: &str, part: &str) -> String {
    org(id, &format!("/feature-flags/{}{part}", encoded(flag)))
}
