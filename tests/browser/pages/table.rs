//! The table of all pages.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::company::{Company, ORG};

/// A page.
pub(super) struct Page {
    /// The name of its golden pictures.
    pub(super) name: &'static str,
    /// Its route in the console, as the router has it.
    pub(super) route: &'static str,
    /// Its path; `{request}` is the id of a request that was refused.
    path: &'static str,
    /// Its heading.
    pub(super) heading: &'static str,
}

impl Page {
    /// Returns its path.
    pub(super) fn path(&self, company: &Company) -> String {
        self.path
            .replace("{request}", &company.refused_request)
            .replace("{org}", ORG)
    }

    /// Returns true for a page that the admin of an org has, too.
    pub(super) fn is_of_org(&self) -> bool {
        self.route.starts_with("/admin/")
    }
}

const fn page(name: &'static str, route: &'static str, path: &'static str, heading: &'static str) -> Page {
    Page {
        name,
        route,
        path,
        heading,
    }
}

/// Routes that are no pages: the first three redirect, the next one ends sessions, then a file, and the paths without a
/// page.
const NO_PAGES: [&str; 7] = [
    "/console",
    "/platform",
    "/admin",
    "/platform/sessions/end",
    "/platform/audit/export",
    "/platform/{*path}",
    "/admin/{*path}",
];

/// Every page, some of them in several states.
pub(super) const PAGES: &[Page] = &[
    page(
        "flags",
        "/platform/feature-flags",
        "/platform/feature-flags",
        "Feature flags",
    ),
    page(
        "flag-beta",
        "/platform/feature-flags/{flag}",
        "/platform/feature-flags/dispatch.board",
        "dispatch.board",
    ),
    page(
        "flag-killed",
        "/platform/feature-flags/{flag}",
        "/platform/feature-flags/billing.instantPayout",
        "billing.instantPayout",
    ),
    page(
        "flag-reports",
        "/platform/feature-flags/{flag}",
        "/platform/feature-flags/dispatch.autoAssign",
        "dispatch.autoAssign",
    ),
    page(
        "flag-kill",
        "/platform/feature-flags/{flag}/kill",
        "/platform/feature-flags/dispatch.board/kill",
        "Kill dispatch.board",
    ),
    page(
        "flag-tiers",
        "/platform/feature-flags/{flag}/tiers",
        "/platform/feature-flags/reports.scheduled/tiers",
        "reports.scheduled",
    ),
    page(
        "flag-tenants",
        "/platform/feature-flags/{flag}/tenants",
        "/platform/feature-flags/dispatch.autoAssign/tenants",
        "dispatch.autoAssign",
    ),
    page(
        "flag-definition",
        "/platform/feature-flags/{flag}/definition",
        "/platform/feature-flags/billing.eInvoice/definition",
        "billing.eInvoice",
    ),
    page(
        "flag-audit",
        "/platform/feature-flags/{flag}/audit",
        "/platform/feature-flags/billing.eInvoice/audit",
        "billing.eInvoice",
    ),
    page(
        "rollout",
        "/platform/feature-flags/{flag}/rollout",
        "/platform/feature-flags/routing.smartEta/rollout",
        "routing.smartEta",
    ),
    page(
        "rollout-draft",
        "/platform/feature-flags/{flag}/rollout",
        "/platform/feature-flags/ops.readOnly/rollout",
        "ops.readOnly",
    ),
    page(
        "rollout-none",
        "/platform/feature-flags/{flag}/rollout",
        "/platform/feature-flags/dispatch.board/rollout",
        "dispatch.board",
    ),
    page("rollouts", "/platform/rollouts", "/platform/rollouts", "Rollouts"),
    page("tenants", "/platform/tenants", "/platform/tenants", "Tenants"),
    page(
        "tenant",
        "/platform/tenants/{tenant}",
        "/platform/tenants/acme",
        "acme",
    ),
    page(
        "explain-empty",
        "/platform/explain",
        "/platform/explain",
        "Explain",
    ),
    page(
        "explain",
        "/platform/explain",
        "/platform/explain?tenant=globex&method=GET&path=%2Fapi%2Fdispatch%2Fboard",
        "Explain",
    ),
    page("requests", "/platform/requests", "/platform/requests", "Requests"),
    page(
        "request",
        "/platform/requests/{request}",
        "/platform/requests/{request}",
        "GET /api/dispatch/board",
    ),
    page("shadow", "/platform/shadow", "/platform/shadow", "Shadow mode"),
    page("nodes", "/platform/nodes", "/platform/nodes", "Nodes"),
    page("health", "/platform/health", "/platform/health", "Health"),
    page(
        "audit",
        "/platform/audit",
        "/platform/audit?actor=priya.raman",
        "Audit log",
    ),
    page(
        "audit-verification",
        "/platform/audit/verification",
        "/platform/audit/verification",
        "Verification of the audit log",
    ),
    page("sessions", "/platform/sessions", "/platform/sessions", "Sessions"),
    page(
        "org",
        "/admin/feature-flags",
        "/admin/feature-flags?org={org}",
        "Features of a tenant",
    ),
    page(
        "org-report",
        "/admin/feature-flags/{flag}/report",
        "/admin/feature-flags/dispatch.autoAssign/report?org={org}",
        "Report a problem with “Suggests the technician for a new job”",
    ),
];

fn source(file: &str) -> String {
    fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("console/src")
            .join(file),
    )
    .unwrap()
}

/// Returns the text between the first `begin` and the `end` after it.
fn between<'t>(text: &'t str, begin: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("no {begin}"));
    rest.split_once(end).unwrap().0
}

/// Returns the routes of the console's pages, from its source.
fn routes() -> BTreeSet<String> {
    let (pages, layout, sessions) = (source("pages.rs"), source("page.rs"), source("pages/sessions.rs"));
    let routers = between(&pages, "fn router()", "/// Opens the first page");
    let routes = routers.split(".route(").skip(1).map(|route| {
        let path = route.split_once(',').unwrap().0.trim();
        if let Some(path) = path.strip_prefix('"') {
            path.trim_end_matches('"').to_owned()
        } else if path == "sessions::PATH" {
            between(&sessions, "PATH: &str = \"", "\"").to_owned()
        } else {
            let section = between(path, "Section::", ".path()");
            between(&layout, &format!("Self::{section} => \"/"), "\"").replacen("", "/", 1)
        }
    });
    routes.collect()
}

#[test]
fn every_route_of_the_console_is_in_the_table_of_pages() {
    let mut expected = routes();
    assert!(expected.len() > 20, "{expected:?}");
    for path in NO_PAGES {
        assert!(expected.remove(path), "{path} is no route");
    }
    let listed: BTreeSet<String> = PAGES.iter().map(|page| page.route.to_owned()).collect();
    assert_eq!(listed, expected);
}
