//! The control plane of this process, created from the source of the flags and served by the admin API. A thread
//! records what the proxy observes of flags, writes the last good document, and retries audit entries of the
//! configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use console::{Audience, Console, ConsoleParts, Origins, Sessions};
use control::api::{Api, EventStreams};
use control::operators::{Known, Operators};
use control::{
    Control, DamagedStore, Explain, History, JudgeRollouts, Observe, Publish, RolloutReading, Rollouts,
};
use parking_lot::{Condvar, Mutex};
use rules::{AdminHosts, Timestamp};
use tracing::warn;

use crate::active_config::ActiveConfig;
use crate::admin_routes::ControlRouters;
use crate::client_flags;
use crate::clock;
use crate::config_audit::{ConfigAudit, operator_digests};
use crate::control_listeners::ControlListeners;
use crate::fleet_follow::FleetHealth;
use crate::last_good::{self, LastGood, StatesFile, StatesKeeper};
use crate::log_levels::{self, LogLevels};
use crate::metric_thread::MetricThread;
use crate::node_reader::NodeReader;
use crate::operators;
use crate::proxy_observer::ProxyObserver;
use crate::request_explainer::RequestExplainer;
use crate::rollout_thread::RolloutThread;
use crate::startup::StartupFlags;
use crate::traffic_reader::TrafficReader;

/// Interval at which the recorder checks for a new document.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Interval at which the observations of the proxy are collected and written.
const OBSERVE_INTERVAL: Duration = Duration::from_secs(5);
/// Name of the file with the observations, in the directory of the store.
pub(crate) const OBSERVATIONS_FILE: &str = "observations.json";
/// Name of the file with the evidence of rollouts, in the directory of the store.
const EVIDENCE_FILE: &str = "rollout-evidence.bin";

/// Name of the file with the sessions of the console, in the directory of the store.
const SESSIONS_FILE: &str = "console-sessions.json";

/// The control plane of this process. Dropping it ends the recorder, which writes everything a last time.
pub(crate) struct ControlPlane {
    pub(crate) control: Arc<Control>,
    pub(crate) operators: Arc<Operators>,
    observer: Arc<ProxyObserver>,
    explainer: Arc<RequestExplainer>,
    traffic: Arc<TrafficReader>,
    node: Arc<NodeReader>,
    recorder: Option<StateRecorder>,
    /// The controller of rollout plans, and its thread; none without a store.
    rollouts: Option<(Arc<Rollouts>, Option<RolloutThread>)>,
    /// The thread that queries Prometheus, if one is configured.
    metrics: Option<MetricThread>,
    /// Dropped after the recorder, whose last document has all states.
    _states_keeper: Option<StatesKeeper>,
    /// The last write of the last good document, if that is served instead of a store.
    pub(crate) last_good_at: Option<SystemTime>,
    /// The open streams of events of the admin API.
    streams: EventStreams,
    /// The sessions of the console.
    sessions: Arc<Sessions>,
    /// Directory for temporary copies of the store.
    scratch: PathBuf,
    pub(crate) config_audit: Arc<ConfigAudit>,
}

impl ControlPlane {
    /// Creates the control plane. `changes` is the policy of the gateway document.
    pub(crate) fn new(
        flags: StartupFlags,
        changes: &config::ChangePolicy,
        active_config: &Arc<ActiveConfig>,
    ) -> Self {
        let observer = Arc::new(ProxyObserver::new(active_config));
        let observe: Arc<dyn Observe> = Arc::clone(&observer) as _;
        let policy = operators::policy(changes);
        let now = clock::now();
        let last_good_at = match &flags {
            StartupFlags::LastGood { directory, .. } => Some(last_good::written_at(directory)),
            StartupFlags::Files | StartupFlags::Store { .. } => None,
        };
        let (control, directory) = match flags {
            StartupFlags::Store { opened, store } => {
                let directory = store.directory;
                // A store that this process created was observed from its first commit.
                let since = opened.seeded_at().unwrap_or(now);
                let history = History::read(&directory.join(OBSERVATIONS_FILE), since);
                let publish: Arc<dyn Publish> = Arc::clone(active_config) as _;
                (opened.control(policy, publish, observe, history), Some(directory))
            }
            StartupFlags::Files => {
                let served = Arc::clone(active_config);
                let document = Box::new(move || served.flags_document());
                let eligibility = active_config.eligibility();
                (
                    Control::of_files(document, eligibility, policy, observe, History::new(now)),
                    None,
                )
            }
            StartupFlags::LastGood {
                directory, damage, ..
            } => {
                let beside = directory.clone();
                let document = Box::new(move || last_good::read(&beside));
                let eligibility = active_config.eligibility();
                let control = Control::of_files(document, eligibility, policy, observe, History::new(now));
                let left = Arc::new(DamagedStore::open(&directory, &damage.detail));
                // Without a directory the recorder writes nothing: the disk may be damaged, and the last good document
                // must stay as it is until the store is repaired.
                (control.replacing_damaged_store(left, damage), None)
            }
        };
        let control = Arc::new(control);
        let explainer = Arc::new(RequestExplainer::new(Arc::clone(active_config)));
        // Beside the store, because its file system has room for the store.
        let scratch = directory.clone().unwrap_or_else(std::env::temp_dir);
        let config_audit = Arc::new(ConfigAudit::new(directory.as_deref(), &control));
        let states = directory.as_deref().map(StatesFile::new);
        let states_keeper = states.clone().and_then(|states| keep_states(&control, states));
        let rollouts = directory.as_deref().map(|directory| {
            let file = directory.join(EVIDENCE_FILE);
            let rollouts = Arc::new(Rollouts::new(Arc::clone(&control), Some(&file), clock::both()));
            let thread = RolloutThread::start(Arc::clone(&rollouts), file);
            (rollouts, thread)
        });
        let source = rollouts.as_ref().zip(changes.prometheus.as_ref());
        let metrics =
            source.and_then(|((rollouts, _), source)| MetricThread::start(Arc::clone(rollouts), source));
        let sessions = Sessions::of_file(
            directory
                .as_deref()
                .map(|directory| directory.join(SESSIONS_FILE)),
        );
        let recorder = StateRecorder::start(
            Arc::clone(&control),
            Arc::clone(&config_audit),
            directory.zip(states),
        );
        Self {
            control,
            // Nobody may sign in until `attach_proxy` sets the operators: an empty `Known` has none.
            operators: Arc::new(Operators::of(Known::default())),
            observer,
            explainer,
            traffic: Arc::default(),
            node: Arc::new(NodeReader::new(Arc::clone(active_config))),
            recorder,
            rollouts,
            metrics,
            _states_keeper: states_keeper,
            last_good_at,
            streams: EventStreams::new(),
            sessions,
            scratch,
            config_audit,
        }
    }

    /// Returns the routers of the listeners: the admin API and the console, for staff and for the admins of orgs.
    pub(crate) fn routers(&self, listeners: &ControlListeners) -> ControlRouters {
        let client_flags = client_flags::router(Arc::clone(&self.explainer));
        let api = control::api::router(Arc::new(self.api(listeners.hosts.clone())));
        let console = listeners.console.clone();
        let console =
            console.map(|origins| self.console(api.clone(), listeners, (Audience::Everyone, origins)));
        let of_orgs = listeners.tenants.clone().map(|origins| {
            let api = self.api(AdminHosts::default()).for_orgs();
            let api = control::api::router(Arc::new(api));
            api.clone()
                .merge(self.console(api, listeners, (Audience::Orgs, origins)))
        });
        ControlRouters {
            admin: api.merge(client_flags).merge(console.unwrap_or_default()),
            tenants: of_orgs.unwrap_or_default(),
        }
    }

    /// Creates the admin API of a listener with these names.
    fn api(&self, hosts: AdminHosts) -> Api {
        let (control, operators) = (Arc::clone(&self.control), Arc::clone(&self.operators));
        let explainer: Arc<dyn Explain> = Arc::clone(&self.explainer) as _;
        let api = Api::new(control, operators, explainer, self.scratch.clone())
            .with_hosts(hosts)
            .with_traffic(Arc::clone(&self.traffic) as _)
            .with_node(Arc::clone(&self.node) as _)
            .with_streams(self.streams.clone())
            .with_log_levels(Arc::new(LogLevels));
        match &self.rollouts {
            Some((rollouts, _)) => api.with_judge(Arc::clone(rollouts) as Arc<dyn JudgeRollouts>),
            None => api,
        }
    }

    /// Returns the routes of a console, which uses the API.
    fn console(
        &self,
        api: axum::Router,
        listeners: &ControlListeners,
        (audience, origins): (Audience, Origins),
    ) -> axum::Router {
        let control = Arc::clone(&self.control);
        let parts = ConsoleParts {
            api,
            operators: Arc::clone(&self.operators),
            sessions: Arc::clone(&self.sessions),
            audience,
            hosts: listeners.hosts.clone(),
            origins,
            streams: self.streams.clone(),
            revision: Arc::new(move || control.read(|state, _| state.revision.0)),
            clock: Arc::new(clock::now),
        };
        match Console::new(parts) {
            Ok(console) => console::router(Arc::new(console)),
            Err(_) => {
                warn!("the console is off: the system has no random bytes");
                axum::Router::new()
            }
        }
    }

    /// Shows the connection to the store of a fleet in the health of this node.
    pub(crate) fn attach_fleet(&self, fleet: Arc<FleetHealth>) {
        self.node.attach_fleet(fleet);
    }

    /// Returns the open streams of events.
    pub(crate) fn streams(&self) -> EventStreams {
        self.streams.clone()
    }

    /// Ends the streams of events, whose clients would otherwise delay the end of the process.
    pub(crate) fn end_streams(&self) {
        self.streams.end();
    }

    /// Connects the control plane with the running proxy: with its observations, and with the keys that verify the
    /// tokens of operators.
    ///
    /// # Errors
    /// The operators of the document are invalid.
    pub(crate) fn attach_proxy(&self, running: &proxy::Running, loaded: &config::LoadedConfig) -> Result<()> {
        // Set now and not in `new`: the proxy needs the routes of the control plane to start, so the control plane is
        // created before it.
        self.observer.attach(running.observations());
        self.traffic.attach(running.observations());
        self.node.attach(running);
        if let Some((rollouts, _)) = &self.rollouts {
            // Weak: the metrics outlive the controller, which writes everything when it is dropped.
            let rollouts = Arc::downgrade(rollouts);
            running.publisher().show_rollouts(move || {
                let readings = rollouts.upgrade().map(|rollouts| rollouts.readings());
                readings.into_iter().flatten().map(rollout_status).collect()
            });
        }
        self.explainer
            .attach(Arc::clone(running.keys()), running.observations());
        let known = operators::load(loaded, running.keys())?;
        let operators = operator_digests(known.as_ref());
        self.operators.replace(known);
        // Not before: without operators every sign-off would be that of a removed one.
        self.control.set_operators(Arc::clone(&self.operators));
        self.control.set_request_attributes(request_attributes(loaded));
        let document = self.config_audit.of_document(loaded);
        self.config_audit.record(&self.control, document, Some(operators));
        Ok(())
    }
}

/// Returns the state of a rollout plan, as the metrics of the proxy have it.
fn rollout_status(reading: RolloutReading) -> proxy::RolloutStatus {
    let time = |(reason, since): (_, Timestamp)| {
        let since = Duration::from_millis(u64::try_from(since.0).unwrap_or(0));
        (reason, UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH))
    };
    proxy::RolloutStatus {
        flag: reading.flag,
        state: reading.state,
        stage: u32::try_from(reading.stage).unwrap_or(u32::MAX),
        percent: reading.percent,
        checks: reading.checks,
        waits: reading.waits.into_iter().map(time).collect(),
    }
}

/// Returns the names of the attributes that tokens and requests can have.
pub(crate) fn request_attributes(loaded: &config::LoadedConfig) -> Vec<String> {
    let names = loaded.identity.attribute_names.iter();
    names.map(|name| name.to_string()).collect()
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // First: its last step is then in the last good document.
        drop(self.metrics.take());
        drop(self.rollouts.take());
        drop(self.recorder.take());
    }
}

/// The thread that records observations, writes the last good document and retries audit entries. Dropping it waits for its last write.
struct StateRecorder {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl StateRecorder {
    /// `store` is the directory of the store, and the file of states in it.
    fn start(
        control: Arc<Control>,
        config_audit: Arc<ConfigAudit>,
        store: Option<(PathBuf, Arc<StatesFile>)>,
    ) -> Option<Self> {
        let stop = Arc::<(Mutex<bool>, Condvar)>::default();
        let stopping = Arc::clone(&stop);
        // Only the last round, after `stop`, writes regardless of intervals: nothing may be lost at the exit.
        let record = move || {
            let directory = store.as_ref().map(|(directory, _)| directory.clone());
            let mut last_good = store.map(|(directory, states)| LastGood::new(&directory, states));
            let mut observed_at = Instant::now();
            loop {
                // A condition variable instead of a sleep, so that the end of the process does not wait for the interval.
                let (stopped, woken) = &*stopping;
                let mut stopped = stopped.lock();
                if !*stopped {
                    woken.wait_for(&mut stopped, POLL_INTERVAL);
                }
                let is_last = *stopped;
                // The writes below can take seconds, and `drop` needs the lock to set the flag.
                drop(stopped);
                log_levels::return_if_due();
                if is_last || observed_at.elapsed() >= OBSERVE_INTERVAL {
                    observed_at = Instant::now();
                    observe(&control, directory.as_deref());
                    config_audit.retry(&control);
                }
                match &mut last_good {
                    Some(last_good) if is_last => last_good.write_now(&control),
                    Some(last_good) => last_good.write_if_due(&control),
                    None => {}
                }
                if is_last {
                    return;
                }
            }
        };
        match thread::Builder::new().name("recorder".into()).spawn(record) {
            Ok(thread) => Some(Self {
                stop,
                thread: Some(thread),
            }),
            Err(error) => {
                warn!(
                    "can't start the recorder thread; observations and the last good document are not written: {error}"
                );
                None
            }
        }
    }
}

impl Drop for StateRecorder {
    fn drop(&mut self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts the thread that writes the states of flags, for the control plane.
fn keep_states(control: &Control, states: Arc<StatesFile>) -> Option<StatesKeeper> {
    match StatesKeeper::start(states) {
        Ok(keeper) => {
            control.set_keep_states(keeper.handle());
            Some(keeper)
        }
        Err(error) => {
            warn!(
                "can't start the thread for states of flags; kills are answered before they are in the last good document: {error}"
            );
            None
        }
    }
}

/// Collects the observations of the proxy, and writes them if there is a directory.
fn observe(control: &Control, directory: Option<&Path>) {
    control.record_observations(clock::now());
    if let Some(directory) = directory
        && let Err(error) = control.history().write(&directory.join(OBSERVATIONS_FILE))
    {
        warn!("can't write the observations of flags: {error}");
    }
}
