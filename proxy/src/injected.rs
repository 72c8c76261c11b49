//! The headers that tell an upstream what was decided, by the names they have on the wire.

use bytes::Bytes;
use http::HeaderValue;
use rules::{FlagId, HeaderPlan, Revision};

/// Names as they are written: in title case, which a few old servers insist on.
#[derive(Debug)]
pub(crate) struct Injected {
    pub(crate) tenant: Option<Bytes>,
    pub(crate) user: Option<Bytes>,
    pub(crate) flags: Option<Bytes>,
    pub(crate) per_flag: Box<[(Bytes, FlagId)]>,
    pub(crate) revision: Option<(Bytes, HeaderValue)>,
    pub(crate) request_id: Option<Bytes>,
}

impl Injected {
    pub(crate) fn new(plan: &HeaderPlan, revision: &Revision) -> Self {
        let named = |name: &Option<Box<str>>| name.as_deref().map(title);
        Self {
            tenant: named(&plan.tenant),
            user: named(&plan.user),
            flags: plan.flags.as_ref().map(|flags| title(&flags.name)),
            per_flag: plan
                .per_flag
                .iter()
                .map(|(flag, name)| (title(name), *flag))
                .collect(),
            revision: named(&plan.revision).zip(HeaderValue::from_str(&revision.0).ok()),
            request_id: named(&plan.request_id),
        }
    }
}

/// `x-tenant-id` as `X-Tenant-Id`.
fn title(name: &str) -> Bytes {
    let mut start = true;
    let letter = |byte: u8| {
        let cased = if start { byte.to_ascii_uppercase() } else { byte };
        start = !byte.is_ascii_alphanumeric();
        cased
    };
    name.bytes().map(letter).collect()
}
