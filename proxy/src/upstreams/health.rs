//! Active health checks of an upstream's endpoints, a few at a time, each on a new connection.

use std::sync::{Arc, Weak};
use std::time::Duration;

use http::header::{HOST, USER_AGENT};
use pingora::connectors::ConnectorOptions;
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::protocols::http::client::HttpSession;
use rules::{HealthCheck, HealthProbe, UpstreamProtocol};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::endpoint::LiveEndpoint;
use super::live::LiveUpstream;
use super::resolver::jittered;

/// Maximum of concurrent checks of one upstream.
const MAX_CHECKS: usize = 16;
/// Maximum length of a reason in the log, in characters.
const MAX_REASON: usize = 200;

/// Opens the connections of checks and keeps none.
#[derive(Clone)]
pub(super) struct Checker(Arc<Connector<()>>);

impl Checker {
    pub(super) fn new() -> Self {
        Self(Arc::new(Connector::new(Some(ConnectorOptions::new(1)))))
    }

    /// Checks the upstream's endpoints at the interval, until the upstream is dropped.
    pub(super) async fn keep_checked(self, live: Weak<LiveUpstream>) {
        loop {
            let Some(health) = live.upgrade().and_then(|live| live.definition().health.clone()) else {
                return;
            };
            self.check_all(&live, &health).await;
            tokio::time::sleep(jittered(Duration::from_millis(health.interval_ms))).await;
        }
    }

    async fn check_all(&self, live: &Weak<LiveUpstream>, health: &HealthCheck) {
        // Upgraded only for a moment: a strong reference held during checks would keep a retired upstream alive.
        let Some((endpoints, protocol)) = live.upgrade().map(|live| {
            let endpoints = live.table().endpoints().to_vec();
            (endpoints, live.definition().protocol)
        }) else {
            return;
        };
        let health = Arc::new(health.clone());
        let mut checks = JoinSet::new();
        for endpoint in endpoints {
            // Bounds the connections of checks, however many endpoints there are.
            if checks.len() >= MAX_CHECKS {
                checks.join_next().await;
            }
            let (checker, health, live) = (self.clone(), Arc::clone(&health), live.clone());
            checks.spawn(async move {
                let result = checker.check(&endpoint, &health, protocol).await;
                if let Some(live) = live.upgrade() {
                    report(&live, &endpoint, &health, result);
                }
            });
        }
        while checks.join_next().await.is_some() {}
    }

    async fn check(
        &self,
        endpoint: &LiveEndpoint,
        health: &HealthCheck,
        protocol: UpstreamProtocol,
    ) -> Result<(), String> {
        let limit = Duration::from_millis(health.timeout_ms);
        let checked = async {
            match &health.probe {
                HealthProbe::Tcp => TcpStream::connect(endpoint.address)
                    .await
                    .map(drop)
                    .map_err(|error| error.to_string()),
                HealthProbe::Http { path, host, statuses } => {
                    let host = host.as_deref().unwrap_or(&endpoint.authority);
                    let status = self
                        .ask(endpoint, path, host, protocol)
                        .await
                        .map_err(|error| error.to_string())?;
                    if statuses.contains(&status) {
                        Ok(())
                    } else {
                        Err(format!("it answered {status}"))
                    }
                }
            }
        };
        tokio::time::timeout(limit, checked)
            .await
            .unwrap_or_else(|_| Err(format!("it took more than {} ms", health.timeout_ms)))
    }

    /// Sends a `GET` and returns the status of the response. The connection is closed without reading the body.
    async fn ask(
        &self,
        endpoint: &LiveEndpoint,
        path: &str,
        host: &str,
        protocol: UpstreamProtocol,
    ) -> pingora::Result<u16> {
        let mut peer = endpoint.peer.clone();
        // Otherwise the connector keeps the connection for its free streams.
        peer.options.max_h2_streams = 1;
        let mut request = RequestHeader::build("GET", path.as_bytes(), Some(2))?;
        if protocol == UpstreamProtocol::Http2 {
            let scheme = if peer.is_tls() { "https" } else { "http" };
            if let Ok(uri) = format!("{scheme}://{host}{path}").parse() {
                request.set_uri(uri);
            }
            request.set_version(http::Version::HTTP_2);
        } else {
            request.insert_header(HOST, host)?;
        }
        request.insert_header(USER_AGENT, "sluice-health")?;
        let (mut session, _): (HttpSession, bool) = self.0.get_http_session(&peer).await?;
        session.set_read_timeout(peer.options.read_timeout);
        session.write_request_header(Box::new(request)).await?;
        session.finish_request_body().await?;
        session.read_response_header().await?;
        let status = session.response_header().map_or(0, |head| head.status.as_u16());
        // The body is not read, so the connection can't be reused.
        session.shutdown().await;
        Ok(status)
    }
}

fn report(live: &LiveUpstream, endpoint: &LiveEndpoint, health: &HealthCheck, result: Result<(), String>) {
    live.meter().count_check(result.is_ok());
    let (upstream, address) = (live.name(), endpoint.address);
    match (endpoint.state.record_check(result.is_ok(), health), result) {
        (true, Ok(())) => info!("upstream `{upstream}`: {address} is healthy"),
        (true, Err(reason)) => {
            let reason: String = reason.chars().take(MAX_REASON).collect();
            warn!("upstream `{upstream}`: {address} is unhealthy and gets no requests: {reason}");
        }
        (false, _) => {}
    }
}
