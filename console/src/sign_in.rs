//! Sign-in and sign-out: a token of an operator, sent once, is exchanged for a session.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use control::operators::{Credential, NotSignedIn, SignedIn};

use crate::assets::{self, AssetPaths};
use crate::console::Console;
use crate::filters;
use crate::form::Form;
use crate::form_body::FormBody;
use crate::oidc;
use crate::origin;
use crate::page::{self, Section};
use crate::page_path::is_page;
use crate::problem::Problem;
use crate::session_cookie;
use crate::visitor::{NoVisitor, Visitor, foreign_origin, peer};

/// The path of the page.
pub(crate) const PATH: &str = "/console/sign-in";
/// The header of the requests of htmx.
const HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");
/// The header with the URL of the page that a request of htmx is for.
const HX_CURRENT_URL: HeaderName = HeaderName::from_static("hx-current-url");
/// The header by which htmx opens a page.
const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");

/// The page.
#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    assets: AssetPaths,
    /// The page to open after the sign-in; empty for the first one.
    to: String,
    /// The path that begins a sign-in at the identity provider, and the provider's host; none if there is no provider.
    provider: Option<(String, String)>,
    problem: Option<Problem>,
    notice: Option<&'static str>,
}

/// The way in which the page after a sign-in is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// By a redirect.
    Redirect,
    /// By a page of this site, because a page of another one led here: the browser would not send the cookie.
    ByOwnPage,
}

/// The page that opens another one of the same site.
#[derive(Template)]
#[template(path = "reopen.html")]
struct ReopenPage {
    assets: AssetPaths,
    to: String,
}

/// Shows the page; opens the wanted one if the visitor is signed in.
pub(crate) async fn show(State(console): State<Arc<Console>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let query = Form::of_query(&parts.uri);
    let to = wanted(&query);
    match Visitor::of(&console, &parts).await {
        Ok(visitor) => Redirect::to(&destination(&visitor.signed_in, &to)).into_response(),
        Err(NoVisitor::SignIn) => {
            let notice = query.is_checked("ended").then_some("sign-in-signed-out");
            page(&console, StatusCode::OK, to, None, notice)
        }
        Err(NoVisitor::Reopen) => reopen_wanted(&parts),
        Err(NoVisitor::Rejected(problem)) => page::rejected(&problem),
    }
}

/// Signs a visitor in by a token.
pub(crate) async fn submit(State(console): State<Arc<Console>>, request: Request) -> Response {
    let (parts, body): (_, Body) = request.into_parts();
    if !console.operators.asks() {
        return Redirect::to(Section::Flags.path()).into_response();
    }
    if !console.origins.accept(&parts.method, &parts.headers) {
        return page::rejected(&foreign_origin());
    }
    let Ok(body) = axum::body::to_bytes(body, MAX_FORM_BYTES).await else {
        return page::rejected(&Problem::invalid_form("the form is too long".to_owned()));
    };
    let form = match Form::read(&body) {
        Ok(form) => form,
        Err(problem) => return page::rejected(&problem),
    };
    let to = wanted(&form);
    let token = form.text("token").unwrap_or_default();
    let now = (console.clock)();
    let found = console
        .operators
        .sign_in_with(token, peer(&parts.extensions), now)
        .await;
    match found {
        Ok(found) => begin(&console, &parts, found, (to, Opening::Redirect)).await,
        Err(reason) => {
            let problem = refuse(&console, &parts, reason).await;
            page(&console, problem.status(), to, Some(problem), None)
        }
    }
}

/// The largest form of the sign-in, in bytes: a token, escaped, and a path.
const MAX_FORM_BYTES: usize = 3 * control::operators::MAX_CREDENTIAL_BYTES + 16 * 1024;

/// Begins the session of a signed-in actor, and opens the wanted page.
pub(crate) async fn begin(
    console: &Arc<Console>,
    parts: &Parts,
    (signed_in, credential): (SignedIn, Credential),
    (to, opening): (String, Opening),
) -> Response {
    if !console.audience.admits(&signed_in) {
        let problem = Problem::rejected(
            "ORG_ADMINS_ONLY",
            "this listener is for the admins of orgs: staff sign in at the admin listener",
        );
        return page(console, problem.status(), to, Some(problem), None);
    }
    let actor = signed_in.actor.clone();
    let destination = destination(&signed_in, &to);
    let now = (console.clock)();
    let sessions = Arc::clone(&console.sessions);
    let begun = tokio::task::spawn_blocking(move || sessions.begin(&signed_in, credential, now));
    let Ok(Ok((id, expires))) = begun.await else {
        return page::rejected(&Problem::defect("no session can begin".to_owned()));
    };
    tracing::info!(
        actor = actor.name,
        role = actor.role.as_str(),
        "signed in at the console"
    );
    // One session for each browser: that of the cookie before ends.
    if let Some(former) = session_cookie::read(console, &parts.headers) {
        console.end_session(former.digest()).await;
    }
    let cookie = session_cookie::set(console, &parts.headers, (&id, expires), now);
    let answer = match opening {
        Opening::Redirect => Redirect::to(&destination).into_response(),
        Opening::ByOwnPage => reopen(destination),
    };
    with_cookie(answer, cookie)
}

/// Records a failed sign-in as the API does, and returns its problem.
pub(crate) async fn refuse(console: &Console, parts: &Parts, reason: NotSignedIn) -> Problem {
    console.api.refuse_sign_in(reason, peer(&parts.extensions)).await
}

/// Ends the session of the visitor.
pub(crate) async fn sign_out(
    State(console): State<Arc<Console>>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    FormBody(form): FormBody,
) -> Response {
    if let Err(problem) = visitor.check_form(&form) {
        return page::rejected(&problem);
    }
    if let Some(digest) = visitor.session {
        console.end_session(digest).await;
        tracing::info!(actor = visitor.signed_in.actor.name, "signed out of the console");
    }
    let answer = Redirect::to(&format!("{PATH}?ended=1")).into_response();
    with_cookie(answer, session_cookie::remove(&console, &headers))
}

/// Answers a request whose visitor has to sign in.
pub(crate) fn required(console: &Console, parts: &Parts) -> Response {
    let is_read = matches!(parts.method.as_str(), "GET" | "HEAD");
    if parts.headers.contains_key(HX_REQUEST) {
        let open = open_path(&page_of(&parts.headers, &HX_CURRENT_URL));
        return (StatusCode::UNAUTHORIZED, [(HX_REDIRECT, open)]).into_response();
    }
    if !is_read {
        // Its fields stay in the page that the browser goes back to.
        let to = page_of(&parts.headers, &header::REFERER);
        return page(
            console,
            StatusCode::UNAUTHORIZED,
            to,
            None,
            Some("sign-in-session-ended"),
        );
    }
    if is_stream(&parts.headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let to = wanted_page(parts);
    if origin::is_from_other_site(&parts.headers) {
        // A browser sends the cookie with the request of this page, which is of the same site.
        return reopen(open_path(to));
    }
    Redirect::to(&open_path(to)).into_response()
}

/// Returns the path of the wanted page; empty if the request is for something else.
fn wanted_page(parts: &Parts) -> &str {
    let wanted = parts.uri.path_and_query().map(|wanted| wanted.as_str());
    wanted.filter(|path| is_page(path)).unwrap_or_default()
}

/// Answers a link of another site with a page of this site that opens the wanted page.
pub(crate) fn reopen_wanted(parts: &Parts) -> Response {
    match wanted_page(parts) {
        "" => page::rejected(&foreign_origin()),
        to => reopen(to.to_owned()),
    }
}

/// Returns true if the request is for a stream of events.
fn is_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).map(HeaderValue::as_bytes);
    accepted == Some(b"text/event-stream")
}

/// Answers with a page of this site that opens another one.
fn reopen(to: String) -> Response {
    let assets = assets::paths();
    page::render(StatusCode::OK, &ReopenPage { assets, to })
}

/// Renders the page of the sign-in.
pub(crate) fn page(
    console: &Console,
    status: StatusCode,
    to: String,
    problem: Option<Problem>,
    notice: Option<&'static str>,
) -> Response {
    let provider = console.operators.provider().map(|provider| {
        let issuer: Option<Uri> = provider.issuer().parse().ok();
        let host = issuer.as_ref().and_then(Uri::host).map(str::to_owned);
        let begin = match to.is_empty() {
            true => oidc::PATH.to_owned(),
            false => with_page(oidc::PATH, &to),
        };
        (begin, host.unwrap_or_default())
    });
    let page = SignInPage {
        assets: assets::paths(),
        provider,
        to,
        problem,
        notice,
    };
    page::render(status, &page)
}

/// Returns the page that a form or query asks for; empty if it is not one of the console.
pub(crate) fn wanted(form: &Form) -> String {
    form.text("to")
        .filter(|to| is_page(to))
        .unwrap_or_default()
        .to_owned()
}

/// Returns the page to open after the sign-in: the wanted one, if the role has it.
fn destination(signed_in: &SignedIn, to: &str) -> String {
    let first = Section::first_of(signed_in.actor.role).path();
    let of_staff = to.starts_with("/platform/");
    match to.is_empty() || of_staff && signed_in.actor.role == control::Role::OrgAdmin {
        true => first.to_owned(),
        false => to.to_owned(),
    }
}

/// Returns the path of the sign-in that opens a page.
fn open_path(to: &str) -> String {
    if to.is_empty() {
        return PATH.to_owned();
    }
    with_page(PATH, to)
}

/// Returns a path with the page to open in its query.
fn with_page(path: &str, to: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("to", to)
        .finish();
    format!("{path}?{query}")
}

/// Returns the page of the console in a header with a URL; empty if there is none.
fn page_of(headers: &HeaderMap, name: &HeaderName) -> String {
    let url = headers.get(name).and_then(|url| url.to_str().ok());
    let url: Option<Uri> = url.and_then(|url| url.parse().ok());
    let path = url
        .as_ref()
        .and_then(Uri::path_and_query)
        .map(|path| path.as_str());
    path.filter(|path| is_page(path)).unwrap_or_default().to_owned()
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
