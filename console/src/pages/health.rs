//! The health of the node that answers: readiness, the last reload with its problems, keys, upstreams.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::admin_api::Call;
use crate::answers::NodeHealth;
use crate::console::Console;
use crate::filters;
use crate::page::{self, Page, Section};
use crate::texts::text;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage {
    page: Page,
    health: NodeHealth,
}

/// Shows the health.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let page = Page::new(&console, &visitor, &uri, Section::Health, &text("nav-health"));
    let call = Call::get(&["platform", "health"]);
    match console.api.request::<NodeHealth>(&visitor, call).await {
        Ok(answer) => page::render(
            StatusCode::OK,
            &HealthPage {
                page,
                health: answer.body,
            },
        ),
        Err(problem) => page::problem(page, &problem),
    }
}
