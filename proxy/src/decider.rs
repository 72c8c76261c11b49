//! The data that requests are decided by: a snapshot, and everything prepared from it and the gateway's document. It
//! has no sockets, keys or counters; `prepared_snapshot` has those.

use std::sync::Arc;

use config::{AttributeType, ConnectionLimits, Listener, LoadedConfig, RequestValue, TokenSource};
use rules::{Cause, HeaderMatch, HeaderPlan, RouteId, Snapshot, TrustedProxies};
use tokens::{Identity, InvalidIssuers, Issuer, Issuers};
use wire::HeadLimits;

use crate::answer::Pages;
use crate::closed_answers::{self, ClosedAnswers};
use crate::credential_sources::{AttributePlace, CredentialSources, ParsedAs, RequestAttribute, TokenPlace};
use crate::injected_headers::InjectedHeaders;
use crate::listener_head::ListenerHead;
use crate::refusal::RequestRefusal;
use crate::reserved::Reserved;
use crate::verified_certificate::CertificateField;

/// The data that requests are decided by. Cheap to clone: its parts are shared.
#[derive(Debug, Clone)]
pub struct Decider {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) issuers: Arc<Issuers>,
    pub(crate) credentials: Arc<CredentialSources>,
    pub(crate) injected_headers: InjectedHeaders,
    pub(crate) reserved: Arc<Reserved>,
    pub(crate) pages: Arc<Pages>,
    /// Maximum size of a request body, in bytes; none for no limit.
    pub(crate) body_limit: Option<u64>,
    pub(crate) trusted_proxies: Arc<TrustedProxies>,
    /// True if an attribute is read from a header that the proxy replaces for the upstream.
    pub(crate) replaces_attributes: bool,
    listeners: Arc<[ListenerHead]>,
    /// By the snapshot's route ids.
    closed_answers: Arc<[ClosedAnswers]>,
    unmatched: RequestRefusal,
}

impl Decider {
    /// Prepares the data from loaded documents.
    ///
    /// # Errors
    /// Two issuers have the same name.
    pub fn prepare(loaded: &LoadedConfig) -> Result<Self, InvalidIssuers> {
        let snapshot = Arc::clone(&loaded.snapshot);
        let issuers = loaded.identity.issuers.iter();
        let issuers = Issuers::new(issuers.map(|issuer| issuer.issuer.clone()).collect())?;
        let settings = &loaded.settings;
        let pages: Pages = settings.errors.iter().cloned().collect();
        let credentials = credentials(loaded);
        let replaces_attributes = credentials
            .headers()
            .any(|name| is_replaced(name, &snapshot.headers));
        let signing_key = settings.signing_key.as_ref();
        let signing_key = signing_key.map(|key| (&*key.id, &*key.secret));
        let routes = &snapshot.routes;
        let injected_headers = InjectedHeaders::new(
            &snapshot.headers,
            &snapshot.revision,
            signing_key,
            credentials.varying_headers(),
        );
        Ok(Self {
            issuers: Arc::new(issuers),
            reserved: Arc::new(reserved(&snapshot, &credentials, &settings.trusted_proxies)),
            replaces_attributes,
            credentials: Arc::new(credentials),
            injected_headers,
            closed_answers: routes
                .all()
                .iter()
                .map(|route| ClosedAnswers::of(route, &pages))
                .collect(),
            unmatched: closed_answers::unmatched(&routes.unmatched, &pages),
            body_limit: settings.body_limit,
            trusted_proxies: Arc::new(settings.trusted_proxies.clone()),
            listeners: settings.listeners.iter().map(listener_head).collect(),
            pages: Arc::new(pages),
            snapshot,
        })
    }

    /// Returns a copy with other flags and tenants; none if the snapshot was compiled with other routes, upstreams or
    /// headers.
    pub(crate) fn with_flags(&self, snapshot: Arc<Snapshot>) -> Option<Self> {
        let own = &*self.snapshot;
        let is_own = Arc::ptr_eq(&own.routes, &snapshot.routes)
            && Arc::ptr_eq(&own.upstreams, &snapshot.upstreams)
            && Arc::ptr_eq(&own.headers, &snapshot.headers);
        is_own.then(|| Self {
            injected_headers: self
                .injected_headers
                .with_revision(&snapshot.headers, &snapshot.revision),
            snapshot,
            ..self.clone()
        })
    }

    /// Returns the snapshot.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Returns the listeners, in the order of the document.
    #[must_use]
    pub fn listeners(&self) -> &[ListenerHead] {
        &self.listeners
    }

    /// Returns the name and value of the header that carries `token`.
    #[must_use]
    pub fn token_line(&self, token: &str) -> (&str, String) {
        self.credentials.token.line(token)
    }

    /// Returns true if a client certificate can name the tenant of a request without a token.
    #[must_use]
    pub fn takes_certificates(&self) -> bool {
        self.credentials.certificate.is_some()
    }

    /// Returns the issuer of a verified token.
    #[must_use]
    pub fn issuer(&self, identity: &Identity) -> Option<&Issuer> {
        self.issuers.at(identity.issuer)
    }

    /// Returns the route's answer for a gate that `cause` closed, if it is the same for every request.
    pub(crate) fn closed_refusal(&self, id: RouteId, cause: Cause) -> RequestRefusal {
        let closed = self
            .closed_answers
            .get(id.index())
            .and_then(|closed| closed.answer(cause));
        closed.cloned().unwrap_or_else(|| self.unmatched_refusal())
    }

    /// Returns the answer to a request that no route matches.
    pub(crate) fn unmatched_refusal(&self) -> RequestRefusal {
        self.unmatched.clone()
    }
}

fn listener_head(listener: &Listener) -> ListenerHead {
    ListenerHead::new(listener.name.clone(), head_limits(&listener.limits))
}

/// Returns the limits of a request head on a listener.
pub(crate) fn head_limits(limits: &ConnectionLimits) -> HeadLimits {
    HeadLimits {
        bytes: limits.head_size,
        fields: limits.head_fields,
    }
}

fn credentials(loaded: &LoadedConfig) -> CredentialSources {
    let identity = &loaded.identity;
    let header = |name: &str| name.to_ascii_lowercase().into_boxed_str();
    let token = match &identity.token {
        TokenSource::Authorization => TokenPlace::Authorization,
        TokenSource::Header(name) => TokenPlace::Header(header(name)),
        TokenSource::Cookie(name) => TokenPlace::Cookie(name.clone()),
    };
    let attributes = identity.attributes.iter().map(|attribute| RequestAttribute {
        id: attribute.id,
        place: match &attribute.value {
            RequestValue::Header(name) => AttributePlace::Header(header(name)),
            RequestValue::Cookie(name) => AttributePlace::Cookie(name.clone()),
            RequestValue::ClientAddress => AttributePlace::Client,
        },
        parsed: match attribute.value_type {
            AttributeType::Text => ParsedAs::Text,
            AttributeType::Number => ParsedAs::Number,
            AttributeType::Boolean => ParsedAs::Boolean,
        },
    });
    let realm: String = identity
        .realm
        .chars()
        .filter(|c| !matches!(c, '"' | '\\') && !c.is_control())
        .collect();
    let challenge = format!("Bearer realm=\"{realm}\"").into();
    CredentialSources {
        token,
        certificate: identity.certificate_tenant.map(|name| match name {
            config::CertificateName::SanDns => CertificateField::SanDns,
            config::CertificateName::SanUri => CertificateField::SanUri,
            config::CertificateName::CommonName => CertificateField::CommonName,
        }),
        attributes: attributes.collect(),
        challenge,
    }
}

/// Returns true for the lower-case name of a header that the proxy replaces for the upstream, or may remove.
fn is_replaced(name: &str, plan: &HeaderPlan) -> bool {
    let mut injected = plan.names().chain(plan.signature.as_deref());
    matches!(name, "forwarded" | "baggage" | "tracestate")
        || name.starts_with("x-forwarded-")
        || injected.any(|injected| injected == name)
}

fn reserved(snapshot: &Snapshot, credentials: &CredentialSources, proxies: &TrustedProxies) -> Reserved {
    let plan = &snapshot.headers;
    let removed = plan.removed.iter().map(|name| &**name);
    let names = plan.names().chain(plan.signature.as_deref()).chain(removed);
    let routes = snapshot.routes.table().routes().iter();
    let matched = routes.flat_map(|route| route.headers.iter().map(HeaderMatch::name));
    let read = credentials.headers().chain(matched);
    Reserved::new(names, plan.reserved_prefix.as_deref(), read, &proxies.overwritten)
}
