//! The open sessions, and the button that ends all of them.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::page::{self, Page, Section};
use crate::problem::Problem;
use crate::sessions::Session;
use crate::sign_in;
use crate::visitor::Visitor;

/// The path of the page.
pub(crate) const PATH: &str = "/platform/sessions";

/// The page.
#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    page: Page,
    sessions: Vec<Session>,
}

/// Shows the page.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let page = Page::new(&console, &visitor, &uri, Section::Health, "Sessions");
    if let Err(problem) = check_role(&visitor) {
        return page::problem(page, &problem);
    }
    let sessions = console.sessions.list();
    page::render(StatusCode::OK, &SessionsPage { page, sessions })
}

/// Ends all sessions, that of the visitor included.
pub(crate) async fn end_all(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    body: Bytes,
) -> Response {
    let checked = check_role(&visitor).and_then(|()| visitor.check_form(&Form::read(&body)));
    if let Err(problem) = checked {
        let page = Page::new(&console, &visitor, &uri, Section::Health, "Sessions");
        return page::problem(page, &problem);
    }
    let sessions = Arc::clone(&console.sessions);
    let ended = tokio::task::spawn_blocking(move || sessions.end_all()).await;
    let ended = ended.unwrap_or_default();
    tracing::warn!(
        actor = visitor.signed_in.actor.name,
        ended,
        "all sessions of the console were ended"
    );
    Redirect::to(&format!("{}?ended=1", sign_in::PATH)).into_response()
}

fn check_role(visitor: &Visitor) -> Result<(), Problem> {
    match visitor.may_end_sessions() {
        true => Ok(()),
        false => Err(Problem::rejected(
            "ROLE_MISSING",
            "sessions are shown to platform-admins, and there are none without operators",
        )),
    }
}
