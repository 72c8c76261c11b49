//! The pages, one file each.

mod audit;
mod audit_log;
mod explain;
mod explain_question;
mod flag;
mod flag_audit;
mod flag_definition;
mod flag_header;
mod flag_tenants;
mod flag_tiers;
mod flags;
mod health;
mod kill;
mod nodes;
mod org;
mod org_report;
mod request;
mod requests;
mod rollout;
mod rollouts;
mod sessions;
mod shadow;
mod tenant;
mod tenants;

use std::sync::Arc;

use axum::response::{Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};

pub(crate) use audit_log::ShownEntry;

use crate::admin_api::segment;
use crate::console::Console;
use crate::page::{self, Section};
use crate::visitor::Visitor;

/// The largest number of variants that a row offers, so that pages stay small; the form of many tenants offers all.
pub(crate) const MAX_ROW_VARIANTS: usize = 10;

/// Returns the routes of the pages of staff.
pub(crate) fn router() -> Router<Arc<Console>> {
    Router::new()
        .route(Section::Flags.path(), get(flags::show))
        .route("/platform/feature-flags/{flag}", get(flag::show))
        .route("/platform/feature-flags/{flag}/kill", get(kill::show))
        .route("/platform/feature-flags/{flag}/tiers", get(flag_tiers::show))
        .route("/platform/feature-flags/{flag}/tenants", get(flag_tenants::show))
        .route(
            "/platform/feature-flags/{flag}/definition",
            get(flag_definition::show),
        )
        .route(Section::Tenants.path(), get(tenants::show))
        .route("/platform/tenants/{tenant}", get(tenant::show))
        .route("/platform/feature-flags/{flag}/audit", get(flag_audit::show))
        .route(Section::Explain.path(), get(explain::show).post(explain::submit))
        .route(Section::Requests.path(), get(requests::show))
        .route("/platform/requests/{request}", get(request::show))
        .route(Section::Shadow.path(), get(shadow::show))
        .route(Section::Nodes.path(), get(nodes::show))
        .route(Section::Health.path(), get(health::show))
        .route(Section::Audit.path(), get(audit::show))
        .route("/platform/audit/verification", get(audit::verify))
        .route("/platform/audit/export", get(audit::export))
        .route(sessions::PATH, get(sessions::show))
        .route("/platform/sessions/end", post(sessions::end))
        .route("/platform/feature-flags/{flag}/rollout", get(rollout::show))
        .route(Section::Rollouts.path(), get(rollouts::show))
        .route("/platform", get(first))
        .route("/platform/{*path}", get(missing))
}

/// Returns the routes of the pages that the admins of orgs have.
pub(crate) fn org_router() -> Router<Arc<Console>> {
    Router::new()
        .route("/console", get(first))
        .route(Section::Org.path(), get(org::show))
        .route("/admin/feature-flags/{flag}/report", get(org_report::show))
        .route("/admin", get(first))
        .route("/admin/{*path}", get(missing))
}

/// Opens the first page of the visitor.
async fn first(Extension(visitor): Extension<Visitor>) -> Redirect {
    Redirect::to(Section::first_of(visitor.signed_in.actor.role).path())
}

/// Answers with the page of a path that has none.
async fn missing() -> Response {
    page::missing()
}

/// Returns the path of the page of a flag.
pub(crate) fn flag_path(key: &str) -> String {
    format!("{}/{}", Section::Flags.path(), segment(key))
}

/// Returns the path of the page of a tenant.
pub(crate) fn tenant_path(id: &str) -> String {
    format!("{}/{}", Section::Tenants.path(), segment(id))
}

/// Returns the path and query of the page that the people of a tenant have, for staff.
pub(crate) fn org_path(id: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("org", id)
        .finish();
    format!("{}?{query}", Section::Org.path())
}

/// Returns the path of the page of a request.
pub(crate) fn request_path(id: &str) -> String {
    format!("{}/{}", Section::Requests.path(), segment(id))
}
