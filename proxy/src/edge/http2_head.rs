//! The head of an HTTP/2 request in the form that it would have over HTTP/1, so that later phases read one form.

use ::wire::{HttpVersion, RequestHead};
use http::header::HOST;
use http::request::Parts;

use crate::answer::AnswerCode;

/// Fills `head` from the pseudo-header fields and fields of a request: the host in `Host`, all cookies in one field
/// (RFC 9113 sections 8.2.3 and 8.3.1). The head is filled also if the request is refused.
///
/// # Errors
/// The head is refused, with the code of the same fault over HTTP/1.
pub(crate) fn fill(head: &mut RequestHead, parts: &Parts) -> Result<(), AnswerCode> {
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    let path = parts.uri.path_and_query().map(http::uri::PathAndQuery::as_str);
    // `CONNECT` has no path: its target is the authority (RFC 9113 section 8.5).
    let target = path.or(authority).unwrap_or_default();
    head.begin(parts.method.as_str(), target, HttpVersion::Http2);
    if !parts.headers.contains_key(HOST)
        && let Some(authority) = authority
    {
        head.fields.push("host", authority.as_bytes());
    }
    for (name, value) in &parts.headers {
        head.fields.push(name.as_str(), value.as_bytes());
    }
    head.fields.join("cookie", b"; ");
    check_target(head)?;
    check_host(head, authority)?;
    match head.fields.contains("transfer-encoding") {
        true => Err(AnswerCode::FRAMING),
        false => Ok(()),
    }
}

/// Refuses targets that the edge refuses over HTTP/1, and the absolute form, which `:path` never has.
fn check_target(head: &RequestHead) -> Result<(), AnswerCode> {
    let target = head.target();
    let is_refused = |byte: u8| byte <= b' ' || matches!(byte, 0x7f | b'<' | b'>' | b'`');
    if target.bytes().any(is_refused) {
        return Err(AnswerCode::HEAD);
    }
    let is_path = target.starts_with('/') || target == "*";
    match is_path || head.method() == "CONNECT" {
        true => Ok(()),
        false => Err(AnswerCode::TARGET),
    }
}

/// Refuses a request without exactly one host, or with user information in it.
fn check_host(head: &RequestHead, authority: Option<&str>) -> Result<(), AnswerCode> {
    let mut hosts = head.fields.values("host");
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(AnswerCode::HOST);
    };
    let differs = authority.is_some_and(|authority| authority.as_bytes() != host);
    match differs || host.contains(&b'@') {
        true => Err(AnswerCode::HOST),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ::wire::{Fields, HttpVersion, RequestHead};
    use http::Request;
    use http::request::Parts;

    use super::fill;
    use crate::answer::AnswerCode;

    fn parts(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
        let request = Request::builder().method(method).uri(uri);
        let request = fields
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    #[track_caller]
    fn check(method: &str, uri: &str, fields: &[(&str, &str)], target: &str, expected: &[(&str, &str)]) {
        let mut head = RequestHead::default();
        assert_eq!(fill(&mut head, &parts(method, uri, fields)), Ok(()), "{uri}");
        let found = (head.method(), head.target(), head.version());
        assert_eq!(found, (method, target, HttpVersion::Http2));
        let expected = expected.iter().map(|(name, value)| (*name, value.as_bytes()));
        assert_eq!(head.fields, expected.collect::<Fields>());
    }

    #[track_caller]
    fn refused(method: &str, uri: &str, fields: &[(&str, &str)], code: AnswerCode) {
        let parts = parts(method, uri, fields);
        assert_eq!(
            fill(&mut RequestHead::default(), &parts),
            Err(code),
            "{uri} {fields:?}"
        );
    }

    #[test]
    fn authority_becomes_the_host_if_there_is_none() {
        check(
            "GET",
            "http://A.test:80/a?b=%2f",
            &[("x", "y")],
            "/a?b=%2f",
            &[("Host", "A.test:80"), ("x", "y")],
        );
        let host = [("host", "a.test")];
        check("GET", "http://a.test/", &host, "/", &host);
        check("GET", "/a", &host, "/a", &host);
    }

    #[test]
    fn cookies_are_joined() {
        let fields = [("host", "a"), ("cookie", "b=c"), ("x", "y"), ("cookie", "d=e")];
        let joined = [("host", "a"), ("cookie", "b=c; d=e"), ("x", "y")];
        check("GET", "/", &fields, "/", &joined);
    }

    #[test]
    fn asterisk_and_authority_are_targets() {
        let host = [("host", "a:443")];
        check("OPTIONS", "*", &host, "*", &host);
        check("CONNECT", "a:443", &[], "a:443", &host);
    }

    #[test]
    fn two_hosts_or_user_information_are_refused() {
        refused("GET", "http://a/", &[("host", "b")], AnswerCode::HOST);
        refused("GET", "http://a/", &[("host", "A")], AnswerCode::HOST);
        refused("GET", "/", &[("host", "a"), ("host", "a")], AnswerCode::HOST);
        refused("GET", "/", &[("host", "u@a")], AnswerCode::HOST);
        refused("GET", "http://u@a/", &[], AnswerCode::HOST);
        refused("GET", "/", &[], AnswerCode::HOST);
    }

    #[test]
    fn target_with_a_forbidden_byte_is_refused() {
        let mut head = RequestHead::default();
        for target in ["/a b", "/a\r\nX: y", "/\0", "/<", "/>", "/`", ""] {
            head.begin("GET", target, HttpVersion::Http2);
            let code = if target.is_empty() {
                AnswerCode::TARGET
            } else {
                AnswerCode::HEAD
            };
            assert_eq!(super::check_target(&head), Err(code), "{target:?}");
        }
        head.begin("GET", "http://a/", HttpVersion::Http2);
        assert_eq!(super::check_target(&head), Err(AnswerCode::TARGET));
    }

    #[test]
    fn coding_is_refused() {
        let fields = [("host", "a"), ("transfer-encoding", "chunked")];
        refused("POST", "/", &fields, AnswerCode::FRAMING);
    }
}
