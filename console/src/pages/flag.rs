//! The overview of a flag: its lifecycle, its tenants and its facts.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::admin_api::Call;
use crate::answers::Flag;
use crate::console::Console;
use crate::filters;
use crate::page::{self, Page, Section};
use crate::visitor::Visitor;

use super::flag_header::{FlagHeader, Tab};

#[derive(Template)]
#[template(path = "flag.html")]
struct FlagPage {
    page: Page,
    header: FlagHeader,
}

/// Shows the overview.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    Path(key): Path<String>,
    uri: Uri,
) -> Response {
    let page = Page::new(&console, &visitor, &uri, Section::Flags, &key);
    let call = Call::get(&["platform", "feature-flags", &key]);
    let flag = match console.api.request::<Flag>(&visitor, call).await {
        Ok(answer) => answer.body,
        Err(problem) => return page::problem(page, &problem),
    };
    let header = FlagHeader::new(&visitor, flag, Tab::Overview);
    page::render(StatusCode::OK, &FlagPage { page, header })
}
