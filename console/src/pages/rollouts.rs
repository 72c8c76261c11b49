//! The list of all rollout plans.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::admin_api::Call;
use crate::answers::{Rollout, RolloutList};
use crate::chart;
use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::page::{self, Page, Section};
use crate::pager::Cursor;
use crate::texts::text;
use crate::visitor::Visitor;

/// The number of plans on a page.
const PER_PAGE: usize = 50;

#[derive(Template)]
#[template(path = "rollouts.html")]
struct RolloutsPage {
    page: Page,
    rollouts: Vec<Rollout>,
    cursor: Cursor,
}

/// Shows the list.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let query = Form::of_query(&uri);
    let page = Page::new(
        &console,
        &visitor,
        &uri,
        Section::Rollouts,
        &text("rollouts-title"),
    );
    let call = Call::get(&["platform", "rollouts"])
        .with("limit", PER_PAGE.to_string())
        .with_some(Cursor::FIELD, query.text(Cursor::FIELD));
    let list = match console.api.request::<RolloutList>(&visitor, call).await {
        Ok(answer) => answer.body,
        Err(problem) => return page::problem(page, &problem),
    };
    let template = RolloutsPage {
        page,
        cursor: Cursor::new(uri.path(), &query, list.next.as_deref()),
        rollouts: list.rollouts,
    };
    page::render(StatusCode::OK, &template)
}
