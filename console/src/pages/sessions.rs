//! The open sessions, and the buttons that end them.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::console::Console;
use crate::filters;
use crate::form_body::FormBody;
use crate::page::{self, Page, Section};
use crate::problem::Problem;
use crate::sessions::Session;
use crate::sign_in;
use crate::texts::text;
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
    let page = Page::new(
        &console,
        &visitor,
        &uri,
        Section::Sessions,
        &text("sessions-title"),
    );
    if let Err(problem) = check_role(&visitor) {
        return page::problem(page, &problem);
    }
    let sessions = console.sessions.list();
    page::render(StatusCode::OK, &SessionsPage { page, sessions })
}

/// Ends the session that the form names, or all of them, that of the visitor included.
pub(crate) async fn end(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    FormBody(form): FormBody,
) -> Response {
    if let Err(problem) = check_role(&visitor).and_then(|()| visitor.check_form(&form)) {
        let page = Page::new(
            &console,
            &visitor,
            &uri,
            Section::Sessions,
            &text("sessions-title"),
        );
        return page::problem(page, &problem);
    }
    let handle = form.text("session").map(str::to_owned);
    let sessions = Arc::clone(&console.sessions);
    let ended = tokio::task::spawn_blocking(move || match handle {
        Some(handle) => sessions.end_of_handle(&handle).into_iter().collect(),
        None => sessions.end_all(),
    });
    let ended: Vec<Session> = ended.await.unwrap_or_default();
    for session in &ended {
        tracing::warn!(
            actor = visitor.signed_in.actor.name,
            operator = session.name,
            begun = session.begun_text(),
            "a session of the console was ended"
        );
    }
    let is_own = |session: &Session| visitor.session.is_some_and(|own| session.is(own));
    match ended.iter().any(is_own) {
        true => Redirect::to(&format!("{}?ended=1", sign_in::PATH)).into_response(),
        false => Redirect::to(PATH).into_response(),
    }
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
