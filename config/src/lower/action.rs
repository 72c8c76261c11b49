//! Answers other than the route's own upstream: rejections, redirects, other upstreams.

use rules::{Cause, ClosedAnswer, Otherwise, Reject, RejectBody, Unmatched};

use super::gateway::Gateway;
use crate::form::Field;
use crate::shape::answer::{AnswerFields, BodyFields, OtherwiseFields, RejectFields, UnmatchedFields};

/// The maximum size of a body of Sluice's own answers, in bytes.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The default media type of a body.
const HTML: &str = "text/html; charset=utf-8";

/// The answers for single causes.
type ByCause = Box<[(Cause, Otherwise)]>;

impl<'s> Gateway<'_, 's> {
    /// Returns the answer of a closed gate, and its answers by cause.
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
        let left_out = Otherwise::Answer(ClosedAnswer::Reject(left_out));
        otherwise.lower((left_out, Box::default()), |fields| {
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
        Some(match answer {
            AnswerFields::Reject(reject) => Otherwise::Answer(ClosedAnswer::Reject(self.reject(reject)?)),
            AnswerFields::Upstream(upstream) => {
                Otherwise::Upstream(self.upstream(upstream.written()?, user)?)
            }
            AnswerFields::Redirect(redirect) => Otherwise::Answer(ClosedAnswer::Redirect {
                status: redirect.status.or(302)?,
                location: redirect.redirect.value()?.clone(),
            }),
        })
    }

    fn reject(&mut self, fields: &RejectFields<'s>) -> Option<Reject> {
        let body = fields.body.lower_optional(|body| self.body(&body.value));
        let status = *fields.reject.value()?;
        if let Field::Written(key, reveal) = &fields.reveal
            && reveal.value
            && status != 403
        {
            let title = format!("`reveal` is only valid with a 403, not with a {status}");
            let help = "write `reject: 403`, or remove `reveal`: only a 403 names the flag";
            return self.refuse("reveal-without-403", title, key.span, help);
        }
        let reveal = fields.reveal.or(false)?;
        Some(Reject {
            status,
            reveal,
            body: body?,
        })
    }

    /// Returns the answer to a request that matches no route.
    pub(crate) fn unmatched(&mut self, unmatched: &Field<UnmatchedFields<'s>>) -> Option<Unmatched> {
        unmatched.lower(Unmatched::Reject(404), |unmatched| match &unmatched.value {
            UnmatchedFields::Reject(status) => Some(Unmatched::Reject(*status)),
            UnmatchedFields::Upstream(fields) => {
                let upstream = fields
                    .upstream
                    .written()
                    .and_then(|upstream| self.upstream(upstream, "`unmatched`"));
                let auth = fields.auth.or(self.default_auth());
                Some(Unmatched::Upstream {
                    upstream: upstream?,
                    auth: auth?,
                })
            }
        })
    }

    /// Reads a body from its file.
    pub(crate) fn body(&mut self, body: &BodyFields<'s>) -> Option<RejectBody> {
        let bytes = body
            .file
            .written()
            .and_then(|file| self.file(file, MAX_BODY_BYTES));
        Some(RejectBody {
            content_type: body.content_type.or(HTML.into())?,
            bytes: bytes?.into(),
        })
    }
}
