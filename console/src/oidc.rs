//! Sign-in at an identity provider: the browser is sent there, and comes back with a code. What belongs to the sign-in that
//! was begun is in an encrypted cookie of ten minutes, which the redirect of the provider brings back.

mod pending;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use control::operators::{IdentityProvider, NotSignedIn, ProviderAnswer, ProviderError};

use crate::console::Console;
use crate::form::Form;
use crate::origin;
use crate::problem::Problem;
use crate::sign_in::{self, Opening};
use crate::visitor::peer;

use pending::Pending;
pub(crate) use pending::PendingKey;

/// The path that begins a sign-in.
pub(crate) const PATH: &str = "/console/oidc";
/// The path that the provider sends the browser back to.
pub(crate) const CALLBACK_PATH: &str = "/console/oidc/callback";

/// Sends the browser to the provider.
pub(crate) async fn begin(State(console): State<Arc<Console>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let to = sign_in::wanted(&Form::of_query(&parts.uri));
    let begun = match provider(&console) {
        Ok(provider) => begin_at(&console, &parts, &provider, to.clone()).await,
        Err(problem) => Err(problem),
    };
    match begun {
        Ok(response) => response,
        Err(problem) => sign_in::page(&console, problem.status(), to, Some(problem), None),
    }
}

async fn begin_at(
    console: &Console,
    parts: &Parts,
    provider: &IdentityProvider,
    to: String,
) -> Result<Response, Problem> {
    let redirect_uri = redirect_uri(console, &parts.headers)?;
    let begun = provider
        .begin(&redirect_uri)
        .await
        .map_err(|error| unavailable(&error))?;
    let url = begun.url.clone();
    let pending = Pending {
        begun,
        redirect_uri,
        to,
        at: (console.clock)(),
    };
    let cookie = pending.seal(console, &parts.headers);
    let cookie = cookie.ok_or_else(|| Problem::defect("a sign-in can't be encrypted".to_owned()))?;
    let mut response = Redirect::to(&url).into_response();
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Signs the person in whom the answer of the provider is about.
pub(crate) async fn finish(State(console): State<Arc<Console>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let pending = Pending::open(&console, &parts.headers);
    let to = pending
        .as_ref()
        .map(|pending| pending.to.clone())
        .unwrap_or_default();
    let mut response = match finish_at(&console, &parts, pending).await {
        Ok(response) => response,
        Err(problem) => sign_in::page(&console, problem.status(), to, Some(problem), None),
    };
    // An answer is read once.
    if let Some(cookie) = Pending::remove(&console, &parts.headers) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

async fn finish_at(
    console: &Arc<Console>,
    parts: &Parts,
    pending: Option<Pending>,
) -> Result<Response, Problem> {
    let provider = provider(console)?;
    let Some(pending) = pending else {
        let reason = "the sign-in was begun in another browser, or more than ten minutes ago";
        return Err(reject(console, parts, reason).await);
    };
    let query = Form::of_query(&parts.uri);
    let field = |name: &str| query.text(name).map(str::to_owned);
    let answer = ProviderAnswer {
        code: field("code"),
        state: field("state"),
        issuer: field("iss"),
        error: field("error"),
    };
    let now = (console.clock)();
    let verified = provider
        .finish(&pending.begun, &answer, &pending.redirect_uri, now)
        .await;
    let verified = match verified {
        Ok(verified) => verified,
        Err(ProviderError::Rejected(reason)) => return Err(reject(console, parts, reason).await),
        Err(error) => return Err(unavailable(&error)),
    };
    match console.operators.sign_in_person(&provider, &verified) {
        // The browser sends the cookie of a session only with requests of this site's own pages.
        Ok(found) => Ok(sign_in::begin(console, parts, found, (pending.to, Opening::ByOwnPage)).await),
        Err(reason) => Err(sign_in::refuse(console, parts, reason).await),
    }
}

/// Counts and records a failed sign-in, and returns its problem.
async fn reject(console: &Console, parts: &Parts, reason: &'static str) -> Problem {
    let reason: NotSignedIn = console.operators.failed(reason, peer(&parts.extensions));
    let mut problem = sign_in::refuse(console, parts, reason).await;
    if problem.status == StatusCode::UNAUTHORIZED.as_u16() {
        problem.help = Some(
            "sign in again; if it fails again, ask the person who operates the identity provider".to_owned(),
        );
    }
    problem
}

fn provider(console: &Console) -> Result<Arc<IdentityProvider>, Problem> {
    console.operators.provider().ok_or_else(Problem::not_found)
}

fn unavailable(error: &ProviderError) -> Problem {
    tracing::warn!(%error, "a person can't sign in at the console");
    Problem {
        status: StatusCode::SERVICE_UNAVAILABLE.as_u16(),
        code: "SIGN_IN_UNAVAILABLE".to_owned(),
        detail: error.to_string(),
        help: Some("try again, or use an operator token".to_owned()),
        refusals: Box::default(),
        problems: Box::default(),
    }
}

/// Returns the URL that the provider sends the browser back to: below the public URL, or on this machine. The provider knows
/// it, and rejects others.
fn redirect_uri(console: &Console, headers: &HeaderMap) -> Result<String, Problem> {
    if let Some(public_url) = &console.origins.public_url {
        return Ok(format!("{public_url}{CALLBACK_PATH}"));
    }
    let host = origin::host(headers).filter(|host| is_loopback(host));
    let host = host.ok_or_else(|| {
        Problem::rejected(
            "NO_PUBLIC_URL",
            "the identity provider can't send the browser back: set `control.public_url` to the URL of this page's server",
        )
    })?;
    let scheme = if console.origins.is_encrypted {
        "https"
    } else {
        "http"
    };
    Ok(format!("{scheme}://{host}{CALLBACK_PATH}"))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}
