//! Changes by forms, in two steps: the preview of a change, then its confirmation with a reason. Every form of every page
//! names an operation and its fields; this module alone sends changes to the API.

mod apply;
mod confirmations;
mod correction;
mod effects;
mod flag_operations;
mod many_tenants;
mod meanwhile;
mod operation;
mod org_operations;
mod org_preview;
mod pilots;
mod preview;
mod rollout_operations;
mod stale;
mod tenant_operations;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;

use crate::console::Console;

pub(crate) use confirmations::Confirmations;
pub(crate) use operation::operation;
pub(crate) use org_preview::ReportFields;
pub(crate) use stale::{NO_PLAN, plan_digest};

/// The fields that are part of each form; the others belong to the operation.
pub(crate) const COMMON_FIELDS: &[&str] = &["form_token", "back", "revision", "reason", "force"];

/// Returns the routes of changes by staff.
pub(crate) fn router() -> Router<Arc<Console>> {
    Router::new()
        .route("/platform/changes/preview", post(preview::show))
        .route("/platform/changes", post(apply::apply))
}

/// Returns the routes of changes by the admins of orgs.
pub(crate) fn org_router() -> Router<Arc<Console>> {
    Router::new()
        .route("/admin/changes/preview", post(preview::show))
        .route("/admin/changes", post(apply::apply))
}
