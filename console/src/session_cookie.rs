//! The cookie of a session (RFC 6265bis): for this host alone, not for scripts, and not sent with requests of other sites.

use axum::http::{HeaderMap, HeaderValue, header};
use rules::Timestamp;

use crate::console::Console;
use crate::sessions::SessionId;

/// The name over plain HTTP, which machines in the loopback network use.
const PLAIN_NAME: &str = "sluice_session";
/// The name over https. Browsers accept it only with `Secure`, `Path=/`, and from this very host.
const SECURE_NAME: &str = "__Host-sluice_session";

/// Returns the id in the cookie of a request.
pub(crate) fn read(console: &Console, headers: &HeaderMap) -> Option<SessionId> {
    let name = match console.origins.is_secure(headers) {
        true => SECURE_NAME,
        false => PLAIN_NAME,
    };
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
    let attributes = format!("Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict");
    let text = match console.origins.is_secure(headers) {
        true => format!("{SECURE_NAME}={value}; {attributes}; Secure"),
        false => format!("{PLAIN_NAME}={value}; {attributes}"),
    };
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
