//! Normalisation of the target: one spelling is both matched and forwarded.

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
    let head = &mut *received.head;
    let target = normalise(head.target().as_bytes(), decider.snapshot.routes.target).map_err(invalid)?;
    if target.is_asterisk() && head.method() != "OPTIONS" {
        return Err(refused());
    }
    // If there is a `Host`, the edge has checked that both agree.
    let authority = target.authority.filter(|_| !head.fields.contains("host"));
    let authority = authority.map(str::to_owned);
    if let Some(normal) = target.changed.then(|| target.to_string()) {
        head.set_target(&normal);
    }
    if let Some(authority) = authority {
        // Reached over HTTP/1.0 only. The target has lost its authority, and the upstream needs it.
        let host = Host::parse(&authority).map_err(|_| malformed(AnswerCode::HOST))?;
        found.host = host.name.into();
        head.fields.push("Host", authority.as_bytes());
    }
    Ok(())
}
