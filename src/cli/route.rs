//! Paths of the admin listener.

use super::client::encoded;

pub(super) const FLAGS: &str = "/api/v1/platform/feature-flags";
pub(super) const ROLLOUTS: &str = "/api/v1/platform/rollouts";
pub(super) const TENANTS: &str = "/api/v1/platform/orgs";
pub(super) const AUDIT: &str = "/api/v1/platform/audit";
pub(super) const AUDIT_VERIFY: &str = "/api/v1/platform/audit/verify";
pub(super) const DOCUMENT: &str = "/api/v1/platform/document";
pub(super) const BACKUP: &str = "/api/v1/platform/backup";
pub(super) const EXPLAIN: &str = "/api/v1/explain";
pub(super) const TRAFFIC_SHADOW: &str = "/api/v1/traffic/shadow";
pub(super) const TRAFFIC_COVERAGE: &str = "/api/v1/traffic/coverage";
pub(super) const LOG_LEVEL: &str = "/api/v1/log-level";
pub(super) const WHO_AM_I: &str = "/api/v1/whoami";
/// The first page of the console, which is no path of the API.
pub(super) const CONSOLE: &str = "/platform/feature-flags";

/// Returns the path of a flag, or of a part of it.
pub(super) fn flag(key: &str, part: &str) -> String {
    format!("{FLAGS}/{}{part}", encoded(key))
}

/// Returns the path of the receipt of a request.
pub(super) fn request(id: &str) -> String {
    format!("/api/v1/requests/{}", encoded(id))
}

/// Returns the path of a tenant, or of a part of it.
pub(super) fn tenant(id: &str, part: &str) -> String {
    format!("{TENANTS}/{}{part}", encoded(id))
}

/// Returns a path of an org that its own admin may use.
pub(super) fn org(id: &str, part: &str) -> String {
    format!("/api/v1/orgs/{}{part}", encoded(id))
}

/// Returns the path of an org's own choice for a flag.
pub(super) fn choice(id: &str, flag: &str, part: &str) -> String {
    org(id, &format!("/feature-flags/{}{part}", encoded(flag)))
}
