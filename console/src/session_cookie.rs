//! The cookie of a session (RFC 6265bis): for this host alone, not for scripts, and not sent with requests of other sites.

use axum::http::{HeaderMap, HeaderValue, header};
use rules::Timestamp;

use crate::console::{Audience, Console};
use crate::sessions::SessionId;

/// The names over plain HTTP, which machines in the loopback network use: for staff, and for the listener of orgs. Browsers
/// send cookies to all ports of a host, so that one name would let a sign-in at one listener end the session at the other.
const PLAIN_NAMES: (&str, &str) = ("sluice_session", "sluice_org_session");
/// The names over https. Browsers accept them only with `Secure`, `Path=/`, and from this very host.
const SECURE_NAMES: (&str, &str) = ("__Host-sluice_session", "__Host-sluice_org_session");

/// Returns the name of the cookie, and whether it is for https alone.
fn name(console: &Console, headers: &HeaderMap) -> (&'static str, bool) {
    let is_secure = console.origins.is_secure(headers);
    let names = if is_secure { SECURE_NAMES } else { PLAIN_NAMES };
    let name = match console.audience {
        Audience::Everyone => names.0,
        Audience::Orgs => names.1,
    };
    (name, is_secure)
}

/// Returns the id in the cookie of a request.
pub(crate) fn read(console: &Console, headers: &HeaderMap) -> Option<SessionId> {
    let (name, _) = name(console, headers);
    cookie(headers, name).and_then(SessionId::read)
}

/// Returns the header that sets the cookie, for as long as the session lasts.
pub(crate) fn set(
    console: &Console,
    headers: &HeaderMap,
    (id, expires): (&SessionId, Timestamp),
    now: Timestamp,
) -> Option<HeaderValue> {
    let seconds = expires.0.saturating_sub(now.0).max(0) / 1_000;
    header_value(console, headers, &id.text(), seconds)
}

/// Returns the header that removes the cookie.
pub(crate) fn remove(console: &Console, headers: &HeaderMap) -> Option<HeaderValue> {
    header_value(console, headers, "", 0)
}

fn header_value(console: &Console, headers: &HeaderMap, value: &str, seconds: i64) -> Option<HeaderValue> {
    let (name, is_secure) = name(console, headers);
    let secure = if is_secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Returns the value of the first cookie with a name.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let headers = headers.get_all(header::COOKIE).iter();
    let mut cookies = headers
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    cookies.find_map(|cookie| {
        let (found, value) = cookie.split_once('=')?;
        (found.trim() == name).then(|| value.trim())
    })
}
