//! Normalisation of the target: one spelling is both matched and forwarded.

use http::{Method, header};
use rules::{Host, InvalidTarget, normalise};

use crate::answer::AnswerCode;
use crate::decider::Decider;
use crate::findings::Findings;
use crate::phase::received::Received;
use crate::refusal::RequestRefusal;

/// Normalises the target of the request in place. An absolute target names the host if there is no `Host`.
///
/// # Errors
/// The target is refused.
pub(crate) fn normalise_in_place(
    received: &mut Received<'_>,
    decider: &Decider,
    found: &mut Findings,
) -> Result<(), RequestRefusal> {
    let malformed = |code| RequestRefusal::malformed(code, &decider.pages);
    let refused = || RequestRefusal::bad(AnswerCode::TARGET, &decider.pages);
    // An invalid form may mean that the request line was read wrongly, so the connection is closed.
    let invalid = |invalid| match invalid {
        InvalidTarget::Form | InvalidTarget::Empty => malformed(AnswerCode::TARGET),
        _ => refused(),
    };
    // pingora drops a fragment from the target, so the request line itself is read.
    let sent = request_target(received.raw).ok_or_else(|| malformed(AnswerCode::HEAD))?;
    let target = normalise(sent, decider.snapshot.routes.target).map_err(invalid)?;
    let request = &mut *received.header;
    if target.is_asterisk() && request.method != Method::OPTIONS {
        return Err(refused());
    }
    // If there is a `Host`, the HTTP layer has checked that both agree.
    if let Some(authority) = target.authority
        && !request.headers.contains_key(header::HOST)
    {
        // Reached over HTTP/1.0 only. The target loses its authority below, and the upstream needs it.
        let host = Host::parse(authority).map_err(|_| malformed(AnswerCode::HOST))?;
        found.host = host.name.into();
        let set = request.insert_header(header::HOST, authority);
        set.map_err(|_| malformed(AnswerCode::HOST))?;
    }
    // Also if only pingora's view differs, because it dropped a fragment.
    if target.changed || request.raw_path() != sent {
        let set = request.set_raw_path(target.to_string().as_bytes());
        set.map_err(|_| refused())?;
    }
    Ok(())
}

/// Returns the second of three words of the request line. Skips empty lines before it, as pingora does (RFC 9112
/// section 2.2).
fn request_target(raw: &[u8]) -> Option<&[u8]> {
    let start = raw.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let line = raw.get(start..)?.split(|&byte| byte == b'\r').next()?;
    let mut words = line.split(|&byte| byte == b' ');
    let (_, target, _) = (words.next()?, words.next()?, words.next()?);
    words.next().is_none().then_some(target)
}

#[cfg(test)]
mod tests {
    use super::request_target;

    #[track_caller]
    fn check(head: &str, expected: Option<&str>) {
        assert_eq!(
            request_target(head.as_bytes()),
            expected.map(str::as_bytes),
            "{head:?}"
        );
    }

    #[test]
    fn target_is_the_second_word_of_the_request_line() {
        check("GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n", Some("/a?b#c"));
        check("\r\n\r\nGET http://a/b HTTP/1.1\r\n\r\n", Some("http://a/b"));
        check("GET /a b HTTP/1.1\r\n\r\n", None);
        check("GET /a\r\n\r\n", None);
        check("\r\n", None);
    }
}
