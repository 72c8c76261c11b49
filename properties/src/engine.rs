//! The whole engine, fed with scripted bytes from a client and from upstreams: it ends, contains no panic, forwards
//! only what the client sent, and returns to each request its own response, unchanged.

mod generator;
mod judge;
mod messages;
mod script;
mod stage;
mod strict_reader;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arbitrary::Unstructured;
use config::{Files, load_from};
use proxy::ScriptedEngine;
use serde_json::json;
use tokio::io::duplex;
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

use self::generator::script;
use self::judge::{Outcome, Tally, judge};
use self::script::Script;
use self::stage::{Record, Stage, play_client};

/// The longest time that a script may take, on a clock that skips every wait.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Time for an upstream to finish its steps after the client's connection has ended.
const REST: Duration = Duration::from_secs(600);

thread_local! {
    /// One engine for all scripts of a thread: its parts take longer to prepare than a script takes.
    static ENGINE: ScriptedEngine = engine_of_documents();
    /// The stage of the script that is played.
    static STAGE: RefCell<Option<Rc<RefCell<Stage>>>> = const { RefCell::new(None) };
}

/// Plays a random script and checks what both sides received. The bytes choose the messages and their order.
pub fn engine(data: &[u8]) {
    // `Unstructured` yields the first choice once its bytes run out, so an error can't occur here.
    if let Ok(script) = script(&mut Unstructured::new(data)) {
        play(script);
    }
}

/// Plays a script, judges it, and returns what happened.
fn play(script: Script) -> Tally {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime without sockets");
    let (client_end, is_valid) = (script.client.end, script.is_valid);
    let client_record = Rc::<RefCell<Record>>::default();
    let stage = Rc::new(RefCell::new(Stage::new(script.responses, script.capacity)));
    STAGE.set(Some(Rc::clone(&stage)));
    let tasks = LocalSet::new();
    tasks.block_on(&runtime, async {
        let (client, server) = duplex(script.capacity);
        let playing = spawn_local(play_client(script.client, client, Rc::clone(&client_record)));
        let serving = ENGINE.with(|engine| engine.serve(server));
        timeout(LONGEST, serving).await.expect("the engine ends");
        let played = timeout(LONGEST, playing).await;
        played.expect("the client's connection ends").expect("no panic");
        sleep(REST).await;
    });
    STAGE.set(None);
    ENGINE.with(|engine| {
        let (panics, left) = (engine.panics(), engine.in_flight());
        assert_eq!((panics, left), (0, 0), "panics, and requests that did not end");
    });
    let connections = std::mem::take(&mut stage.borrow_mut().connections);
    let upstreams: Vec<_> = connections.iter().map(|record| record.borrow()).collect();
    let upstreams: Vec<&Record> = upstreams.iter().map(|record| &**record).collect();
    judge(&Outcome {
        client: &client_record.borrow(),
        upstreams: &upstreams,
        client_end,
        is_valid,
    })
}

fn engine_of_documents() -> ScriptedEngine {
    let sluice = json!({
        "version": 1,
        "listeners": [{ "name": "a", "address": "127.0.0.1:0" }],
        "admin": "off",
        "flags": { "file": "flags.yaml" },
        "upstreams": { "u": { "endpoints": ["127.0.0.1:1"], "ejection": "off" } },
        "routes": [
            { "name": "open", "match": "/open/**", "upstream": "u" },
            { "name": "hidden", "match": "/hidden/**", "gate": "closed", "upstream": "u" },
        ],
        "headers": {
            "tenant": "X-Tenant-Id",
            "user": "X-User-Id",
            "request_id": "X-Request-Id",
            "flags": { "name": "X-Feature-Flags", "include": "all" },
        },
    });
    let flags = json!({ "version": 1, "flags": { "closed": { "kind": "ops", "default": "off" } } });
    let files = BTreeMap::from([
        (PathBuf::from("sluice.yaml"), sluice.to_string().into_bytes()),
        (PathBuf::from("flags.yaml"), flags.to_string().into_bytes()),
    ]);
    let loaded = load_from(Files::Memory(files), Path::new("sluice.yaml"), &|_| None);
    let loaded = loaded.unwrap_or_else(|report| panic!("{report}"));
    let connect = || STAGE.with_borrow(|stage| stage.as_ref().map(Stage::connect));
    let engine = ScriptedEngine::new(&loaded, Arc::new(connect)).expect("the document can be served");
    engine.expect("a listener")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use arbitrary::Unstructured;

    use super::judge::Tally;
    use super::script::{ClientScript, ResponseScript, ResponseStart, Script, Step, StreamEnd};
    use super::{play, script};

    /// Number of scripts that a test plays.
    const SCRIPTS: u64 = 3_000;

    /// Plays two requests on one connection, of which the first is answered with `response`.
    fn play_two(response: &str) -> Tally {
        let request = |number| format!("GET /open/{number} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes();
        let steps = vec![
            Step::Send(request(0)),
            Step::Pause(Duration::from_millis(50)),
            Step::Send(request(1)),
        ];
        let first = ResponseScript {
            start: ResponseStart::Complete,
            steps: vec![Step::Send(response.as_bytes().to_vec())],
            end: StreamEnd::Open,
        };
        let client = ClientScript {
            steps,
            end: StreamEnd::HalfClosed,
            reads_early: true,
        };
        play(Script {
            client,
            responses: vec![first],
            capacity: 4096,
            is_valid: false,
        })
    }

    #[test]
    fn connection_is_reused_only_after_an_exact_response() {
        let exact = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        for (surplus, reused) in [("", 1), ("x", 0), ("\r\n", 0), (exact, 0)] {
            let tally = play_two(&format!("{exact}{surplus}"));
            assert_eq!((tally.responses, tally.reused), (2, reused), "{surplus:?}");
        }
    }

    #[test]
    fn random_scripts_keep_the_promises_of_the_engine() {
        let (mut random, mut all) = (0x9e37_79b9_7f4a_7c15_u64, Tally::default());
        for number in 0..SCRIPTS {
            let mut data = Vec::new();
            for _ in 0..40 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                data.extend_from_slice(&random.to_le_bytes());
            }
            let script = script(&mut Unstructured::new(&data)).unwrap();
            let played = std::panic::catch_unwind(|| play(script));
            let tally = played.unwrap_or_else(|_| panic!("script {number}: {data:?}"));
            all.responses += tally.responses;
            all.forwarded += tally.forwarded;
            all.reused += tally.reused;
            all.tunnels += tally.tunnels;
        }
        // Proves that the scripts reach every part.
        let found = [all.responses, all.forwarded, all.reused, all.tunnels];
        let mut enough = found.into_iter().zip([2_000, 1_000, 300, 20]);
        assert!(enough.all(|(found, least)| found >= least), "{all:?}");
    }
}
