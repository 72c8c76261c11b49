//! The contestants: each a proxy with one worker thread, as a passthrough or doing the gate's job.

mod bare_pingora;
mod envoy;
mod haproxy;
pub(crate) mod nginx;
mod running;
pub(crate) mod sluice;

use std::fmt;

pub(crate) use self::running::Running;
use crate::site::Site;

/// A proxy in one of its set-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contestant {
    /// pingora-proxy with empty filters.
    BarePingora,
    /// Sluice without flags, gates and issuers.
    Sluice,
    /// Sluice with a gate, and this number of flags in the header to the upstream.
    SluiceGate(u16),
    /// nginx as a passthrough.
    Nginx,
    /// nginx doing the gate's job with njs.
    NginxGate,
    /// HAProxy as a passthrough.
    HaProxy,
    /// HAProxy doing the gate's job.
    HaProxyGate,
    /// HAProxy with one rule: `http-request deny deny_status 404`.
    HaProxyDeny,
    /// Envoy as a passthrough.
    Envoy,
    /// Envoy doing the gate's job.
    EnvoyGate,
}

impl Contestant {
    /// Starts the contestant and waits until it accepts connections; `None` if its program is not installed.
    pub(crate) fn start(self, site: &Site) -> anyhow::Result<Option<Running>> {
        let folder = site.folder.join(self.to_string().replace([' ', ','], "-"));
        std::fs::create_dir_all(&folder)?;
        match self {
            Self::BarePingora => bare_pingora::start(site, &folder),
            Self::Sluice => sluice::start(site, &folder, None),
            Self::SluiceGate(flags) => sluice::start(site, &folder, Some(flags)),
            Self::Nginx => nginx::start(site, &folder, nginx::Job::Pass),
            Self::NginxGate => nginx::start(site, &folder, nginx::Job::Gate),
            Self::HaProxy => haproxy::start(site, &folder, haproxy::Job::Pass),
            Self::HaProxyGate => haproxy::start(site, &folder, haproxy::Job::Gate),
            Self::HaProxyDeny => haproxy::start(site, &folder, haproxy::Job::Deny),
            Self::Envoy => envoy::start(site, &folder, envoy::Job::Pass),
            Self::EnvoyGate => envoy::start(site, &folder, envoy::Job::Gate),
        }
    }

    /// Returns true if it verifies tokens and decides by tenant.
    pub(crate) fn is_gate(self) -> bool {
        matches!(
            self,
            Self::SluiceGate(_) | Self::NginxGate | Self::HaProxyGate | Self::EnvoyGate
        )
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BarePingora => f.write_str("bare pingora"),
            Self::Sluice => f.write_str("Sluice, ungated"),
            Self::SluiceGate(1) => f.write_str("Sluice, gate, 1 flag"),
            Self::SluiceGate(flags) => write!(f, "Sluice, gate, {flags} flags"),
            Self::Nginx => f.write_str("nginx"),
            Self::NginxGate => f.write_str("nginx, gate in njs"),
            Self::HaProxy => f.write_str("HAProxy"),
            Self::HaProxyGate => f.write_str("HAProxy, gate"),
            Self::HaProxyDeny => f.write_str("HAProxy, plain deny"),
            Self::Envoy => f.write_str("Envoy"),
            Self::EnvoyGate => f.write_str("Envoy, gate"),
        }
    }
}
