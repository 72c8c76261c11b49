//! An admin API over a controller of rollouts that counts what a test says, with the clock of the test.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use control::api::{Api, EventStreams, router};
use control::operators::Operators;
use control::{
    ArmName, Change, ClockReading, CountedRequest, Explain, LifecyclePolicy, ObservedSlot, ObservedUnit,
    Request as ChangeRequest, RequestExplanation, RequestQuestion, Rollouts, Unexplained,
};
use proxy::{AdminServer, Metrics};
use rules::Timestamp;
use serde_json::{Value, json};
use testkit::{Client, ControlFixture, Request, Response, START, admin_request};

use crate::api::server::request;

/// The flag of the plan.
pub(crate) const BOARD: &str = "/platform/feature-flags/board";
const DOCUMENT: &str = "version: 1\nflags: { board: { lifecycle: ga, revertible: true } }\ntenants: { ours: { internal: true } }\n";
const SECOND: i64 = 1_000;
/// Tenants of each arm.
const TENANTS: u64 = 10;

pub(crate) struct MeasuredServer {
    pub(crate) fixture: ControlFixture,
    pub(crate) rollouts: Arc<Rollouts>,
    pub(crate) streams: EventStreams,
    clock: Arc<AtomicI64>,
    /// The sum of the jumps of the clock.
    jumped: Arc<AtomicI64>,
    address: SocketAddr,
    _server: AdminServer,
    _scratch: tempfile::TempDir,
}

/// Explains nothing.
struct NoExplanation;

impl Explain for NoExplanation {
    fn explain(&self, _: &RequestQuestion, _: Timestamp) -> Result<RequestExplanation, Unexplained> {
        Ok(RequestExplanation::default())
    }
}

impl MeasuredServer {
    /// Starts the API with a running plan: half for a minute, then everyone.
    pub(crate) fn running() -> Self {
        Self::with_plan(&json!({
            "ticket": "REL-12",
            "stages": [
                { "name": "half", "percentage": 50, "for": "1m" },
                { "name": "all", "percentage": 100, "for": "1m" },
            ],
            "checks": [
                { "name": "errors", "error_rate": { "above": "1%" }, "then": "rollback" },
                { "name": "slower", "p95": { "worse_than_control": "20%" }, "then": "pause" },
            ],
            "minimum": { "requests": 100, "tenants": 3 },
        }))
    }

    pub(crate) fn with_plan(plan: &Value) -> Self {
        Self::serve(plan, Operators::local())
    }

    /// Starts the API with a plan and these operators.
    pub(crate) fn serve(plan: &Value, operators: Operators) -> Self {
        let fixture = ControlFixture::new(LifecyclePolicy::default(), DOCUMENT);
        let (flag, plan) = ("board".to_owned(), plan.clone());
        fixture.apply(Change::SetPlan { flag, plan }).unwrap();
        let (streams, clock) = (EventStreams::new(), Arc::new(AtomicI64::new(START)));
        let jumped = Arc::new(AtomicI64::new(0));
        let read = (Arc::clone(&clock), Arc::clone(&jumped));
        let clocks = move || {
            let (clock, jumped) = (read.0.load(Ordering::Relaxed), read.1.load(Ordering::Relaxed));
            ClockReading {
                system: Timestamp(clock),
                monotonic: Duration::from_millis((clock - jumped).unsigned_abs()),
            }
        };
        let rollouts = Rollouts::new(Arc::clone(&fixture.control), None, Arc::new(clocks));
        let rollouts = Arc::new(rollouts);
        let scratch = tempfile::tempdir().unwrap();
        let read = Arc::clone(&clock);
        let api = Api::new(
            Arc::clone(&fixture.control),
            Arc::new(operators),
            Arc::new(NoExplanation),
            scratch.path().to_owned(),
        )
        .with_judge(Arc::clone(&rollouts) as _)
        .with_streams(streams.clone())
        .with_clock(Arc::new(move || Timestamp(read.load(Ordering::Relaxed))));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = AdminServer::start(listener, router(Arc::new(api)), Arc::new(Metrics::new())).unwrap();
        let mut measured = Self {
            fixture,
            rollouts,
            streams,
            clock,
            jumped,
            address,
            _server: server,
            _scratch: scratch,
        };
        // Requests are counted before the start: each unit is compared with its own history.
        for _ in 0..12 {
            measured.count(&[(ArmName::Excluded, 0, 0), (ArmName::Excluded, 100, 0)]);
        }
        measured.change(Change::StartRollout { flag: "board".into() });
        measured
    }

    /// Sets the time.
    pub(crate) fn set_now(&self, now: i64) {
        self.clock.store(now, Ordering::Relaxed);
    }

    /// Applies a change as a person, at the time of the test.
    pub(crate) fn change(&self, change: Change) {
        let request = ChangeRequest {
            at: Timestamp(self.now()),
            ..admin_request(change)
        };
        self.fixture.control.apply(&request).unwrap();
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.load(Ordering::Relaxed)
    }

    /// Sets the system clock forward.
    pub(crate) fn jump(&self, milliseconds: i64) {
        self.clock.fetch_add(milliseconds, Ordering::Relaxed);
        self.jumped.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// Lets five seconds pass in which ten tenants of each of these arms send ten requests each, of which so many fail.
    /// An arm is given with the number of its first unit.
    pub(crate) fn count(&mut self, arms: &[(ArmName, u64, usize)]) {
        let now = self.now() + 5 * SECOND;
        self.clock.store(now, Ordering::Relaxed);
        let units = arms.iter().flat_map(|(arm, first, failed)| {
            (*first..first + TENANTS).map(|unit| observed(*arm, unit, *failed))
        });
        *self.fixture.plane.slots.lock() = vec![ObservedSlot {
            flag: "board".into(),
            units: units.collect(),
            uncounted: 0,
            overlaps: Vec::new(),
        }];
        self.rollouts.count();
    }

    /// Counts healthy requests of both arms for so many slots, and looks at the checks after each.
    pub(crate) fn count_healthy(&mut self, slots: usize) {
        for _ in 0..slots {
            self.count(&[(ArmName::Treatment, 0, 0), (ArmName::Control, 100, 0)]);
            self.look();
        }
    }

    /// Looks at the checks, as the controller does every ten seconds.
    pub(crate) fn look(&self) {
        self.rollouts.advance();
    }

    pub(crate) fn send(&self, method: &str, path: &str) -> Response {
        self.ask(request(method, path, None))
    }

    /// Sends a request that must succeed.
    pub(crate) fn json(&self, method: &str, path: &str) -> Value {
        let response = self.send(method, path);
        assert_eq!(response.status, 200, "{method} {path}: {}", response.text());
        response.json()
    }

    fn ask(&self, request: Request) -> Response {
        Client::connect(self.address).ask(&request.host(&self.address.to_string()))
    }

    /// Opens a stream of events, and reads the head of the answer.
    pub(crate) fn watch(&self, more: impl FnOnce(Request) -> Request) -> Events {
        let request = request("GET", &format!("{BOARD}/rollout/events"), None);
        let request = more(request.host(&self.address.to_string()));
        let mut client = Client::connect(self.address);
        client.send(request.bytes());
        let (status, head) = client.head();
        Events {
            status,
            kind: head
                .values("content-type")
                .first()
                .copied()
                .unwrap_or_default()
                .to_owned(),
            client,
        }
    }
}

fn observed(arm: ArmName, unit: u64, failed: usize) -> ObservedUnit {
    let requests = 10;
    let counted = (0..requests).map(|at| CountedRequest {
        bucket: Some(200),
        is_error: at < failed,
    });
    ObservedUnit {
        unit,
        tenant: unit,
        arm,
        requests: u32::try_from(requests).unwrap(),
        errors: u32::try_from(failed).unwrap(),
        counted: counted.collect(),
    }
}

/// An open stream of events.
pub(crate) struct Events {
    pub(crate) status: u16,
    pub(crate) kind: String,
    client: Client,
}

impl Events {
    /// Returns the name, the id and the data of the next event; none at the end of the stream.
    pub(crate) fn next(&mut self) -> Option<(String, String, Value)> {
        // A comment is sent every 15 s.
        for _ in 0..3 {
            let chunk = self.client.chunk()?;
            let text = String::from_utf8(chunk).unwrap();
            let field = |name: &str| {
                let mut lines = text.lines();
                lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
            };
            if let Some(data) = field("data") {
                let data = serde_json::from_str(&data).unwrap();
                return Some((field("event").unwrap(), field("id").unwrap_or_default(), data));
            }
            assert!(text.starts_with(':'), "{text}");
        }
        panic!("neither an event nor the end of the stream within 30 s");
    }
}
