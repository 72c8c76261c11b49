//! Notifications: each change reaches each receiver at least once and in order, whatever a receiver does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use config::{NoticeEvent, NotificationSink, SinkTarget};
use control::{Change, GaDefault, LifecyclePolicy, Outbox, Receiver, Request, Urgent};
use rules::{Lifecycle, Timestamp};
use serde_json::Value;
use testkit::{After, ControlFixture, HOUR, Recorded, START, Upstream, admin_request, reply, response};

const DOCUMENT: &str = r#"
version: 1
flags:
  board: { lifecycle: ga }
  other: { lifecycle: ga }
  early: { lifecycle: alpha }
"#;
const KEY: &[u8] = b"a key of the signatures of webhooks";
/// The longest time of an answer in these tests.
const LIMIT: Duration = Duration::from_millis(400);

fn webhook(name: &str, upstream: &Upstream) -> NotificationSink {
    NotificationSink {
        name: name.into(),
        target: SinkTarget::Webhook {
            url: format!("http://{}/hook", upstream.address()).into(),
            secret: KEY.into(),
        },
        events: Vec::new(),
    }
}

fn confirming() -> Upstream {
    Upstream::answering(|_, stream| reply(stream, &response(204, "No Content", "")))
}

fn answering(status: u16) -> Upstream {
    Upstream::answering(move |_, stream| reply(stream, &response(status, "Any", "no")))
}

/// A control plane, the outbox of its receivers, and a clock.
struct Notified {
    fixture: ControlFixture,
    outbox: Outbox,
    now: i64,
}

impl Notified {
    fn new(sinks: Vec<NotificationSink>) -> Self {
        let fixture = ControlFixture::new(LifecyclePolicy::default(), DOCUMENT);
        let notified = Self {
            fixture,
            outbox: Outbox::open(sinks, None),
            now: START,
        };
        // What happened before the first start is no news.
        notified.collect();
        assert!(notified.outbox.status().iter().all(|status| status.queued == 0));
        notified
    }

    /// Applies a change with a reason and an incident.
    fn apply_for(&self, change: Change, incident: &str) {
        let request = Request {
            incident: Some(incident.to_owned()),
            ..admin_request(change)
        };
        self.fixture.control.apply(&request).unwrap();
    }

    fn kill(&self, flag: &str) {
        self.fixture.apply(Change::Kill { flag: flag.into() }).unwrap();
    }

    fn restore(&self, flag: &str) {
        self.fixture.apply(Change::Restore { flag: flag.into() }).unwrap();
    }

    fn collect(&self) {
        self.outbox
            .collect(&self.fixture.control, Timestamp(self.now))
            .unwrap();
    }

    /// Sends what is due to each receiver, as many times as there are receivers.
    fn deliver(&self) {
        self.deliver_with_links(None);
    }

    fn deliver_with_links(&self, public_url: Option<&str>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let now = self.now;
        runtime.block_on(async {
            for sink in self.outbox.sinks() {
                let receiver = Receiver::new(sink.clone(), LIMIT).unwrap();
                let receiver = receiver.with_public_url(public_url);
                receiver.deliver(&self.outbox, || Timestamp(now)).await;
            }
        });
    }

    /// Returns how many notices the first receiver has confirmed, waits for, and will never get.
    fn counts(&self) -> (u64, usize, u64) {
        let status = self.outbox.status().remove(0);
        (status.delivered, status.queued, status.given_up)
    }

    fn failure(&self) -> String {
        self.outbox.status().remove(0).last_failure.unwrap()
    }
}

fn body(request: &Recorded) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn events(upstream: &Upstream) -> Vec<String> {
    let requests = upstream.requests();
    let events = requests.iter().map(|request| {
        let data = &body(request)["data"];
        format!(
            "{} {}",
            data["flag"].as_str().unwrap(),
            data["event"].as_str().unwrap()
        )
    });
    events.collect()
}

#[test]
fn changes_arrive_once_in_order_and_signed() {
    let upstream = confirming();
    let notified = Notified::new(vec![webhook("hook", &upstream)]);
    notified.kill("board");
    notified.restore("board");
    notified.kill("other");
    for _ in 0..3 {
        notified.collect();
        notified.deliver();
    }
    assert_eq!(
        events(&upstream),
        ["board killed", "board restored", "other killed"]
    );
    assert_eq!(notified.counts(), (3, 0, 0));
    for request in upstream.requests() {
        let header = |name: &str| request.header(name).unwrap().to_owned();
        let signed = [
            header("webhook-id"),
            header("webhook-timestamp"),
            String::from_utf8(request.body.clone()).unwrap(),
        ];
        let key = hmac::Key::new(hmac::HMAC_SHA256, KEY);
        let tag = STANDARD.encode(hmac::sign(&key, signed.join(".").as_bytes()));
        assert_eq!(header("webhook-signature"), format!("v1,{tag}"));
        assert_eq!(header("webhook-timestamp"), (START / 1_000).to_string());
        assert_eq!(body(&request)["data"]["actor"], "ada");
    }
}

#[test]
fn a_receiver_gets_only_the_events_it_asks_for() {
    let upstream = confirming();
    let sink = NotificationSink {
        events: vec![NoticeEvent::Restored],
        ..webhook("hook", &upstream)
    };
    let notified = Notified::new(vec![sink]);
    notified.kill("board");
    notified.restore("board");
    notified.collect();
    notified.deliver();
    assert_eq!(events(&upstream), ["board restored"]);
}

fn slack(upstream: &Upstream) -> NotificationSink {
    NotificationSink {
        name: "slack".into(),
        target: SinkTarget::Slack {
            url: format!("http://{}/services/T0/B0/hidden", upstream.address()).into(),
        },
        events: Vec::new(),
    }
}

#[test]
fn links_are_urls_with_the_url_of_the_admin_listener() {
    let (hook, channel) = (confirming(), confirming());
    let notified = Notified::new(vec![webhook("hook", &hook), slack(&channel)]);
    let path = "/api/v1/platform/feature-flags/board";
    notified.kill("board");
    notified.collect();
    notified.deliver();
    notified.restore("board");
    notified.collect();
    notified.deliver_with_links(Some("https://ops.example.com/sluice"));
    let links: Vec<Value> = hook
        .requests()
        .iter()
        .map(|request| body(request)["data"]["link"].clone())
        .collect();
    let url = format!("https://ops.example.com/sluice{path}");
    assert_eq!(links, [path, url.as_str()]);
    let messages: Vec<String> = channel
        .requests()
        .iter()
        .map(|request| body(request).to_string())
        .collect();
    assert!(!messages[0].contains("/api/"), "{}", messages[0]);
    assert!(messages[1].contains(&format!("<{url}|")), "{}", messages[1]);
}

#[test]
fn a_notice_names_incident_decision_maker_and_urgent_reason() {
    let (hook, channel) = (confirming(), confirming());
    let notified = Notified::new(vec![webhook("hook", &hook), slack(&channel)]);
    let set_state = |flag: &str, to, urgent| Change::SetState {
        flag: flag.to_owned(),
        to,
        cascade: false,
        ga_default: GaDefault::default(),
        urgent,
    };
    notified.apply_for(Change::Kill { flag: "board".into() }, "INC-1");
    notified.apply_for(Change::Restore { flag: "board".into() }, "INC-2");
    notified.apply_for(set_state("other", Lifecycle::Beta, None), "INC-3");
    let urgent = Urgent {
        decision_maker: "cto".to_owned(),
        incident: "INC-4".to_owned(),
        reason: "an outage".to_owned(),
    };
    let promoted = set_state("early", Lifecycle::Beta, Some(urgent));
    notified.fixture.apply(promoted).unwrap();
    notified.collect();
    notified.deliver();
    let facts: Vec<[Value; 5]> = hook
        .requests()
        .iter()
        .map(|request| {
            let data = &body(request)["data"];
            ["event", "incident", "actor", "decision_maker", "urgent_reason"].map(|name| data[name].clone())
        })
        .collect();
    let of_person = |event: &str, incident: &str| {
        [
            event.into(),
            incident.into(),
            "ada".into(),
            Value::Null,
            Value::Null,
        ]
    };
    assert_eq!(
        facts,
        [
            of_person("killed", "INC-1"),
            of_person("restored", "INC-2"),
            of_person("reverted", "INC-3"),
            ["promoted", "INC-4", "ada", "cto", "an outage"].map(Value::from),
        ]
    );
    let last = body(channel.requests().last().unwrap()).to_string();
    for part in ["incident INC-4", "decided by cto", "urgent because an outage"] {
        assert!(last.contains(part), "{last}");
    }
}

#[test]
fn slack_gets_text_and_blocks() {
    let upstream = confirming();
    let slack = slack(&upstream);
    assert!(!format!("{slack:?}").contains("hidden"));
    let notified = Notified::new(vec![slack]);
    notified.kill("board");
    notified.collect();
    notified.deliver();
    let message = body(&upstream.only());
    assert!(
        message["text"].as_str().unwrap().contains("board: it was killed"),
        "{message}"
    );
    assert_eq!(message["blocks"][0]["type"], "section");
}

#[test]
fn a_failing_receiver_is_tried_again_until_it_confirms() {
    let asked = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&asked);
    let upstream = Upstream::answering(move |_, stream| {
        let status = if counted.fetch_add(1, Ordering::Relaxed) < 2 {
            500
        } else {
            200
        };
        reply(stream, &response(status, "Any", ""))
    });
    let mut notified = Notified::new(vec![webhook("hook", &upstream)]);
    notified.kill("board");
    notified.restore("board");
    notified.collect();
    notified.deliver();
    // The second notice of the flag waits for the first one.
    assert_eq!(
        (events(&upstream).len(), notified.failure()),
        (1, "the answer was 500".to_owned())
    );
    assert_eq!(notified.counts(), (0, 2, 0));
    notified.deliver();
    assert_eq!(events(&upstream).len(), 1, "not before its time");
    for _ in 0..2 {
        notified.now += HOUR;
        notified.deliver();
    }
    assert_eq!(
        events(&upstream),
        ["board killed", "board killed", "board killed", "board restored"]
    );
    let requests = upstream.requests();
    let ids: Vec<&str> = requests
        .iter()
        .map(|request| request.header("webhook-id").unwrap())
        .collect();
    assert!(
        ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3],
        "{ids:?}"
    );
    assert_eq!(notified.counts(), (2, 0, 0));
}

#[test]
fn a_hanging_receiver_delays_no_other() {
    let hanging = Upstream::answering(|_, _| {
        thread::sleep(Duration::from_secs(3));
        After::Close
    });
    let good = confirming();
    let notified = Notified::new(vec![webhook("dead", &hanging), webhook("good", &good)]);
    for flag in ["board", "other"] {
        notified.kill(flag);
    }
    notified.collect();
    let began = Instant::now();
    notified.deliver();
    // One attempt: the second notice would wait as long.
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(
        (notified.counts(), notified.failure()),
        ((0, 2, 0), "no answer within 400ms".to_owned())
    );
    assert_eq!(events(&good).len(), 2);
}

#[test]
fn a_late_answer_is_no_confirmation() {
    let asked = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&asked);
    let upstream = Upstream::answering(move |_, stream| {
        if counted.fetch_add(1, Ordering::Relaxed) == 0 {
            thread::sleep(2 * LIMIT);
        }
        reply(stream, &response(200, "OK", ""))
    });
    let mut notified = Notified::new(vec![webhook("hook", &upstream)]);
    notified.kill("board");
    notified.collect();
    notified.deliver();
    assert_eq!(notified.counts(), (0, 1, 0));
    notified.now += HOUR;
    notified.deliver();
    assert_eq!((notified.counts(), events(&upstream).len()), ((1, 0, 0), 2));
}

#[test]
fn redirects_and_broken_connections_are_failures() {
    let target = confirming();
    let location = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
        target.address()
    );
    let redirecting = Upstream::answering(move |_, stream| reply(stream, &location));
    let notified = Notified::new(vec![webhook("hook", &redirecting)]);
    notified.kill("board");
    notified.collect();
    notified.deliver();
    assert_eq!(notified.failure(), "the answer was 307");
    assert!(target.requests().is_empty());
    let broken = Upstream::answering(|_, _| After::Close);
    let notified = Notified::new(vec![webhook("hook", &broken)]);
    notified.kill("board");
    notified.collect();
    notified.deliver();
    assert_eq!(
        (notified.failure(), notified.counts()),
        ("no connection".to_owned(), (0, 1, 0))
    );
}

#[test]
fn a_receiver_that_is_gone_is_not_tried_again() {
    let upstream = answering(410);
    let notified = Notified::new(vec![webhook("hook", &upstream)]);
    notified.kill("board");
    notified.collect();
    notified.deliver();
    assert_eq!(notified.counts(), (0, 0, 1));
}

#[test]
fn a_notice_is_given_up_after_a_day() {
    let upstream = answering(503);
    let mut notified = Notified::new(vec![webhook("hook", &upstream)]);
    notified.kill("board");
    notified.collect();
    notified.deliver();
    notified.now += 24 * HOUR - 1;
    notified.deliver();
    assert_eq!((notified.counts(), events(&upstream).len()), ((0, 1, 0), 2));
    notified.now += 1;
    notified.deliver();
    assert_eq!((notified.counts(), events(&upstream).len()), ((0, 0, 1), 2));
}

#[test]
fn retry_after_is_respected() {
    let busy = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n";
    let upstream = Upstream::answering(move |_, stream| reply(stream, busy));
    let mut notified = Notified::new(vec![webhook("hook", &upstream)]);
    notified.kill("board");
    notified.collect();
    notified.deliver();
    notified.now += 119_999;
    notified.deliver();
    assert_eq!(upstream.requests().len(), 1);
    notified.now += 1;
    notified.deliver();
    assert_eq!(upstream.requests().len(), 2);
}

#[test]
fn a_restart_sends_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notifications.json");
    let upstream = confirming();
    let sinks = || vec![webhook("hook", &upstream), webhook("removed", &upstream)];
    let mut notified = Notified::new(Vec::new());
    notified.outbox = Outbox::open(sinks(), Some(file.clone()));
    notified.collect();
    notified.outbox.save(&notified.fixture.control).unwrap();
    // Killed after a change was answered, before the log was read.
    notified.kill("board");
    notified.outbox = Outbox::open(sinks(), Some(file.clone()));
    notified.collect();
    notified.outbox.save(&notified.fixture.control).unwrap();
    // Killed before the notice was sent.
    notified.outbox = Outbox::open(vec![webhook("hook", &upstream)], Some(file));
    notified.collect();
    notified.deliver();
    assert_eq!(events(&upstream), ["board killed"]);
    assert_eq!(notified.outbox.status().len(), 1);
}

#[test]
fn a_receiver_that_asks_for_no_wait_is_not_flooded() {
    let eager = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n";
    let upstream = Upstream::answering(move |_, stream| reply(stream, eager));
    let notified = Notified::new(vec![webhook("hook", &upstream)]);
    notified.kill("board");
    notified.collect();
    for _ in 0..5 {
        notified.deliver();
    }
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn a_rollback_that_kills_notifies_of_the_kill() {
    let upstream = confirming();
    let notified = Notified::new(vec![webhook("hook", &upstream)]);
    let flag = || "board".to_owned();
    let plan = serde_json::json!({ "stages": [{ "name": "half", "percentage": 50, "for": "1h" }], "ticket": "OPS-1" });
    notified
        .fixture
        .apply(Change::SetPlan { flag: flag(), plan })
        .unwrap();
    notified
        .fixture
        .apply(Change::StartRollout { flag: flag() })
        .unwrap();
    let to = Some(config::Rollback::Kill);
    notified
        .fixture
        .apply(Change::RollBackRollout { flag: flag(), to })
        .unwrap();
    notified.collect();
    notified.deliver();
    assert_eq!(
        events(&upstream),
        ["board started", "board rolled_back", "board killed"]
    );
    let requests = upstream.requests();
    let ids: std::collections::BTreeSet<&str> = requests
        .iter()
        .map(|request| request.header("webhook-id").unwrap())
        .collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(body(&requests[1])["data"]["ticket"], "OPS-1");
}

#[test]
fn a_notice_has_the_ticket_of_its_own_plan() {
    let upstream = confirming();
    let notified = Notified::new(vec![webhook("hook", &upstream)]);
    let flag = || "board".to_owned();
    let set = |ticket: &str| {
        let stages = serde_json::json!([{ "name": "half", "percentage": 50, "for": "1h" }]);
        let plan = serde_json::json!({ "stages": stages, "ticket": ticket });
        notified
            .fixture
            .apply(Change::SetPlan { flag: flag(), plan })
            .unwrap();
    };
    set("OPS-1");
    notified
        .fixture
        .apply(Change::StartRollout { flag: flag() })
        .unwrap();
    notified
        .fixture
        .apply(Change::CancelRollout { flag: flag() })
        .unwrap();
    // Before anything was read from the log.
    set("OPS-2");
    notified.kill("board");
    notified.collect();
    notified.deliver();
    let requests = upstream.requests();
    let tickets: Vec<_> = requests
        .iter()
        .map(|request| body(request)["data"]["ticket"].clone())
        .collect();
    assert_eq!(tickets, ["OPS-1", "OPS-1", "OPS-2"]);
}
