//! A snapshot that is ready to serve: with live upstreams, rendered headers and answers, counters and keys. Prepared
//! aside, swapped in as a whole, never changed.

use std::sync::Arc;

use config::{ClientCertificateMode, KeySource, LoadedConfig, TenantsListener};
use rules::{RouteId, Snapshot};
use rustls::ServerConfig;
use tokens::Issuers;

use crate::admin::ADMIN_LISTENER;
use crate::decider::Decider;
use crate::fetch_timing::RefreshSettings;
use crate::findings::DecisionHeaders;
use crate::issuer_keys::IssuerKeys;
use crate::key_store::{InvalidKeySource, KeyStore};
use crate::limits::LiveLimit;
use crate::listener_tls::{ClientAuth, InvalidTls, MinTlsVersion, NamedCertificate, Protocols, TlsPlan};
use crate::meter::Meters;
use crate::metrics::Metrics;
use crate::receipts::GateNeeds;
use crate::rendered_flags::RenderedFlags;
use crate::token_cache::{DEFAULT_TOKEN_CACHE_BYTES, TokenCache};
use crate::traces::Sampling;
use crate::upstreams::{LiveUpstream, UpstreamStore};

/// The data that a request is decided and forwarded by. If only flags or tenants change, the next snapshot shares the
/// other parts.
#[derive(Debug, Clone)]
pub(crate) struct PreparedSnapshot {
    pub(crate) decider: Decider,
    /// The issuers' keys, in the order of the issuers.
    pub(crate) keys: Arc<[Arc<IssuerKeys>]>,
    pub(crate) tokens: Arc<TokenCache>,
    /// By the snapshot's upstream ids.
    pub(crate) upstreams: Arc<[Arc<LiveUpstream>]>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) log_query: bool,
    /// The parts of subjects that receipts keep.
    pub(crate) gate_needs: Arc<GateNeeds>,
    /// The choice of requests that are traced; none if none is.
    pub(crate) sampling: Option<Sampling>,
    /// The headers that carry decisions, by tenant.
    pub(crate) rendered: Arc<RenderedFlags<DecisionHeaders>>,
    /// TLS of the listeners that have it.
    tls: Arc<[PreparedTls]>,
    /// By the snapshot's route ids.
    limits: Arc<[Option<Arc<LiveLimit>>]>,
}

/// TLS of a listener.
#[derive(Debug, Clone)]
struct PreparedTls {
    /// The listener's name; none for the admin listener.
    listener: Option<Box<str>>,
    /// The definition of `config`. While it is unchanged, sessions are kept.
    definition: config::ListenerTls,
    config: Arc<ServerConfig>,
}

/// The reason why a snapshot can't be served.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Keys can't be fetched.
    #[error("issuer `{issuer}`: {reason}")]
    Keys {
        /// The issuer's name.
        issuer: Box<str>,
        /// The reason.
        reason: InvalidKeySource,
    },
    /// TLS can't be configured.
    #[error("listener `{listener}`: {reason}")]
    Tls {
        /// The listener's name.
        listener: Box<str>,
        /// The reason.
        reason: InvalidTls,
    },
    /// The issuers are not distinct.
    #[error(transparent)]
    Issuers(#[from] tokens::InvalidIssuers),
}

impl PreparedSnapshot {
    /// Prepares loaded documents. Live parts of `former` with an unchanged definition are reused.
    ///
    /// # Errors
    /// The documents can't be served.
    pub(crate) fn prepare(
        loaded: &LoadedConfig,
        former: Option<&Self>,
        (keys, upstreams): (&KeyStore, &UpstreamStore),
        metrics: &Metrics,
    ) -> Result<Self, PrepareError> {
        let decider = Decider::prepare(loaded)?;
        let snapshot = &*decider.snapshot;
        let live = former.map_or(&[][..], |former| &former.upstreams);
        let upstreams = upstreams.make_live(&snapshot.upstreams, live);
        let keys = issuer_keys(loaded, &decider.issuers, keys)?;
        let tokens = match former {
            Some(former) => former.tokens.for_issuers(&decider.issuers),
            None => TokenCache::new(Arc::clone(&decider.issuers), DEFAULT_TOKEN_CACHE_BYTES, metrics),
        };
        let limits = former.map_or(&[][..], |former| &former.limits);
        Ok(Self {
            keys: keys.into(),
            tokens,
            upstreams: upstreams.into(),
            meters: meters(snapshot, metrics),
            limits: LiveLimit::make_live(snapshot.routes.all(), limits).into(),
            gate_needs: Arc::new(GateNeeds::of(snapshot)),
            log_query: loaded.settings.access_log.query,
            sampling: loaded.settings.traces.as_ref().map(sampling),
            rendered: Arc::new(RenderedFlags::new(snapshot)),
            tls: listeners_tls(loaded, former)?.into(),
            decider,
        })
    }

    /// Returns a copy with other flags and tenants; none if the snapshot was compiled with other routes, upstreams or
    /// headers.
    pub(crate) fn with_flags(&self, snapshot: Arc<Snapshot>, metrics: &Metrics) -> Option<Self> {
        let observed = self.meters.observed();
        let are_same = self.decider.snapshot.flags.has_same_variants(&snapshot.flags)
            && observed.following(&snapshot).has_same_flags(observed);
        let meters = if are_same {
            Arc::clone(&self.meters)
        } else {
            meters(&snapshot, metrics)
        };
        let gate_needs = Arc::new(GateNeeds::of(&snapshot));
        let rendered = self.rendered.following(&self.decider.snapshot, &snapshot);
        Some(Self {
            decider: self.decider.with_flags(snapshot)?,
            meters,
            gate_needs,
            rendered: Arc::new(rendered),
            ..self.clone()
        })
    }

    /// Returns the limit of the route.
    pub(crate) fn limit(&self, id: RouteId) -> Option<&LiveLimit> {
        self.limits.get(id.index())?.as_deref()
    }

    /// Returns the TLS configuration of a listener, or with none of the admin listener.
    pub(crate) fn tls(&self, listener: Option<&str>) -> Option<Arc<ServerConfig>> {
        let tls = self.tls.iter().find(|tls| tls.listener.as_deref() == listener)?;
        Some(Arc::clone(&tls.config))
    }
}

fn issuer_keys(
    loaded: &LoadedConfig,
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
            let refresh = RefreshSettings::from_ms(*refresh_ms, *keep_keys_ms);
            store.remote(issuer, url, refresh).map_err(failed)
        }
    });
    keys.collect()
}

/// Returns the TLS of all listeners. A listener that was removed keeps its TLS until a restart closes it.
fn listeners_tls(
    loaded: &LoadedConfig,
    former: Option<&PreparedSnapshot>,
) -> Result<Box<[PreparedTls]>, PrepareError> {
    let mut all = Vec::new();
    let old = former.map_or(&[][..], |former| &former.tls);
    let listeners = loaded.settings.listeners.iter();
    let listeners = listeners.map(|listener| (Some(&*listener.name), listener.tls.as_ref()));
    let tenants = loaded.settings.tenants.iter();
    let tenants = tenants.map(|tenants| (Some(TenantsListener::NAME), tenants.tls.as_ref()));
    let admin = loaded
        .settings
        .admin
        .iter()
        .map(|admin| (None, admin.tls.as_ref()));
    for (name, definition) in listeners.chain(tenants).chain(admin) {
        let Some(definition) = definition else { continue };
        // An unchanged definition keeps its configuration, and with it the sessions that clients resume.
        let kept = old
            .iter()
            .find(|old| old.listener.as_deref() == name && old.definition == *definition);
        let config = match kept {
            Some(kept) => Arc::clone(&kept.config),
            None => {
                let config = tls_plan(definition).server_config();
                Arc::new(config.map_err(|reason| PrepareError::Tls {
                    listener: name.unwrap_or(ADMIN_LISTENER).into(),
                    reason,
                })?)
            }
        };
        all.push(PreparedTls {
            listener: name.map(Into::into),
            definition: definition.clone(),
            config,
        });
    }
    // pingora can't close a single listener, so its handshakes still need a configuration.
    for old in old {
        if all.iter().all(|tls| tls.listener != old.listener) {
            all.push(old.clone());
        }
    }
    Ok(all.into())
}

fn sampling(traces: &config::TraceSettings) -> Sampling {
    let follows_parent = match traces.sampling.parent {
        config::TraceParent::Follow => true,
        config::TraceParent::Ignore => false,
    };
    Sampling::new(traces.sampling.millionths, follows_parent)
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
            config::TlsVersion::Tls12 => MinTlsVersion::Tls12,
            config::TlsVersion::Tls13 => MinTlsVersion::Tls13,
        },
        clients: match &definition.client_certificates {
            None => ClientAuth::Unasked,
            Some(clients) => match clients.mode {
                ClientCertificateMode::Optional => ClientAuth::Optional(Arc::clone(&clients.roots)),
                ClientCertificateMode::Required => ClientAuth::Required(Arc::clone(&clients.roots)),
            },
        },
        protocols: if definition.http2 {
            Protocols::Http1And2
        } else {
            Protocols::Http1
        },
    }
}

fn meters(snapshot: &Snapshot, metrics: &Metrics) -> Arc<Meters> {
    let flags = snapshot.flags.by_id().map(|flag| {
        let flag = flag?;
        let variants = flag.variants().iter().map(|variant| &*variant.name);
        Some((flag.key().as_str(), variants.collect()))
    });
    let meters = metrics.prepare(snapshot.routes.all().iter().map(|route| &*route.name), flags);
    Arc::new(meters.observing(snapshot))
}
