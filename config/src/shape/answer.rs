//! The form of answers other than the route's own upstream: rejections, redirects, other upstreams.

use std::borrow::Cow;

use rules::{Auth, Cause};

use super::FieldShape;
use super::text::{FilePath, UpstreamName};
use crate::form::{
    Boolean, Field, Fields, Form, Placed, Whole, fields, group, object, parsed, single, union,
};
use crate::node::MappingEntry;
use crate::validate::{InvalidValue, Slot, Validator};

/// The maximum length of a redirect URL, in bytes.
const MAX_URL: usize = 2048;

parsed! {
    Location("a URL or an absolute path", "invalid-url"): Box<str> = |text| {
        let valid = is_http_url(text) || (text.starts_with('/') && !text.starts_with("//"));
        let help = "write an http or https URL, or a path that begins with one slash; percent-encode characters that are not ASCII";
        let location = (valid && is_visible(text)).then(|| text.into());
        location.ok_or_else(|| InvalidValue::new(format!("`{text}` is not a URL or path to redirect to"), help))
    };
    MediaType("a media type", "invalid-media-type"): Box<str> = |text| {
        let is_visible = |b: u8| b == b' ' || b.is_ascii_graphic();
        let (kind, rest) = text.split_once('/').unwrap_or_default();
        let is_one = !kind.is_empty() && !rest.is_empty() && text.bytes().all(is_visible);
        let help = "write it like `text/html` or `text/plain`";
        let media_type = is_one.then(|| text.into());
        media_type.ok_or_else(|| InvalidValue::new(format!("`{text}` is not a media type"), help))
    };
}

parsed! {
    /// The status of a redirect.
    RedirectStatus: Whole<u16, 301, 308>, "invalid-status", u16 = |status, _| match status {
        301 | 302 | 303 | 307 | 308 => Ok(status),
        _ => {
            let title = format!("{status} is not the status of a redirect");
            Err(InvalidValue::new(title, "write 301, 302, 303, 307 or 308"))
        }
    };
}

/// Returns true for an http or https URL with a valid host and at most 2,048 visible ASCII characters.
pub(crate) fn is_http_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    is_visible(text) && host.is_some_and(|host| rules::Host::parse(host).is_ok())
}

fn is_visible(text: &str) -> bool {
    let is_visible = |b: u8| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>');
    text.len() <= MAX_URL && text.bytes().all(is_visible)
}

/// The status of an error.
type Status = Whole<u16, 400, 599>;

/// An answer, as written.
pub(crate) enum AnswerFields<'s> {
    Reject(RejectFields<'s>),
    Upstream(Field<Cow<'s, str>>),
    Redirect(RedirectFields<'s>),
}

/// The answers of a closed gate, as written.
pub(crate) struct OtherwiseFields<'s> {
    pub(crate) answer: AnswerFields<'s>,
    pub(crate) causes: Vec<(Cause, Option<AnswerFields<'s>>)>,
}

union! {
    Otherwise("an answer for a closed gate"): OtherwiseFields<'s> {
        key OtherwiseReject => |otherwise| otherwise,
        key OtherwiseUpstream => |otherwise| otherwise,
        key OtherwiseRedirect => |otherwise| otherwise,
    }
}

object! {
    /// Rejection by Sluice. A 404 is identical to that of an unknown path.
    OtherwiseReject("a rejection"): OtherwiseFields<'s> {
        /// Rejection.
        reject: include Reject,
        /// Answers by cause.
        causes: include ByCause,
    } => OtherwiseFields { answer: AnswerFields::Reject(reject), causes: causes.listed() }
}

object! {
    /// Forwarding to another upstream, such as that of the existing behaviour.
    OtherwiseUpstream("another upstream"): OtherwiseFields<'s> {
        /// Name of the upstream.
        upstream: must UpstreamName,
        /// Answers by cause.
        causes: include ByCause,
    } => OtherwiseFields { answer: AnswerFields::Upstream(upstream), causes: causes.listed() }
}

object! {
    /// Redirect to another URL.
    OtherwiseRedirect("a redirect"): OtherwiseFields<'s> {
        /// Redirect.
        redirect: include Redirect,
        /// Answers by cause.
        causes: include ByCause,
    } => OtherwiseFields { answer: AnswerFields::Redirect(redirect), causes: causes.listed() }
}

group! {
    /// The fields of a rejection.
    Reject => RejectFields {
        /// Status of the answer.
        reject: must Status,
        /// Names the flag in a 403, and what the tenant can do to open it. Default: false.
        reveal: field Boolean,
        /// Body of the answer.
        body: field Body,
    }
}

group! {
    /// The fields of a redirect.
    Redirect => RedirectFields {
        /// URL or absolute path of the redirect.
        redirect: must Location,
        /// Status: 301, 302, 303, 307 or 308. Default: 302.
        status: field RedirectStatus,
    }
}

group! {
    /// The field of answers by cause.
    ByCause => ByCauseFields {
        /// Answers by the cause that closed the gate. Other causes get the answer above.
        causes: field Causes,
    }
}

impl<'s> ByCauseFields<'s> {
    fn listed(self) -> Vec<(Cause, Option<AnswerFields<'s>>)> {
        self.causes.into_value().unwrap_or_default()
    }
}

union! {
    Answer("an answer for one cause"): AnswerFields<'s> {
        key AnswerReject => AnswerFields::Reject,
        key AnswerUpstream => |upstream| AnswerFields::Upstream(Field::alone(upstream)),
        key AnswerRedirect => AnswerFields::Redirect,
    }
}

object! {
    /// Rejection by Sluice.
    AnswerReject("a rejection for one cause"): RejectFields<'s> {
        /// Rejection.
        reject: include Reject,
    } => reject
}

single! {
    /// Forwarding to an upstream.
    AnswerUpstream("an upstream of its own") upstream: Placed<UpstreamName>, "Name of the upstream.";
}

object! {
    /// Redirect to another URL.
    AnswerRedirect("a redirect for one cause"): RedirectFields<'s> {
        /// Redirect.
        redirect: include Redirect,
    } => redirect
}

object! {
    /// Answers by the cause of the decision that closed the gate.
    Causes("a table of causes"): Vec<(Cause, Option<AnswerFields<'s>>)> {
        /// Causes.
        causes: include EachCause,
    } => causes
}

/// Defines a field for each cause that can close a gate. Its word is the name of the cause.
macro_rules! causes {
    ($($(#[doc = $doc:literal])+ $cause:ident),+ $(,)?) => {
        /// The causes that can close a gate.
        pub(crate) enum EachCause {}

        impl Fields for EachCause {
            type Value<'s> = Vec<(Cause, Option<AnswerFields<'s>>)>;

            const FIELDS: &'static [FieldShape] = &[$(FieldShape {
                name: Cause::$cause.as_str(),
                doc: concat!($($doc),+).trim_ascii(),
                required: false,
                shape: Answer::SHAPE,
            }),+];

            fn take<'s>(into: &mut Self::Value<'s>, entry: &MappingEntry<'s>, validator: &mut Validator<'_>) -> bool {
                // A cause that is not listed does not compile here. An unknown flag is an error, and closes no gate.
                const _: fn(Cause) = |cause| match cause {
                    $(Cause::$cause)|+ | Cause::UnknownFlag => {}
                };
                $(if entry.key == Cause::$cause.as_str() {
                    let slot = Slot::field(Cause::$cause.as_str(), entry.key_span);
                    into.push((Cause::$cause, Answer::read(&entry.value, slot, validator)));
                    return true;
                })+
                false
            }
        }
    };
}

causes! {
    /// Answer if the flag is retired.
    Retired,
    /// Answer if the flag is killed.
    Killed,
    /// Answer outside the flag's schedule.
    Schedule,
    /// Answer if the circuit breaker of the flag is open for the tenant.
    Breaker,
    /// Answer if a flag that the flag requires is not on.
    Prerequisite,
    /// Answer if the tenant's override decided.
    Override,
    /// Answer if the tenant opted out.
    OptOut,
    /// Answer if the tenant is not eligible at this lifecycle.
    Lifecycle,
    /// Answer if a rule decided.
    Rule,
    /// Answer if the tenant's opt-in decided.
    OptIn,
    /// Answer if the rollout decided.
    Rollout,
    /// Answer if a stage of the rollout plan has the subject in its audience and does not admit it.
    HeldBack,
    /// Answer if the default of the tier decided.
    Tier,
    /// Answer if the default of the flag decided.
    Default,
}

fields! {
    /// Body of an answer, from a file.
    Body("a body") => BodyFields {
        /// Path of the file.
        file: must FilePath,
        /// Media type. Default: text/html.
        content_type: field MediaType,
    }
}

/// The answer to requests that match no route, as written.
pub(crate) enum UnmatchedFields<'s> {
    Reject(u16),
    Upstream(UnmatchedUpstreamFields<'s>),
}

union! {
    Unmatched("`{ reject: STATUS }` or `{ upstream: NAME }`"): UnmatchedFields<'s> {
        key UnmatchedReject => UnmatchedFields::Reject,
        key UnmatchedUpstream => UnmatchedFields::Upstream,
    }
}

fields! {
    /// Upstream of unmatched requests.
    UnmatchedUpstream("an upstream of unmatched requests") => UnmatchedUpstreamFields {
        /// Name of the upstream.
        upstream: must UpstreamName,
        /// Token of a request. Default: lenient.
        auth: field Auth,
    }
}

single! {
    /// Rejection by Sluice.
    UnmatchedReject("a rejection of unmatched requests") reject: Status, "Status of the answer.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::{Shape, When};

    /// Returns the keys that tell the cases of a union apart.
    fn keys<F: Form>() -> Vec<&'static str> {
        let Shape::Union(union) = F::SHAPE else {
            panic!("a union")
        };
        let cases = union().cases.iter();
        cases
            .map(|case| match (case.when, &case.shape) {
                (When::Key, Shape::Object(object)) => object().fields().next().unwrap().name,
                _ => panic!("a case by its key"),
            })
            .collect()
    }

    #[test]
    fn by_cause_accepts_every_answer_of_a_closed_gate() {
        assert_eq!(keys::<Otherwise>(), keys::<Answer>());
    }
}
