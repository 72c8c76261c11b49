//! A snapshot made ready to serve: upstreams made live, header names and answers rendered, meters and
//! keys at hand. Prepared aside, swapped in whole, never changed.

use std::sync::Arc;

use config::{ClientCertificateMode, KeySource, Loaded, RequestValue, TokenSource};
use http::HeaderName;
use rules::{AttributeId, Cause, HeaderMatch, RouteId, Snapshot, TrustedProxies};
use rustls::ServerConfig;
use tokens::Issuers;

use crate::answer::Pages;
use crate::client_certificate::CertificateName;
use crate::closed::{self, Closed};
use crate::credentials::{AttributePlace, Credentials, TokenPlace};
use crate::injected::Injected;
use crate::issuer_keys::IssuerKeys;
use crate::key_store::{InvalidKeySource, KeyStore};
use crate::limits::LiveLimit;
use crate::listener_tls::{Clients, InvalidTls, NamedCertificate, Protocols, TlsPlan, TlsVersion};
use crate::meter::Meters;
use crate::metrics::Metrics;
use crate::pace::FetchTerms;
use crate::refusal::Refusal;
use crate::reserved::Reserved;
use crate::token_cache::{DEFAULT_TOKEN_CACHE_BYTES, TokenCache};
use crate::upstreams::{LiveUpstream, UpstreamStore};

/// Everything that a request is decided and forwarded by. Its parts are shared with the snapshot after it where
/// only flags or tenants change.
#[derive(Debug, Clone)]
pub(crate) struct Serving {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) issuers: Arc<Issuers>,
    /// The issuers' keys, in their order.
    pub(crate) keys: Arc<[Arc<IssuerKeys>]>,
    pub(crate) tokens: Arc<TokenCache>,
    pub(crate) credentials: Arc<Credentials>,
    /// By the ids of the snapshot.
    pub(crate) upstreams: Arc<[Arc<LiveUpstream>]>,
    pub(crate) injected: Injected,
    pub(crate) reserved: Arc<Reserved>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) pages: Arc<Pages>,
    /// The largest body of a request, in bytes.
    pub(crate) body_limit: Option<u64>,
    pub(crate) log_query: bool,
    pub(crate) trusted_proxies: Arc<TrustedProxies>,
    /// Of the listeners that speak TLS.
    tls: Arc<[ServingTls]>,
    /// By the ids of the snapshot.
    closed: Arc<[Closed]>,
    /// By the ids of the snapshot.
    limits: Arc<[Option<Arc<LiveLimit>>]>,
    unmatched: Refusal,
}

/// TLS on a listener.
#[derive(Debug, Clone)]
struct ServingTls {
    /// Its name; none is the admin listener.
    listener: Option<Box<str>>,
    /// What `config` was made of. As long as it stays the same, so do sessions.
    definition: config::ListenerTls,
    config: Arc<ServerConfig>,
}

/// Why a snapshot can't be served.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Keys that can't be fetched.
    #[error("issuer `{issuer}`: {reason}")]
    Keys {
        /// The issuer's name.
        issuer: Box<str>,
        /// Why not.
        reason: InvalidKeySource,
    },
    /// TLS that can't be had.
    #[error("listener `{listener}`: {reason}")]
    Tls {
        /// The listener's name.
        listener: Box<str>,
        /// Why not.
        reason: InvalidTls,
    },
    /// Issuers that can't stand together.
    #[error(transparent)]
    Issuers(#[from] tokens::InvalidIssuers),
}

impl Serving {
    /// Prepares what was loaded. What lives is taken over from `former` where its definition is unchanged.
    pub(crate) fn prepare(
        loaded: &Loaded,
        former: Option<&Self>,
        (keys, upstreams): (&KeyStore, &UpstreamStore),
        metrics: &Metrics,
    ) -> Result<Self, PrepareError> {
        let snapshot = Arc::clone(&loaded.snapshot);
        let live = former.map_or(&[][..], |former| &former.upstreams);
        let upstreams = upstreams.revive(&snapshot.upstreams, live);
        let issuers: Vec<_> = loaded
            .identity
            .issuers
            .iter()
            .map(|issuer| issuer.issuer.clone())
            .collect();
        let issuers = Arc::new(Issuers::new(issuers)?);
        let keys = issuer_keys(loaded, &issuers, keys)?;
        let tokens = match former {
            Some(former) => former.tokens.carried_over(&issuers),
            None => TokenCache::new(Arc::clone(&issuers), DEFAULT_TOKEN_CACHE_BYTES, metrics),
        };
        let pages: Pages = loaded.settings.errors.iter().cloned().collect();
        let routes = &snapshot.routes;
        let credentials = credentials(loaded);
        let signing_key = loaded.settings.signing_key.as_ref();
        let signing_key = signing_key.map(|key| (&*key.id, &*key.secret));
        Ok(Self {
            issuers,
            keys: keys.into(),
            tokens,
            reserved: Arc::new(reserved(&snapshot, &credentials)),
            credentials: Arc::new(credentials),
            upstreams: upstreams.into(),
            injected: Injected::new(&snapshot.headers, &snapshot.revision, signing_key),
            meters: meters(&snapshot, metrics),
            closed: routes
                .all()
                .iter()
                .map(|route| Closed::of(route, &pages))
                .collect(),
            limits: LiveLimit::revive(routes.all(), former.map_or(&[][..], |former| &former.limits)).into(),
            unmatched: closed::unmatched(&routes.unmatched, &pages),
            body_limit: loaded.settings.body_limit,
            log_query: loaded.settings.access_log.query,
            tls: listeners_tls(loaded, former)?.into(),
            trusted_proxies: Arc::new(loaded.settings.trusted_proxies.clone()),
            pages: Arc::new(pages),
            snapshot,
        })
    }

    /// The same with other flags and tenants; none where the snapshot was not made along with these routes,
    /// upstreams and headers.
    pub(crate) fn with_flags(&self, snapshot: Arc<Snapshot>, metrics: &Metrics) -> Option<Self> {
        let own = &*self.snapshot;
        let is_own = Arc::ptr_eq(&own.routes, &snapshot.routes)
            && Arc::ptr_eq(&own.upstreams, &snapshot.upstreams)
            && Arc::ptr_eq(&own.headers, &snapshot.headers);
        let meters = if own.flags.same_variants(&snapshot.flags) {
            Arc::clone(&self.meters)
        } else {
            meters(&snapshot, metrics)
        };
        is_own.then(|| Self {
            injected: self.injected.at(&snapshot.headers, &snapshot.revision),
            meters,
            snapshot,
            ..self.clone()
        })
    }

    /// What the route answers where this cause closed its gate, if that is the same for everyone.
    pub(crate) fn closed(&self, id: RouteId, cause: Cause) -> Refusal {
        let closed = self
            .closed
            .get(id.index())
            .and_then(|closed| closed.answer(cause));
        closed.cloned().unwrap_or_else(|| self.unmatched())
    }

    /// How often the route may be asked.
    pub(crate) fn limit(&self, id: RouteId) -> Option<&LiveLimit> {
        self.limits.get(id.index())?.as_deref()
    }

    /// What the handshakes of a listener go by, if it speaks TLS; of none: of the admin listener.
    pub(crate) fn tls(&self, listener: Option<&str>) -> Option<Arc<ServerConfig>> {
        let tls = self.tls.iter().find(|tls| tls.listener.as_deref() == listener)?;
        Some(Arc::clone(&tls.config))
    }

    /// What a request is answered that falls on no route.
    pub(crate) fn unmatched(&self) -> Refusal {
        self.unmatched.clone()
    }
}

fn issuer_keys(
    loaded: &Loaded,
    issuers: &Issuers,
    store: &KeyStore,
) -> Result<Box<[Arc<IssuerKeys>]>, PrepareError> {
    let sources = loaded.identity.issuers.iter().zip(issuers.iter());
    let keys = sources.map(|(config, issuer)| match &config.keys {
        KeySource::Fixed(keys) => Ok(IssuerKeys::fixed(Arc::clone(keys))),
        KeySource::Url {
            url,
            refresh_ms,
            keep_keys_ms,
        } => {
            let failed = |reason| PrepareError::Keys {
                issuer: issuer.name().into(),
                reason,
            };
            let terms = FetchTerms::from_ms(*refresh_ms, *keep_keys_ms);
            store.remote(issuer, url, terms).map_err(failed)
        }
    });
    keys.collect()
}

/// TLS on the listeners. One that the documents no longer have goes on as it was, until a restart ends it.
fn listeners_tls(loaded: &Loaded, former: Option<&Serving>) -> Result<Box<[ServingTls]>, PrepareError> {
    let mut all = Vec::new();
    let old = former.map_or(&[][..], |former| &former.tls);
    let listeners = loaded.settings.listeners.iter();
    let listeners = listeners.map(|listener| (Some(&listener.name), listener.tls.as_ref()));
    let admin = loaded
        .settings
        .admin
        .iter()
        .map(|admin| (None, admin.tls.as_ref()));
    for (name, definition) in listeners.chain(admin) {
        let Some(definition) = definition else { continue };
        let kept = old
            .iter()
            .find(|old| old.listener.as_ref() == name && old.definition == *definition);
        let config = match kept {
            Some(kept) => Arc::clone(&kept.config),
            None => {
                let config = tls_plan(definition).server_config();
                Arc::new(config.map_err(|reason| PrepareError::Tls {
                    listener: name.map_or_else(|| "admin".into(), Clone::clone),
                    reason,
                })?)
            }
        };
        all.push(ServingTls {
            listener: name.cloned(),
            definition: definition.clone(),
            config,
        });
    }
    for old in old {
        if all.iter().all(|tls| tls.listener != old.listener) {
            all.push(old.clone());
        }
    }
    Ok(all.into())
}

fn tls_plan(definition: &config::ListenerTls) -> TlsPlan {
    let certificates = definition.certificates.iter();
    TlsPlan {
        certificates: certificates
            .map(|certificate| NamedCertificate {
                names: certificate.names.clone(),
                key: Arc::clone(&certificate.key),
            })
            .collect(),
        oldest: match definition.min_version {
            config::TlsVersion::Tls12 => TlsVersion::Tls12,
            config::TlsVersion::Tls13 => TlsVersion::Tls13,
        },
        clients: match &definition.client_certificates {
            None => Clients::Unasked,
            Some(clients) => match clients.mode {
                ClientCertificateMode::Optional => Clients::Optional(Arc::clone(&clients.roots)),
                ClientCertificateMode::Required => Clients::Required(Arc::clone(&clients.roots)),
            },
        },
        protocols: if definition.http2 {
            Protocols::Http1And2
        } else {
            Protocols::Http1
        },
    }
}

fn credentials(loaded: &Loaded) -> Credentials {
    let identity = &loaded.identity;
    let header = |name: &str| HeaderName::from_bytes(name.as_bytes()).ok();
    let token = match &identity.token {
        TokenSource::Authorization => TokenPlace::Authorization,
        TokenSource::Header(name) => header(name).map_or(TokenPlace::Authorization, TokenPlace::Header),
        TokenSource::Cookie(name) => TokenPlace::Cookie(name.clone()),
    };
    let attributes = identity
        .attributes
        .iter()
        .filter_map(|(id, source): &(AttributeId, _)| {
            let place = match source {
                RequestValue::Header(name) => AttributePlace::Header(header(name)?),
                RequestValue::Cookie(name) => AttributePlace::Cookie(name.clone()),
                RequestValue::ClientAddress => AttributePlace::Client,
            };
            Some((*id, place))
        });
    let realm: String = identity
        .realm
        .chars()
        .filter(|c| !matches!(c, '"' | '\\') && !c.is_control())
        .collect();
    let challenge = format!("Bearer realm=\"{realm}\"").into();
    Credentials {
        token,
        certificate: identity.certificate_tenant.map(|name| match name {
            config::CertificateName::SanDns => CertificateName::SanDns,
            config::CertificateName::SanUri => CertificateName::SanUri,
            config::CertificateName::CommonName => CertificateName::CommonName,
        }),
        attributes: attributes.collect(),
        challenge,
    }
}

fn reserved(snapshot: &Snapshot, credentials: &Credentials) -> Reserved {
    let plan = &snapshot.headers;
    let names = plan.names().chain(plan.signature.as_deref());
    let routes = snapshot.routes.table().routes().iter();
    let matched = routes.flat_map(|route| route.headers.iter().map(HeaderMatch::name));
    let read = credentials.headers().map(HeaderName::as_str).chain(matched);
    Reserved::new(names, plan.reserved_prefix.as_deref(), read)
}

fn meters(snapshot: &Snapshot, metrics: &Metrics) -> Arc<Meters> {
    let flags = snapshot.flags.by_id().map(|flag| {
        let flag = flag?;
        let variants = flag.variants().iter().map(|variant| &*variant.name);
        Some((flag.key().as_str(), variants.collect()))
    });
    metrics.prepare(snapshot.routes.all().iter().map(|route| &*route.name), flags)
}
