//! The page with the form of a kill, for lists without scripts: one step, without a preview.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::admin_api::Call;
use crate::answers::Flag;
use crate::console::Console;
use crate::filters;
use crate::page::{self, Page, Section};
use crate::texts::text_named;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "kill.html")]
struct KillPage {
    page: Page,
    flag: String,
}

/// Shows the form; the page of the flag if it is killed, or if the visitor may not kill it.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    Path(key): Path<String>,
    uri: Uri,
) -> Response {
    let page = Page::new(
        &console,
        &visitor,
        &uri,
        Section::Flags,
        &text_named("change-kill", &key),
    );
    let call = Call::get(&["platform", "feature-flags", &key]);
    let flag = match console.api.request::<Flag>(&visitor, call).await {
        Ok(answer) => answer.body,
        Err(problem) => return page::problem(page, &problem),
    };
    match flag.enabled && visitor.may("killFlag") {
        true => page::render(StatusCode::OK, &KillPage { page, flag: flag.key }),
        false => Redirect::to(&flag.path()).into_response(),
    }
}
