//! Answers without the route's own upstream: refusals, redirects, other upstreams.

use rules::{Cause, Otherwise, Reject, RejectBody, Unmatched};

use super::gateway::Gateway;
use crate::form::{Field, PlacedText};
use crate::shape::answer::{
    AnswerFields, BodyFields, OtherwiseFields, RedirectFields, RejectFields, UnmatchedFields,
};

/// The largest body of an answer of our own.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The longest redirect URL.
const MAX_URL: usize = 2048;
/// The media type of a body, unless it is named.
const HTML: &str = "text/html; charset=utf-8";

/// The answers for single causes.
type ByCause = Box<[(Cause, Otherwise)]>;

impl<'s> Gateway<'_, 's> {
    /// Returns what a closed gate answers, and what it answers for single causes.
    pub(crate) fn otherwise(
        &mut self,
        otherwise: &Field<OtherwiseFields<'s>>,
        user: &str,
    ) -> Option<(Otherwise, ByCause)> {
        let left_out = Reject {
            status: 404,
            reveal: false,
            body: None,
        };
        otherwise.lower((Otherwise::Reject(left_out), Box::default()), |fields| {
            let answer = self.answer(&fields.value.answer, user);
            let mut causes = Vec::with_capacity(fields.value.causes.len());
            for (cause, answer) in &fields.value.causes {
                let answer = answer.as_ref().and_then(|answer| self.answer(answer, user));
                causes.push(answer.map(|answer| (*cause, answer)));
            }
            Some((answer?, causes.into_iter().collect::<Option<_>>()?))
        })
    }

    fn answer(&mut self, answer: &AnswerFields<'s>, user: &str) -> Option<Otherwise> {
        match answer {
            AnswerFields::Reject(reject) => self.reject(reject).map(Otherwise::Reject),
            AnswerFields::Upstream(upstream) => self.upstream(upstream, user).map(Otherwise::Upstream),
            AnswerFields::Redirect(redirect) => self.redirect(redirect),
        }
    }

    fn reject(&mut self, fields: &RejectFields<'s>) -> Option<Reject> {
        let body = fields.body.lower_optional(|body| self.body(&body.value));
        let status = *fields.reject.value()?;
        if let Field::Written(key, reveal) = &fields.reveal
            && reveal.value
            && status != 403
        {
            let title = format!("`reveal` is for a 403, not for a {status}");
            let help = "write `reject: 403`, or leave `reveal` out: any other status would not say why";
            return self.refuse("reveal-without-403", title, key.span, help);
        }
        let reveal = fields.reveal.or(false)?;
        Some(Reject {
            status,
            reveal,
            body: body?,
        })
    }

    fn redirect(&mut self, fields: &RedirectFields<'s>) -> Option<Otherwise> {
        let PlacedText {
            value: location,
            span,
        } = fields.redirect.written()?;
        let valid = is_http_url(location) || (location.starts_with('/') && !location.starts_with("//"));
        if !valid || !is_visible(location) {
            let title = format!("`{location}` can't be redirected to");
            let help =
                "write an http or https URL, or a path that begins with one slash; escape what is not ASCII";
            return self.refuse("invalid-url", title, *span, help);
        }
        let status = fields.status.lower(302, |status| {
            if matches!(status.value, 301 | 302 | 303 | 307 | 308) {
                return Some(status.value);
            }
            let title = format!("{} is not the status of a redirect", status.value);
            let help = "write 301, 302, 303, 307 or 308";
            self.refuse("invalid-status", title, status.span, help)
        });
        Some(Otherwise::Redirect {
            status: status?,
            location: (**location).into(),
        })
    }

    /// Returns what happens to a request that no route takes.
    pub(crate) fn unmatched(&mut self, unmatched: &Field<UnmatchedFields<'s>>) -> Option<Unmatched> {
        unmatched.lower(Unmatched::Reject(404), |unmatched| match &unmatched.value {
            UnmatchedFields::Reject(status) => Some(Unmatched::Reject(*status)),
            UnmatchedFields::Upstream(upstream) => {
                self.upstream(upstream, "`unmatched`").map(Unmatched::Upstream)
            }
        })
    }

    /// Reads a body from its file.
    pub(crate) fn body(&mut self, body: &BodyFields<'s>) -> Option<RejectBody> {
        let bytes = body
            .file
            .written()
            .and_then(|file| self.file(file, MAX_BODY_BYTES));
        let content_type = body.content_type.lower(HTML, |media_type| {
            let text = &*media_type.value;
            let is_media_type = text.split_once('/').is_some_and(|(kind, rest)| {
                !kind.is_empty()
                    && !rest.is_empty()
                    && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
            });
            if !is_media_type {
                let title = format!("`{text}` is not a media type");
                let help = "write it like `text/html` or `text/plain`";
                return self.refuse("invalid-media-type", title, media_type.span, help);
            }
            Some(text)
        });
        Some(RejectBody {
            content_type: content_type?.into(),
            bytes: bytes?.into(),
        })
    }
}

/// Returns true for a URL that can be fetched or redirected to: http or https, a host, nothing invisible.
pub(super) fn is_http_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    is_visible(text) && host.is_some_and(|host| rules::Host::parse(host).is_ok())
}

/// Returns true for a URL that has a user, and perhaps a password, before its host (RFC 3986 section 3.2.1).
pub(super) fn names_user(url: &str) -> bool {
    let authority = url
        .split_once("://")
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    authority.is_some_and(|authority| authority.contains('@'))
}

fn is_visible(text: &str) -> bool {
    text.len() <= MAX_URL
        && text
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>'))
}
