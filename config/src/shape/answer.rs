//! The form of answers without the route's own upstream: refusals, redirects, other upstreams.

use std::borrow::Cow;

use rules::Cause;

use super::Field as ShapeField;
use super::text::{FilePath, UpstreamName};
use crate::form::{
    Boolean, Field, Fields, Form, Placed, PlacedText, Refusal, Whole, fields, group, object, parsed, single,
    union,
};
use crate::node::Entry;
use crate::validate::{Slot, Validator};

/// The longest redirect URL.
const MAX_URL: usize = 2048;

parsed! {
    Location("a URL or an absolute path", "invalid-url"): Box<str> = |text| {
        let valid = is_http_url(text) || (text.starts_with('/') && !text.starts_with("//"));
        let help = "write an http or https URL, or a path that begins with one slash; escape what is not ASCII";
        let location = (valid && is_visible(text)).then(|| text.into());
        location.ok_or_else(|| Refusal::new(format!("`{text}` can't be redirected to"), help))
    };
    MediaType("a media type", "invalid-media-type"): Box<str> = |text| {
        let is_visible = |b: u8| b == b' ' || b.is_ascii_graphic();
        let (kind, rest) = text.split_once('/').unwrap_or_default();
        let is_one = !kind.is_empty() && !rest.is_empty() && text.bytes().all(is_visible);
        let help = "write it like `text/html` or `text/plain`";
        let media_type = is_one.then(|| text.into());
        media_type.ok_or_else(|| Refusal::new(format!("`{text}` is not a media type"), help))
    };
}

parsed! {
    /// The status of a redirect.
    RedirectStatus: Whole<u16, 301, 308>, "invalid-status", u16 = |status, _| match status {
        301 | 302 | 303 | 307 | 308 => Ok(status),
        _ => {
            let title = format!("{status} is not the status of a redirect");
            Err(Refusal::new(title, "write 301, 302, 303, 307 or 308"))
        }
    };
}

/// Returns true for a URL that can be fetched or redirected to: http or https, a host, nothing invisible.
pub(super) fn is_http_url(text: &str) -> bool {
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

/// An answer, as it is written.
pub(crate) enum AnswerFields<'s> {
    Reject(RejectFields<'s>),
    Upstream(Field<Cow<'s, str>>),
    Redirect(RedirectFields<'s>),
}

/// The answers of a closed gate, as they are written.
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
    /// An answer of Sluice's own. 404 looks exactly like an unknown path.
    OtherwiseReject("a refusal"): OtherwiseFields<'s> {
        /// The refusal.
        reject: include Reject,
        /// The answers by cause.
        causes: include ByCause,
    } => OtherwiseFields { answer: AnswerFields::Reject(reject), causes: causes.listed() }
}

object! {
    /// The existing behaviour.
    OtherwiseUpstream("another upstream"): OtherwiseFields<'s> {
        /// The upstream.
        upstream: must UpstreamName,
        /// The answers by cause.
        causes: include ByCause,
    } => OtherwiseFields { answer: AnswerFields::Upstream(upstream), causes: causes.listed() }
}

object! {
    /// To another place.
    OtherwiseRedirect("a redirect"): OtherwiseFields<'s> {
        /// The redirect.
        redirect: include Redirect,
        /// The answers by cause.
        causes: include ByCause,
    } => OtherwiseFields { answer: AnswerFields::Redirect(redirect), causes: causes.listed() }
}

group! {
    /// The fields of a refusal.
    Reject => RejectFields {
        /// Its status.
        reject: must Status,
        /// Whether a 403 names the flag and what the tenant could do.
        reveal: field Boolean,
        /// Its body.
        body: field Body,
    }
}

group! {
    /// The fields of a redirect.
    Redirect => RedirectFields {
        /// Where to.
        redirect: must Location,
        /// 301, 302, 303, 307 or 308; left out: 302.
        status: field RedirectStatus,
    }
}

group! {
    /// The field of answers by cause.
    ByCause => ByCauseFields {
        /// What is answered instead, by the cause that closed the gate.
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
    /// An answer of Sluice's own.
    AnswerReject("a refusal for one cause"): RejectFields<'s> {
        /// The refusal.
        reject: include Reject,
    } => reject
}

single! {
    /// Where requests go.
    AnswerUpstream("an upstream of its own") upstream: Placed<UpstreamName>, "The upstream.";
}

object! {
    /// To another place.
    AnswerRedirect("a redirect for one cause"): RedirectFields<'s> {
        /// The redirect.
        redirect: include Redirect,
    } => redirect
}

object! {
    /// What is answered, by the cause of the decision that closed the gate.
    Causes("a table of causes"): Vec<(Cause, Option<AnswerFields<'s>>)> {
        /// The causes.
        causes: include EachCause,
    } => causes
}

/// Defines a field for each cause that can close a gate, whose word is the name of the cause.
macro_rules! causes {
    ($($(#[doc = $doc:literal])+ $cause:ident),+ $(,)?) => {
        /// The causes that can close a gate.
        pub(crate) enum EachCause {}

        impl Fields for EachCause {
            type Value<'s> = Vec<(Cause, Option<AnswerFields<'s>>)>;

            const FIELDS: &'static [ShapeField] = &[$(ShapeField {
                name: Cause::$cause.as_str(),
                doc: concat!($($doc),+).trim_ascii(),
                required: false,
                shape: Answer::SHAPE,
            }),+];

            fn take<'s>(into: &mut Self::Value<'s>, entry: &Entry<'s>, validator: &mut Validator<'_>) -> bool {
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
    /// The flag is retired.
    Retired,
    /// The flag is killed.
    Killed,
    /// It is outside the flag's schedule.
    Schedule,
    /// A flag that it requires is not on.
    Prerequisite,
    /// The tenant's override.
    Override,
    /// The tenant opted out.
    OptOut,
    /// The tenant is not eligible at this lifecycle.
    Lifecycle,
    /// A rule matched.
    Rule,
    /// The tenant opted in.
    OptIn,
    /// The subject is in the rollout.
    Rollout,
    /// The tier's default.
    Tier,
    /// The flag's default.
    Default,
}

fields! {
    /// The content of a file.
    Body("a body") => BodyFields {
        /// The file.
        file: must FilePath,
        /// Its media type; left out: text/html.
        content_type: field MediaType,
    }
}

/// What happens to requests that no route takes, as it is written.
pub(crate) enum UnmatchedFields<'s> {
    Reject(u16),
    Upstream(PlacedText<'s>),
}

union! {
    Unmatched("`{ reject: STATUS }` or `{ upstream: NAME }`"): UnmatchedFields<'s> {
        key UnmatchedReject => UnmatchedFields::Reject,
        key AnswerUpstream => UnmatchedFields::Upstream,
    }
}

single! {
    /// An answer of Sluice's own.
    UnmatchedReject("a refusal of unmatched requests") reject: Status, "Its status.";
}
