//! The names of the headers that the proxy injects, as they are sent.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use rules::{FlagId, HeaderPlan, SnapshotRevision};

use crate::signature::Signature;

/// The names of injected headers, in title case for old servers that require it.
#[derive(Debug, Clone)]
pub(crate) struct InjectedHeaders {
    pub(crate) tenant: Option<Bytes>,
    pub(crate) user: Option<Bytes>,
    pub(crate) flags: Option<Bytes>,
    pub(crate) per_flag: Box<[(Bytes, FlagId)]>,
    pub(crate) revision: Option<(Bytes, HeaderValue)>,
    pub(crate) request_id: Option<Bytes>,
    pub(crate) signature: Option<Arc<Signature>>,
    /// The response header to clients.
    pub(crate) response: Option<Bytes>,
}

impl InjectedHeaders {
    pub(crate) fn new(plan: &HeaderPlan, revision: &SnapshotRevision, key: Option<(&str, &[u8])>) -> Self {
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
            revision: revision_header(plan, revision),
            request_id: named(&plan.request_id),
            signature: plan
                .signature
                .as_deref()
                .zip(key)
                .map(|(name, (id, secret))| Arc::new(Signature::new(title(name), id, secret, plan.names()))),
            response: named(&plan.response),
        }
    }

    /// Returns the same names with another revision.
    pub(crate) fn with_revision(&self, plan: &HeaderPlan, revision: &SnapshotRevision) -> Self {
        Self {
            revision: revision_header(plan, revision),
            ..self.clone()
        }
    }
}

fn revision_header(plan: &HeaderPlan, revision: &SnapshotRevision) -> Option<(Bytes, HeaderValue)> {
    let name = plan.revision.as_deref().map(title);
    name.zip(HeaderValue::from_str(&revision.0).ok())
}

/// Converts `x-tenant-id` to `X-Tenant-Id`.
fn title(name: &str) -> Bytes {
    let mut start = true;
    let letter = |byte: u8| {
        let cased = if start { byte.to_ascii_uppercase() } else { byte };
        start = !byte.is_ascii_alphanumeric();
        cased
    };
    name.bytes().map(letter).collect()
}
