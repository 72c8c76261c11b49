//! Notifications of the built binary: a change is told to a webhook, also after the process was killed.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::{After, Client, Recorded, Request, Upstream, eventually, reply, response};

use crate::managed::{get, post};
use crate::process::{SluiceProcess, sluice_with};

const KEY: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A receiver that confirms while `is_up`, and closes connections otherwise.
fn receiver(is_up: &Arc<AtomicBool>) -> Upstream {
    let is_up = Arc::clone(is_up);
    Upstream::answering(move |_, stream| match is_up.load(Ordering::Relaxed) {
        true => reply(stream, &response(200, "OK", "")),
        false => After::Close,
    })
}

fn write_config(folder: &Path, receiver: &Upstream) {
    let config = format!(
        "version: 1\nlisteners: [{{ name: public, address: \"127.0.0.1:0\" }}]\n\
         admin: {{ address: \"127.0.0.1:0\" }}\nflags: {{ store: {{ sqlite: ./data, seed: flags.yaml }} }}\n\
         upstreams: {{ app: \"127.0.0.1:9\" }}\nunmatched: {{ upstream: app }}\n\
         notify: [ {{ webhook: \"http://{}/hook\", secret: \"${{HOOK_SECRET}}\" }} ]\n",
        receiver.address()
    );
    fs::write(folder.join("sluice.yaml"), config).unwrap();
    fs::write(
        folder.join("flags.yaml"),
        "version: 1\nflags: { board: { lifecycle: ga } }\n",
    )
    .unwrap();
}

fn run(folder: &Path) -> SluiceProcess {
    let secret = format!("whsec_{KEY}");
    let running = SluiceProcess::start_with(&[("HOOK_SECRET", &secret)], folder, ["run"]);
    running.admin();
    running
}

fn change(sluice: &SluiceProcess, operation: &str) {
    let path = format!("/platform/feature-flags/board/{operation}");
    let answer = post(
        &mut Client::connect(sluice.admin()),
        &path,
        &json!({ "reason": "INC-9" }),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Returns the event of a request whose signature is valid.
fn event(request: &Recorded) -> String {
    let header = |name: &str| request.header(name).unwrap();
    let body = String::from_utf8(request.body.clone()).unwrap();
    let signed = [header("webhook-id"), header("webhook-timestamp"), &body].join(".");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(KEY).unwrap());
    let tag = STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
    assert_eq!(header("webhook-signature"), format!("v1,{tag}"));
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&body["data"]["flag"], &body["data"]["reason"]),
        (&json!("board"), &json!("INC-9"))
    );
    body["data"]["event"].as_str().unwrap().to_owned()
}

fn metrics(sluice: &SluiceProcess) -> String {
    let answer = Client::connect(sluice.admin()).ask(&Request::get("/metrics").host("localhost"));
    answer.text().to_owned()
}

#[test]
fn a_change_is_notified_also_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let is_up = Arc::new(AtomicBool::new(true));
    let receiver = receiver(&is_up);
    write_config(folder.path(), &receiver);
    let mut sluice = run(folder.path());
    change(&sluice, "kill");
    receiver.await_count(1);
    let first = receiver.requests();
    assert_eq!(event(&first[0]), "killed");
    eventually("the count", || {
        metrics(&sluice)
            .contains("sluice_notifications_delivered_total{receiver=\"webhook\"} 1\n")
            .then_some(())
    });

    // The receiver is away, and the process is killed before it is back.
    is_up.store(false, Ordering::Relaxed);
    change(&sluice, "restore");
    receiver.await_count(2);
    eventually("the readiness to say so", || {
        let request = Request::get("/readyz?verbose").host("localhost");
        let ready = Client::connect(sluice.admin()).ask(&request);
        assert_eq!(ready.status, 200);
        ready
            .text()
            .contains("not delivered to webhook: no connection")
            .then_some(())
    });
    sluice.signal("KILL");
    sluice.ended();
    is_up.store(true, Ordering::Relaxed);
    let before = receiver.requests().len();
    let sluice = run(folder.path());
    let found = eventually("the second notice", || {
        let requests = receiver.requests();
        (requests.len() > before).then_some(requests)
    });
    assert_eq!(event(found.last().unwrap()), "restored");
    let audit = get(&mut Client::connect(sluice.admin()), "/platform/audit")
        .text()
        .to_owned();
    let printed = sluice.printed().join("\n");
    for text in [&audit, &printed, &metrics(&sluice)] {
        assert!(!text.contains(KEY), "the secret is shown");
    }
}

#[test]
fn a_check_names_a_misconfigured_receiver() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = receiver(&Arc::default());
    write_config(folder.path(), &receiver);
    let check = |secret: &str| sluice_with(&[("HOOK_SECRET", secret)], folder.path(), ["check"]);
    check(&format!("whsec_{KEY}")).exits(0);
    let found = check("hunter2hunter2hunter2");
    found
        .exits(1)
        .reports("the secret of a webhook does not begin with `whsec_`");
    assert!(!found.stderr.contains("hunter2"), "{found}");
    let config = folder.path().join("sluice.yaml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("http://127.0.0.1", "http://hooks.example")).unwrap();
    check(&format!("whsec_{KEY}"))
        .exits(1)
        .reports("is no valid https URL");
}
