//! The state of this node, as the control plane reads it: what `/readyz?verbose` and the metrics read, too.

use std::fs;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use control::{
    CheckedCondition, EndpointReport, FlagUses, IssuerReport, ListenerReport, NodeHealth, NodeReason,
    NodeReport, NodeState, ReadNode, UpstreamReport, time_text,
};
use proxy::{KeyStore, KeysStatus, Publisher, Readiness, ReadinessReport, UpstreamStatus};
use redact::masked;

use crate::active_config::ActiveConfig;
use crate::clock;
use crate::flag_uses::flag_uses;
use crate::fleet_follow::FleetHealth;

/// The host name of this machine (proc_sys_kernel(5)).
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// Reads the active configuration, and the proxy once it runs.
pub(crate) struct NodeReader {
    active_config: Arc<ActiveConfig>,
    running: OnceLock<RunningParts>,
    fleet: OnceLock<Arc<FleetHealth>>,
}

/// The parts of a running proxy that are read.
struct RunningParts {
    host: String,
    listeners: Vec<ListenerReport>,
    admin: Option<String>,
    publisher: Publisher,
    readiness: Arc<Readiness>,
    keys: Arc<KeyStore>,
}

impl NodeReader {
    pub(crate) fn new(active_config: Arc<ActiveConfig>) -> Self {
        Self {
            active_config,
            running: OnceLock::new(),
            fleet: OnceLock::new(),
        }
    }

    /// Sets the proxy, which starts after the control plane.
    pub(crate) fn attach(&self, running: &proxy::Running) {
        let listeners = running.listeners().iter().map(|bound| ListenerReport {
            name: bound.name.to_string(),
            address: bound.address.to_string(),
        });
        let host = fs::read_to_string(HOST_NAME).unwrap_or_default();
        let _ = self.running.set(RunningParts {
            host: match host.trim() {
                "" => "localhost".to_owned(),
                host => host.to_owned(),
            },
            listeners: listeners.collect(),
            admin: running.admin().map(|address| address.to_string()),
            publisher: running.publisher(),
            readiness: Arc::clone(running.readiness()),
            keys: Arc::clone(running.keys()),
        });
    }

    /// Sets the connection to the store of a fleet.
    pub(crate) fn attach_fleet(&self, fleet: Arc<FleetHealth>) {
        let _ = self.fleet.set(fleet);
    }

    fn report(&self, running: &RunningParts, readiness: &ReadinessReport) -> NodeReport {
        let snapshot = running.readiness.snapshot();
        let reasons = reasons(readiness);
        let commit = env!("SLUICE_BUILD_COMMIT");
        NodeReport {
            id: format!("{}:{}", running.host, std::process::id()),
            host: running.host.clone(),
            listeners: running.listeners.clone(),
            admin: running.admin.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: (!commit.is_empty()).then(|| commit.to_owned()),
            started: time_text(self.active_config.started()),
            revision: snapshot.as_ref().map(|(revision, _)| revision.to_string()),
            since: snapshot.map(|(_, at)| time(at)),
            state: match (running.readiness.is_draining(), readiness.ready) {
                (true, _) => NodeState::Draining,
                (false, false) => NodeState::Starting,
                (false, true) if reasons.is_empty() => NodeState::Ready,
                (false, true) => NodeState::Degraded,
            },
            reasons,
        }
    }
}

impl ReadNode for NodeReader {
    fn flag_uses(&self, flag: &str) -> Option<FlagUses> {
        let gateway = self.active_config.gateway()?;
        flag_uses(gateway.decider.snapshot(), &gateway.line_index, flag)
    }

    fn node(&self) -> Option<NodeReport> {
        let running = self.running.get()?;
        let readiness = running.readiness.report(SystemTime::now());
        Some(self.report(running, &readiness))
    }

    fn health(&self) -> Option<NodeHealth> {
        let running = self.running.get()?;
        let readiness = running.readiness.report(SystemTime::now());
        let checks = readiness.checks.iter().map(|check| CheckedCondition {
            name: check.name.clone(),
            passed: check.passed,
            detail: masked(&check.detail).into_owned(),
        });
        Some(NodeHealth {
            node: self.report(running, &readiness),
            checks: checks.collect(),
            reload: self.active_config.last_reload().report(),
            issuers: running.keys.status().into_iter().map(issuer).collect(),
            upstreams: running.publisher.upstreams().into_iter().map(upstream).collect(),
            verified: running.publisher.verified().map(time),
            etcd: self.fleet.get().and_then(|fleet| fleet.report()),
        })
    }
}

/// Returns the failed checks, the unusual conditions, and a rejected reload.
fn reasons(readiness: &ReadinessReport) -> Vec<NodeReason> {
    let reason = |name: &str, detail: &str| NodeReason {
        name: name.to_owned(),
        detail: masked(detail).into_owned(),
    };
    let failed = readiness
        .reasons()
        .map(|check| reason(&check.name, &check.detail));
    let notes = readiness.notes.iter().map(|(name, words)| reason(name, words));
    let reload = readiness.reload_error.iter();
    let reload = reload.map(|(_, error)| {
        let first = error.lines().next().unwrap_or_default();
        reason(
            "reload",
            &format!("the last reload was rejected, the former documents stay in use: {first}"),
        )
    });
    failed.chain(notes).chain(reload).collect()
}

fn issuer(status: KeysStatus) -> IssuerReport {
    let fetches = status.fetches.into_iter();
    let (failed, failure) = status.last_failure.unzip();
    IssuerReport {
        issuer: status.issuer.into(),
        keys: status.keys,
        fetched: status.last_success.map(time),
        failing_since: status.failing_since.map(time),
        failed: failed.map(time),
        failure: failure.map(|reason| masked(&reason).into_owned()),
        fetches: fetches
            .map(|(result, count)| (result.to_owned(), count))
            .collect(),
    }
}

fn upstream(status: UpstreamStatus) -> UpstreamReport {
    let endpoints = status.endpoints.into_iter().map(|endpoint| EndpointReport {
        address: endpoint.address.to_string(),
        health: endpoint.health.as_str(),
        in_flight: endpoint.in_flight,
    });
    UpstreamReport {
        upstream: status.name.into(),
        in_flight: status.in_flight,
        endpoints: endpoints.collect(),
    }
}

fn time(at: SystemTime) -> String {
    time_text(clock::timestamp(at))
}
