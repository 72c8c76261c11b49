//! Gates in shadow mode: who would have been refused; and the coverage of gates and flags.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::admin_api::Call;
use crate::answers::{Coverage, ShadowGate, ShadowReport};
use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::page::{self, Page, Section};
use crate::pager::Pager;
use crate::texts::text;
use crate::visitor::Visitor;

/// The number of gates in shadow mode on a page.
const PER_PAGE: usize = 20;
/// The number of causes and of tenants of a gate that a page shows, the most frequent ones.
const LISTED_OF_GATE: usize = 10;
/// The number of rows of each list of the coverage.
const LISTED: usize = 50;

#[derive(Template)]
#[template(path = "shadow.html")]
struct ShadowPage {
    page: Page,
    gates: Vec<ShadowGate>,
    pager: Pager,
    /// None until the data plane runs.
    coverage: Option<Coverage>,
}

/// Shows both reports.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let page = Page::new(&console, &visitor, &uri, Section::Shadow, &text("shadow-title"));
    let call = Call::get(&["traffic", "shadow"]);
    let gates = match console.api.request::<ShadowReport>(&visitor, call).await {
        Ok(answer) => answer.body.gates,
        Err(problem) => return page::problem(page, &problem),
    };
    let call = Call::get(&["traffic", "coverage"]);
    let coverage = console.api.request::<Coverage>(&visitor, call).await;
    let query = Form::of_query(&uri);
    let pager = Pager::new(uri.path(), &query, gates.len(), PER_PAGE);
    let first = pager.number.saturating_sub(1).saturating_mul(PER_PAGE);
    let template = ShadowPage {
        page,
        gates: gates.into_iter().skip(first).take(PER_PAGE).collect(),
        pager,
        coverage: coverage.ok().map(|answer| answer.body),
    };
    page::render(StatusCode::OK, &template)
}
