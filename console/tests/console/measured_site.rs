//! A console over a controller of rollouts that counts what a test says, with the clock of the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use control::operators::{Known, Operators, StaticToken, TokenHash};
use control::{
    ArmName, Change, ClockReading, CountedRequest, LifecyclePolicy, ObservedSlot, ObservedUnit, Request,
    Role, Rollouts,
};
use rules::Timestamp;
use serde_json::{Value, json};
use testkit::{ControlFixture, START, admin_request};

use crate::fixed_traffic::NoTraffic;
use crate::site::{Received, Site};

const DOCUMENT: &str = "version: 1\nflags: { board: { lifecycle: ga, revertible: true } }\ntenants: { ours: { internal: true } }\n";
/// Tenants of each arm.
const TENANTS: u64 = 10;
/// The page of the plan.
pub(crate) const ROLLOUT: &str = "/platform/feature-flags/board/rollout";

/// A console whose flag `board` has a plan.
pub(crate) struct MeasuredSite {
    pub(crate) site: Site,
    rollouts: Arc<Rollouts>,
    clock: Arc<AtomicI64>,
}

/// Requests of an arm within five seconds.
pub(crate) struct Load {
    pub(crate) arm: ArmName,
    /// The number of the first of ten tenants.
    pub(crate) first: u64,
    /// The errors of each tenant among ten requests.
    pub(crate) failed: usize,
    /// The bucket of most latencies in the histograms of checks: one of ten requests is slower.
    pub(crate) latency: u16,
}

impl Load {
    pub(crate) fn healthy(arm: ArmName, first: u64) -> Self {
        Self {
            arm,
            first,
            failed: 0,
            latency: 200,
        }
    }
}

impl MeasuredSite {
    /// Creates a console with a plan that is not started.
    pub(crate) fn draft(plan: &Value) -> Self {
        Self::over(ControlFixture::new(LifecyclePolicy::default(), DOCUMENT), plan)
    }

    /// Creates a console with a plan that is not started, for a visitor among several operators.
    pub(crate) fn with_operators(plan: &Value) -> Self {
        let fixture = ControlFixture::new(LifecyclePolicy::default(), DOCUMENT);
        let operators = Operators::of(Known {
            tokens: ["vera", "olaf"].map(operator).to_vec(),
            ..Known::default()
        });
        fixture.control.set_operators(Arc::new(operators));
        let measured = Self::over(fixture, plan);
        measured.site.visit_as(Role::PlatformAdmin, None);
        measured
    }

    fn over(fixture: ControlFixture, plan: &Value) -> Self {
        let (flag, plan) = ("board".to_owned(), plan.clone());
        fixture.apply(Change::SetPlan { flag, plan }).unwrap();
        let clock = Arc::new(AtomicI64::new(START));
        let read = Arc::clone(&clock);
        let clocks = move || {
            let now = read.load(Ordering::Relaxed);
            ClockReading {
                system: Timestamp(now),
                monotonic: Duration::from_millis(now.unsigned_abs()),
            }
        };
        let rollouts = Arc::new(Rollouts::new(
            Arc::clone(&fixture.control),
            None,
            Arc::new(clocks),
        ));
        let read = Arc::clone(&clock);
        let now = Arc::new(move || Timestamp(read.load(Ordering::Relaxed)));
        Self {
            site: Site::over(
                fixture,
                now,
                Arc::new(NoTraffic),
                Some(Arc::clone(&rollouts) as _),
            ),
            rollouts,
            clock,
        }
    }

    /// Creates a console with a running plan: half for an hour, then everyone.
    pub(crate) fn running() -> Self {
        let measured = Self::draft(&json!({
            "ticket": "REL-12",
            "stages": [
                { "name": "half", "percentage": 50, "for": "1h" },
                { "name": "all", "percentage": 100, "for": "1d", "advance": "manual" },
            ],
            "checks": [
                { "name": "errors", "error_rate": { "above": "1%" }, "then": "pause" },
                { "name": "slower", "p95": { "worse_than_control": "20%" }, "then": "rollback" },
                { "name": "slow", "p95": { "above": "2s" }, "then": "notify" },
            ],
            "minimum": { "requests": 100, "tenants": 3 },
        }));
        // Requests are counted before the start: each unit is compared with its own history.
        for _ in 0..12 {
            measured.count(&[
                Load::healthy(ArmName::Excluded, 0),
                Load::healthy(ArmName::Excluded, 100),
            ]);
        }
        measured.change(Change::StartRollout { flag: "board".into() });
        measured
    }

    /// Applies a change as a person, at the time of the test.
    pub(crate) fn change(&self, change: Change) {
        let request = Request {
            at: Timestamp(self.clock.load(Ordering::Relaxed)),
            ..admin_request(change)
        };
        self.site.fixture.control.apply(&request).unwrap();
    }

    /// Lets time pass in which nothing is counted.
    pub(crate) fn wait(&self, milliseconds: i64) {
        self.clock.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// Lets five seconds pass in which ten tenants of each of these loads send ten requests each.
    pub(crate) fn count(&self, loads: &[Load]) {
        self.wait(5_000);
        let units = loads.iter().flat_map(|load| {
            let tenants = load.first..load.first + TENANTS;
            tenants.map(|unit| observed(load, unit))
        });
        let tenants = loads.iter().flat_map(|load| load.first..load.first + TENANTS);
        let names = tenants.map(|unit| (unit, format!("tenant-{unit}")));
        *self.site.fixture.plane.tenant_names.lock() = names.collect();
        *self.site.fixture.plane.slots.lock() = vec![ObservedSlot {
            flag: "board".into(),
            units: units.collect(),
            uncounted: 0,
            overlaps: Vec::new(),
        }];
        self.rollouts.count();
    }

    /// Counts both arms for so many slots, and looks at the checks after each.
    pub(crate) fn count_arms(&self, slots: usize, failed: usize) {
        for _ in 0..slots {
            let treatment = Load {
                failed,
                ..Load::healthy(ArmName::Treatment, 0)
            };
            self.count(&[treatment, Load::healthy(ArmName::Control, 100)]);
            self.look();
        }
    }

    /// Looks at the checks, as the controller does every ten seconds.
    pub(crate) fn look(&self) {
        self.rollouts.advance();
    }

    /// Requests the page of the plan.
    pub(crate) fn page(&self) -> Received {
        self.site.get(ROLLOUT)
    }

    /// Previews an operation of the plan, then confirms it.
    pub(crate) fn operate(&self, fields: &[(&str, &str)]) -> Received {
        let mut all = vec![("flag", "board")];
        all.extend_from_slice(fields);
        let preview = self.site.change("/platform/changes/preview", &all);
        assert_eq!(preview.status, 200, "{}", preview.text);
        let revision = preview.value_of("revision");
        all.extend([("revision", &*revision), ("reason", "REL-12 <go>")]);
        let applied = self.site.change("/platform/changes", &all);
        self.site.get(applied.location())
    }
}

fn operator(name: &str) -> StaticToken {
    let (_, hash) = TokenHash::issue().unwrap();
    StaticToken {
        name: name.to_owned(),
        role: Role::PlatformAdmin,
        org: None,
        hash,
        expires: None,
    }
}

fn observed(load: &Load, unit: u64) -> ObservedUnit {
    let requests = 10_usize;
    let counted = (0..requests).map(|at| {
        let slower = if at == 9 { 24 } else { 0 };
        CountedRequest {
            bucket: Some(load.latency + slower),
            is_error: at < load.failed,
        }
    });
    ObservedUnit {
        unit,
        tenant: unit,
        arm: load.arm,
        requests: u32::try_from(requests).unwrap(),
        errors: u32::try_from(load.failed).unwrap(),
        counted: counted.collect(),
    }
}
