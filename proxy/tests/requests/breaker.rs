//! Circuit breakers: the flag is off for a tenant whose requests fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rules::BreakerEventKind;
use testkit::{Proxy, Upstream, eventually, reply, response};

/// The flags with a stage in force for everyone. The breaker is given as YAML.
fn flags(breaker: &str) -> String {
    let exposure =
        format!("{{ stages: [{{ name: all, percentage: 100 }}], errors: [429], breaker: {breaker} }}");
    format!(
        "flags: {{ board: {{ lifecycle: ga, exposure: {exposure} }}, core: {{ kind: ops, default: on }} }}\n\
         tenants: {{ acme: {{}}, globex: {{}} }}"
    )
}

struct Failing {
    proxy: Proxy,
    upstream: Upstream,
    is_failing: Arc<AtomicBool>,
}

/// Starts a proxy whose upstream fails for acme's requests while it is told to.
fn failing(breaker: &str) -> Failing {
    let is_failing = Arc::new(AtomicBool::new(false));
    let fails = Arc::clone(&is_failing);
    let upstream = Upstream::answering(move |request, stream| {
        let status = match request.target() {
            "/board?limited" => 429,
            _ if fails.load(Ordering::SeqCst) && request.header("x-tenant") == Some("acme") => 503,
            _ => 200,
        };
        reply(stream, &response(status, "Done", ""))
    });
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: board, match: /board, gate: board, upstream: api }")
        .route("{ name: rest, match: /rest, upstream: api }")
        .with("headers: { flags: { name: X-Flags }, tenant: X-Tenant }")
        .flags("flags: { board: { lifecycle: ga }, core: { kind: ops, default: on } }")
        .admin()
        .start();
    proxy.publish_flags(&flags(breaker));
    Failing {
        proxy,
        upstream,
        is_failing,
    }
}

impl Failing {
    fn set(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Ordering::SeqCst);
    }

    fn status(&self, tenant: &str) -> u16 {
        self.proxy.get("/board", tenant).status
    }

    /// Sends requests of acme until the flag is off for it.
    fn open(&self) {
        self.set(true);
        eventually("the breaker to open", || {
            (self.status("acme") == 404).then_some(())
        });
    }

    fn is_open(&self) -> f64 {
        self.proxy.metric("sluice_breakers_open{flag=\"board\"}")
    }

    /// Returns the kinds and tenants of the events since the last call.
    fn events(&self) -> Vec<(BreakerEventKind, String)> {
        let (events, dropped) = self.proxy.running().observations().take_breaker_events();
        assert_eq!(dropped, 0);
        let events = events.into_iter();
        events
            .map(|event| (event.kind, event.tenant.to_string()))
            .collect()
    }
}

#[test]
fn a_tenant_whose_requests_fail_loses_the_flag_alone() {
    let failing = failing("{ errors: 50%, requests: 5, for: 15m }");
    let opened = |count: f64| {
        let series = "sluice_breaker_openings_total{flag=\"board\",dry_run=\"false\"}";
        failing.proxy.await_metric(series, count);
    };
    assert_eq!(failing.status("acme"), 200);
    opened(0.0);
    failing.open();
    opened(1.0);
    assert_eq!(failing.is_open(), 1.0);
    assert_eq!(failing.status("globex"), 200);
    // The rest of the tenant's requests pass, without the flag.
    assert_eq!(failing.proxy.get("/rest", "acme").status, 503);
    let recorded = failing.upstream.requests();
    let rest = recorded
        .iter()
        .find(|request| request.target() == "/rest")
        .unwrap();
    assert_eq!(rest.header("x-flags"), Some("core"));
    let before = recorded
        .iter()
        .find(|request| request.target() == "/board")
        .unwrap();
    assert_eq!(before.header("x-flags"), Some("board, core"));
    assert_eq!(failing.events(), [(BreakerEventKind::Opened, "acme".into())]);
    assert_eq!(
        failing.proxy.running().observations().open_breakers("acme"),
        ["board".into()]
    );
    let causes = "sluice_flag_decisions_total{flag=\"board\",variant=\"off\",cause=\"breaker\"}";
    assert!(failing.proxy.metric(causes) >= 1.0);
}

#[test]
fn a_breaker_whose_trials_succeed_closes() {
    let failing = failing("{ errors: 50%, requests: 5, for: 1s }");
    failing.open();
    failing.set(false);
    eventually("the breaker to close", || {
        failing.status("acme");
        (failing.is_open() == 0.0).then_some(())
    });
    assert!((0..30).all(|_| failing.status("acme") == 200));
    let kinds: Vec<_> = failing.events().into_iter().map(|event| event.0).collect();
    assert_eq!(
        kinds,
        [
            BreakerEventKind::Opened,
            BreakerEventKind::HalfOpened,
            BreakerEventKind::Closed
        ]
    );
}

#[test]
fn a_breaker_stays_open_over_a_reload() {
    let breaker = "{ errors: 50%, requests: 5, for: 15m }";
    let failing = failing(breaker);
    failing.open();
    // Another flag changes, then the gateway document.
    let other = flags(breaker).replace("default: on", "default: off");
    failing.proxy.publish_flags(&other);
    assert_eq!(failing.status("acme"), 404);
    assert_eq!((failing.is_open(), failing.status("globex")), (1.0, 200));
    // Other settings are another breaker.
    failing
        .proxy
        .publish_flags(&flags("{ errors: 60%, requests: 5, for: 15m }"));
    assert_eq!((failing.is_open(), failing.status("acme")), (0.0, 503));
    // Without the plan there is none.
    failing.open();
    failing
        .proxy
        .publish_flags("flags: { board: { lifecycle: ga, default: on }, core: { kind: ops } }\ntenants: {}");
    assert_eq!(failing.status("acme"), 503);
    assert!(
        !failing
            .proxy
            .admin("/metrics")
            .text()
            .contains("sluice_breakers_open")
    );
}

#[test]
fn a_dry_run_of_a_breaker_only_reports() {
    let failing = failing("{ errors: 50%, requests: 5, for: 15m, dry_run: true }");
    failing.set(true);
    let series = "sluice_breaker_openings_total{flag=\"board\",dry_run=\"true\"}";
    eventually("the breaker to report", || {
        assert_eq!(failing.status("acme"), 503);
        (failing.proxy.metric(series) == 1.0).then_some(())
    });
    assert!((0..10).all(|_| failing.status("acme") == 503));
    assert_eq!(
        failing.events(),
        [(BreakerEventKind::WouldHaveOpened, "acme".into())]
    );
}

#[test]
fn statuses_of_the_plan_are_errors() {
    let failing = failing("{ errors: 100%, requests: 3, for: 15m }");
    eventually("the breaker to open", || {
        (failing.proxy.get("/board?limited", "globex").status == 404).then_some(())
    });
    let series = "sluice_flag_requests_total{flag=\"board\",arm=\"treatment\",outcome=\"error\"}";
    failing.proxy.await_metric(series, 3.0);
    assert_eq!(failing.status("acme"), 200);
}
