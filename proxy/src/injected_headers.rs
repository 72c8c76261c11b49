//! The names of the headers that the proxy injects, as they are sent.

use std::collections::BTreeSet;
use std::sync::Arc;

use rules::{FlagId, HeaderPlan, SnapshotRevision};

use crate::signature::Signature;

/// The names of injected headers, in title case for old servers that require it.
#[derive(Debug, Clone)]
pub(crate) struct InjectedHeaders {
    pub(crate) tenant: Option<Arc<str>>,
    pub(crate) user: Option<Arc<str>>,
    pub(crate) flags: Option<Arc<str>>,
    pub(crate) per_flag: Box<[(Arc<str>, FlagId)]>,
    pub(crate) revision: Option<(Arc<str>, Arc<str>)>,
    pub(crate) request_id: Option<Arc<str>>,
    pub(crate) signature: Option<Arc<Signature>>,
    /// The response header to clients.
    pub(crate) response: Option<ResponseHeader>,
}

/// The response header that lists flags.
#[derive(Debug, Clone)]
pub(crate) struct ResponseHeader {
    pub(crate) name: Arc<str>,
    /// The names of the request's headers that its value depends on, as `Vary` lists them.
    pub(crate) vary: Arc<str>,
}

impl InjectedHeaders {
    /// Prepares the names of `plan`. `read` are the names of the headers that callers and their attributes are read from.
    pub(crate) fn new<'r>(
        plan: &HeaderPlan,
        revision: &SnapshotRevision,
        key: Option<(&str, &[u8])>,
        read: impl Iterator<Item = &'r str>,
    ) -> Self {
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
            response: plan.response.as_deref().map(|name| ResponseHeader {
                name: title(name),
                vary: read
                    .map(title)
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect::<Vec<_>>()
                    .join(", ")
                    .into(),
            }),
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

fn revision_header(plan: &HeaderPlan, revision: &SnapshotRevision) -> Option<(Arc<str>, Arc<str>)> {
    let name = plan.revision.as_deref().map(title);
    name.map(|name| (name, Arc::clone(&revision.0)))
}

/// Converts `x-tenant-id` to `X-Tenant-Id`.
fn title(name: &str) -> Arc<str> {
    let mut start = true;
    let letter = |letter: char| {
        let cased = if start {
            letter.to_ascii_uppercase()
        } else {
            letter
        };
        start = !letter.is_ascii_alphanumeric();
        cased
    };
    name.chars().map(letter).collect::<String>().into()
}
