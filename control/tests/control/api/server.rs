//! An admin API on port 0 with a store in memory and an actor of each role.

use std::net::{SocketAddr, TcpListener};

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::api::node::FixedNode;
use crate::api::traffic::FixedTraffic;
use control::api::{Api, REQUEST_TIMEOUT, router};
use control::operators::{Known, Operators, StaticToken, TokenHash};
use control::{
    ChangeSource, CheckResult, CheckVerdict, Control, Damage, Explain, ExplainedAnswer, FollowedTime,
    History, JudgeRollouts, LifecyclePolicy, Look, ManagedPlan, MemoryStore, MinuteReport, Opened, Publish,
    RequestExplanation, RequestQuestion, Role, SqliteStore, StageReport, Store, Unexplained,
};
use parking_lot::Mutex;
use proxy::{AdminServer, Metrics};
use rules::{Eligibility, Timestamp};
use serde_json::Value;
use testkit::{
    Client, RecordingPlane, Request, Response, START, admin_request, adopt_document, flags_document,
    open_control,
};

/// A time limit for tests in which requests must exceed it.
pub(crate) const SHORT_TIMEOUT: Duration = Duration::from_millis(500);
/// A day, in milliseconds.
pub(crate) const DAY: i64 = 86_400_000;

const DOCUMENT: &str = r#"
version: 1
tiers: [tier1, tier2, tier3]
unknown_tenant: { tier: tier1 }
flags:
  dispatch.core: { kind: permission, default: on, owner: ops }
  dispatch.v2Board: { lifecycle: beta, revertible: true, revert: docs/revert, description: New board, requires: [dispatch.core] }
  reports.export: { lifecycle: alpha }
  ui.shell: { lifecycle: ga, default: on }
tenants:
  acme: { tier: tier3, channel: latest, beta: [dispatch.v2Board] }
  globex: { tier: tier2 }
  initech: { tier: tier1 }
"#;

pub(crate) struct Server {
    address: SocketAddr,
    clock: Arc<AtomicI64>,
    control: Arc<Control>,
    tokens: Vec<(Role, String)>,
    _server: AdminServer,
    scratch: tempfile::TempDir,
    verdicts: Arc<SetVerdicts>,
    store: Option<tempfile::TempDir>,
}

/// The verdicts that a test sets, for every flag, and what happens while they are read next.
#[derive(Default)]
struct SetVerdicts {
    verdicts: Mutex<Vec<CheckResult>>,
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl JudgeRollouts for SetVerdicts {
    fn verdicts(&self, _: &str, _: &ManagedPlan) -> Vec<CheckResult> {
        let meanwhile = self.meanwhile.lock().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        self.verdicts.lock().clone()
    }

    fn evidence(&self, _: &str, _: &ManagedPlan) -> Option<StageReport> {
        None
    }

    fn minutes(&self, _: &str) -> Vec<MinuteReport> {
        Vec::new()
    }

    fn looks(&self) -> u64 {
        0
    }

    fn look(&self, _: &str, _: &ManagedPlan, _: &str, _: &FollowedTime) -> Look {
        Look::NoStep
    }
}

/// An explanation that repeats the question.
struct EchoedQuestion;

impl Explain for EchoedQuestion {
    fn explain(&self, question: &RequestQuestion, at: Timestamp) -> Result<RequestExplanation, Unexplained> {
        Ok(RequestExplanation {
            target: question.path.clone(),
            identity: format!("{:?}", question.sender),
            answer: ExplainedAnswer {
                detail: format!("{question:?} at {}", at.0),
                ..ExplainedAnswer::default()
            },
            ..RequestExplanation::default()
        })
    }
}

impl Server {
    /// Starts the API with the document above and an actor of each role; the org-admin is of acme.
    pub(crate) fn start() -> Self {
        Self::new(managed(Arc::new(MemoryStore::new())), true)
    }

    /// Starts the API with another store.
    pub(crate) fn with_store(store: Arc<dyn Store>) -> Self {
        Self::new(managed(store), true)
    }

    /// Starts the API with another store, another data plane and this time limit.
    pub(crate) fn with_store_and_plane(
        store: Arc<dyn Store>,
        publish: Arc<dyn Publish>,
        timeout: Duration,
    ) -> Self {
        Self::with_timeout(reopened(store, publish), true, timeout)
    }

    /// Starts the API with a short time limit.
    pub(crate) fn with_short_timeout() -> Self {
        let control = managed(Arc::new(MemoryStore::new()));
        Self::with_timeout(control, true, SHORT_TIMEOUT)
    }

    /// Starts the API with further static tokens.
    pub(crate) fn with_more_tokens(more: Vec<StaticToken>) -> Self {
        Self::serve(managed(Arc::new(MemoryStore::new())), Some(more), REQUEST_TIMEOUT)
    }

    /// Starts the API with a store, and a time after which a change that gave way to kills is rejected.
    pub(crate) fn with_store_giving_up_after(store: Arc<dyn Store>, time: Duration) -> Self {
        Self::new(managed(store).giving_up_after(time), true)
    }

    /// Starts the API with flags that files manage, since the store is damaged.
    pub(crate) fn with_damaged_store(damage: Damage) -> Self {
        Self::new(
            of_files().replacing_damaged_store(Arc::new(MemoryStore::new()), damage),
            true,
        )
    }

    /// Starts the API with another document.
    pub(crate) fn with_document(document: &str) -> Self {
        let control = open_control(Arc::new(MemoryStore::new()), LifecyclePolicy::default(), &plane());
        let mut request = admin_request(adopt_document(document));
        request.force = true;
        control
            .apply(&request)
            .unwrap_or_else(|error| panic!("{error:?}"));
        Self::new(control, true)
    }

    /// Starts the API without operators.
    pub(crate) fn without_operators() -> Self {
        Self::new(managed(Arc::new(MemoryStore::new())), false)
    }

    /// Starts the API with another policy.
    pub(crate) fn with_policy(policy: LifecyclePolicy) -> Self {
        Self::new(managed_with_policy(Arc::new(MemoryStore::new()), policy), true)
    }

    /// Starts the API with a store on the disk.
    pub(crate) fn with_store_on_disk() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("flags.db")).unwrap();
        let mut server = Self::new(managed(Arc::new(store)), true);
        server.store = Some(folder);
        server
    }

    /// Starts the API with flags that files manage.
    pub(crate) fn with_files() -> Self {
        Self::new(of_files(), true)
    }

    fn new(control: Control, with_operators: bool) -> Self {
        Self::with_timeout(control, with_operators, REQUEST_TIMEOUT)
    }

    fn with_timeout(control: Control, with_operators: bool, timeout: Duration) -> Self {
        Self::serve(control, with_operators.then(Vec::new), timeout)
    }

    /// Serves the API with an actor of each role and these tokens; without operators if there are none.
    fn serve(control: Control, more_tokens: Option<Vec<StaticToken>>, timeout: Duration) -> Self {
        let with_operators = more_tokens.is_some();
        let clock = Arc::new(AtomicI64::new(START));
        let control = Arc::new(control);
        let mut tokens = Vec::new();
        let mut known = Known {
            tokens: more_tokens.unwrap_or_default(),
            ..Known::default()
        };
        for role in Role::ALL.into_iter().filter(|_| with_operators) {
            let (token, hash) = TokenHash::issue().unwrap();
            tokens.push((role, token));
            known.tokens.push(StaticToken {
                name: role.as_str().to_owned(),
                role,
                org: (role == Role::OrgAdmin).then(|| "acme".to_owned()),
                hash,
                expires: None,
            });
        }
        let scratch = tempfile::tempdir().unwrap();
        let verdicts = Arc::<SetVerdicts>::default();
        let read = Arc::clone(&clock);
        let operators = Arc::new(if with_operators {
            Operators::of(known)
        } else {
            Operators::local()
        });
        let api = Api::new(
            Arc::clone(&control),
            operators,
            Arc::new(EchoedQuestion),
            scratch.path().to_owned(),
        )
        .with_timeout(timeout)
        .with_traffic(Arc::new(FixedTraffic))
        .with_node(Arc::new(FixedNode))
        .with_log_levels(Arc::new(FixedLevels))
        .with_judge(Arc::clone(&verdicts) as _);
        let api = api.with_clock(Arc::new(move || Timestamp(read.load(Ordering::Relaxed))));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        Self {
            address,
            clock,
            control,
            tokens,
            _server: AdminServer::start(listener, router(Arc::new(api)), Arc::new(Metrics::new())).unwrap(),
            scratch,
            verdicts,
            store: None,
        }
    }

    /// Sets the verdict of a check in the stage in force.
    pub(crate) fn set_verdict(&self, check: &str, verdict: CheckVerdict) {
        let check = check.to_owned();
        *self.verdicts.verdicts.lock() = vec![CheckResult { check, verdict }];
    }

    /// Sends this request as an operator while the verdicts of the next request are read.
    pub(crate) fn send_meanwhile(&self, request: Request) {
        let request = request
            .token(self.token(Role::Operator))
            .host(&self.address.to_string());
        let address = self.address;
        let send = move || assert_eq!(Client::connect(address).ask(&request).status, 200);
        *self.verdicts.meanwhile.lock() = Some(Box::new(send));
    }

    pub(crate) fn advance_clock(&self, milliseconds: i64) {
        self.clock.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// Returns the number of files in the folder for copies.
    pub(crate) fn remaining_copies(&self) -> usize {
        std::fs::read_dir(self.scratch.path()).unwrap().count()
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn token(&self, role: Role) -> &str {
        let found = self.tokens.iter().find(|(known, _)| *known == role);
        found.map_or("", |(_, token)| token)
    }

    /// Sends a request without credentials.
    pub(crate) fn send(&self, request: Request) -> Response {
        Client::connect(self.address).ask(&request.host(&self.address.to_string()))
    }

    /// Sends a request as an actor of this role. The body is JSON.
    pub(crate) fn send_as(&self, role: Role, method: &str, path: &str, body: Option<&Value>) -> Response {
        self.send(
            request(method, path, body).header("authorization", &format!("Bearer {}", self.token(role))),
        )
    }

    /// Sends a request as a platform-admin, and expects 200.
    pub(crate) fn send_ok(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let response = self.send_as(Role::PlatformAdmin, method, path, body);
        assert_eq!(response.status, 200, "{method} {path}: {}", response.text());
        response.json()
    }

    /// Sends a request as an operator, and expects a rejection with this code.
    pub(crate) fn send_rejected(
        &self,
        status: u16,
        code: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Value {
        let response = self.send_as(Role::Operator, method, path, body);
        let text = response.text().to_owned();
        assert_eq!(
            (response.status, response.code().as_str()),
            (status, code),
            "{method} {path}: {text}"
        );
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
        response.json()
    }
}

/// A request for a path under the API's prefix.
pub(crate) fn request(method: &str, path: &str, body: Option<&Value>) -> Request {
    let path = format!("/api/v1{path}");
    let request = Request::new(method, &path);
    match body {
        None => request,
        Some(body) => request
            .with_body(body.to_string())
            .header("content-type", "application/json"),
    }
}

/// Opens a control plane over a store, and applies the document.
fn managed(store: Arc<dyn Store>) -> Control {
    managed_with_policy(store, LifecyclePolicy::default())
}

/// Applies the document, and opens the store again with a data plane that may fail.
fn reopened(store: Arc<dyn Store>, publish: Arc<dyn Publish>) -> Control {
    drop(managed(Arc::clone(&store)));
    let opened = Opened::read(store, Eligibility::Enforced).unwrap();
    opened.control(
        LifecyclePolicy::default(),
        publish,
        plane(),
        History::new(Timestamp(START)),
    )
}

fn managed_with_policy(store: Arc<dyn Store>, policy: LifecyclePolicy) -> Control {
    let control = open_control(store, policy, &plane());
    let mut request = admin_request(adopt_document(DOCUMENT));
    request.actor.name = "setup".to_owned();
    request.request_id = "setup".to_owned();
    request.reason = None;
    request.source = ChangeSource::File;
    request.force = true;
    control
        .apply(&request)
        .unwrap_or_else(|error| panic!("{error:?}"));
    control
}

/// A control plane for flags that files manage.
fn of_files() -> Control {
    Control::of_files(
        Box::new(|| Some(flags_document(DOCUMENT))),
        Eligibility::Enforced,
        LifecyclePolicy::default(),
        plane(),
        History::new(Timestamp(START)),
    )
}

fn plane() -> Arc<RecordingPlane> {
    let plane = RecordingPlane::default();
    plane.gated_flags.lock().push("dispatch.v2Board".to_owned());
    Arc::new(plane)
}

/// Levels of a log that is not there.
struct FixedLevels;

impl control::SetLogLevels for FixedLevels {
    fn show(&self) -> control::LogLevelState {
        control::LogLevelState {
            level: "info".to_owned(),
            until: None,
            afterwards: None,
        }
    }

    fn set(&self, _: &str, _: Option<Duration>, _: &str) -> Result<control::LogLevelState, Vec<String>> {
        Ok(self.show())
    }
}
