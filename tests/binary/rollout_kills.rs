//! The process is killed at random moments of a rollout plan: no step is lost, and none is taken twice. `SLUICE_SOAK=1`
//! kills it 100 times.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Client, Dice, Exchanges, Request, eventually, now_seconds};

use crate::managed::{get, post};
use crate::managed_server::ManagedServer;

/// The number of kills.
const KILLS: usize = 12;
/// The number of kills with `SLUICE_SOAK=1`.
const MANY_KILLS: usize = 100;
/// The number of stages; each has a second.
const STAGES: usize = 20;

/// A step whose answer arrived: the position of the stage that was entered, or none for the completion.
type Acknowledged = Option<u64>;

fn plan() -> Value {
    let stages = (1..=STAGES).map(|stage| {
        let percentage = 100 * stage / STAGES;
        json!({ "name": format!("s{stage}"), "percentage": percentage, "for": "1s" })
    });
    json!({
        "stages": stages.collect::<Vec<_>>(),
        "checks": [{ "name": "reports", "reports": { "same_cause": 2 } }],
    })
}

/// Sends a body by PUT to the admin API.
fn set_plan(managed: &ManagedServer) {
    let path = "/api/v1/platform/feature-flags/board/rollout/plan";
    let request = Request::new("PUT", path)
        .host("localhost")
        .header("content-type", "application/json");
    let answer = Client::connect(managed.admin()).ask(&request.with_body(plan().to_string()));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn operate(managed: &ManagedServer, operation: &str) {
    let path = format!("/platform/feature-flags/board/rollout/{operation}");
    let answer = post(&mut Client::connect(managed.admin()), &path, &json!({}));
    assert_eq!(answer.status, 200, "{operation}: {}", answer.text());
}

fn rollout(managed: &ManagedServer) -> Value {
    let path = "/platform/feature-flags/board/rollout";
    get(&mut Client::connect(managed.admin()), path).json()
}

/// Looks at the plan again and again until the process is killed. Returns the steps whose answer arrived.
fn tick_until_killed(address: SocketAddr) -> Vec<Acknowledged> {
    let path = "/api/v1/platform/feature-flags/board/rollout/tick";
    let request = Request::new("POST", path).host("localhost").bytes();
    let mut exchanges = Exchanges::new(address);
    let mut acknowledged = Vec::new();
    while let Ok((_, body)) = exchanges.ask("POST", &request) {
        let Ok(answer) = serde_json::from_slice::<Value>(&body) else {
            break;
        };
        if answer["result"] == "stepped" {
            let is_completed = answer["rollout"]["state"] == "completed";
            let stage = (!is_completed).then(|| answer["rollout"]["stage"]["number"].as_u64().unwrap());
            acknowledged.push(stage);
        }
        thread::sleep(Duration::from_millis(5));
    }
    acknowledged
}

/// Returns the turns of a kind in the audit log, the oldest first.
fn audited(managed: &ManagedServer, event: &str) -> Vec<Value> {
    let path = format!("/platform/audit?action=platform.{event}&limit=1000");
    let log = get(&mut Client::connect(managed.admin()), &path).json();
    let mut entries = log["entries"].as_array().unwrap().clone();
    entries.reverse();
    entries
}

#[test]
fn kills_at_any_moment_lose_and_repeat_no_step() {
    let is_long = std::env::var_os("SLUICE_SOAK").is_some();
    let kills = if is_long { MANY_KILLS } else { KILLS };
    let seed = now_seconds();
    eprintln!("seed {seed}");
    let mut dice = Dice::new(seed);
    let mut managed = ManagedServer::start();
    // The plan has no check of errors: without this file errors before a restart are unknown, and hold it up.
    let observations = managed.path().join("data/observations.json");
    eventually("the observations are written", || {
        observations.exists().then_some(())
    });
    set_plan(&managed);
    operate(&managed, "start");
    let (mut runs, mut seen) = (1, 1);
    for _ in 0..kills {
        let address = managed.admin();
        let ticking = thread::spawn(move || tick_until_killed(address));
        thread::sleep(Duration::from_millis(100 + dice.below(2_000)));
        managed = managed.restarted(|_| {});
        let acknowledged = ticking.join().unwrap();
        let found = rollout(&managed);
        let is_completed = found["state"] == "completed";
        let stage = found["stage"]["number"].as_u64().unwrap();
        // What was answered is there, and at most the step whose answer was lost is there besides.
        if let Some(last) = acknowledged.last() {
            assert!(
                last.map_or(is_completed, |last| last <= stage),
                "{acknowledged:?}: {found}"
            );
        }
        let taken = stage - seen + u64::from(is_completed);
        let answered = u64::try_from(acknowledged.len()).unwrap();
        // The controller takes steps by itself, too.
        assert!(answered <= taken, "{acknowledged:?}, {seen} before: {found}");
        seen = stage;
        let turns = found["course"].as_array().unwrap().iter();
        let entered = turns.filter(|turn| turn["turn"] == "stage_entered");
        let entered: Vec<String> = entered
            .map(|turn| turn["stage"].as_str().unwrap().to_owned())
            .collect();
        let expected: Vec<String> = (2..=stage).map(|stage| format!("s{stage}")).collect();
        assert_eq!(entered, expected, "each stage once, in order");
        if is_completed {
            set_plan(&managed);
            operate(&managed, "start");
            (runs, seen) = (runs + 1, 1);
        }
    }
    let stepped = audited(&managed, "feature_flag_rollout_stage_entered").len();
    let expected = (runs - 1) * (STAGES - 1) + usize::try_from(seen).unwrap() - 1;
    assert_eq!(stepped, expected, "one entry in the audit log for each step");
    eprintln!("{kills} kills, {runs} runs, {stepped} steps");
    assert!(stepped > kills / 4, "{stepped}");
}
