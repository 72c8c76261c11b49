//! Explanations equal what is served: for random documents and requests, and for every spelling of the bypass
//! suite, `explain` returns the status, the gRPC status, the upstream and the injected headers of the same request to the same process.

pub(crate) mod documents;
mod requests;

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use testkit::{Dice, Exchanges, Issuer, Request, Upstream, reply, spellings};
use tokens::Algorithm;

use self::documents::{LISTENERS, UPSTREAMS};
use self::requests::{Drawn, TokenLocation};
use crate::process::SluiceProcess;

/// Number of documents, and of random requests to each.
const DOCUMENTS: u64 = 60;
const REQUESTS: usize = 300;
/// Number of documents for which every spelling is sent.
const DOCUMENTS_FOR_SPELLINGS: u64 = 2;
/// Number of explanations that the rate limit of the admin API allows at once.
const AT_ONCE: usize = 1_900;

/// The answer to a request as seen by the client and the upstream, or as explained.
#[derive(Debug, PartialEq, Eq)]
struct ComparedAnswer {
    status: u16,
    /// The status in `grpc-status`, for a gRPC client.
    grpc_status: Option<u64>,
    upstream: Option<String>,
    /// The injected headers by lower-case name.
    headers: BTreeMap<String, String>,
}

/// A running gateway, its upstreams, and a connection to each of its listeners.
struct LiveProxy {
    listeners: Vec<(&'static str, Exchanges)>,
    admin: Exchanges,
    issuer: Issuer,
    place: TokenLocation,
    document: String,
    _running: SluiceProcess,
    _upstreams: Vec<Upstream>,
    _folder: TempDir,
}

/// Starts an upstream that answers 200, with its name and the headers that it received.
fn telling(name: &'static str) -> Upstream {
    Upstream::answering(move |request, stream| {
        let received: Vec<String> = request
            .head
            .headers
            .iter()
            .map(|(name, value)| format!("{}={value}", name.to_ascii_lowercase()))
            .collect();
        let received: String = received
            .join("\n")
            .bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nX-Upstream: {name}\r\nX-Received: {received}\r\nContent-Length: 0\r\n\r\n"
        );
        reply(stream, &answer)
    })
}

impl LiveProxy {
    fn start(dice: &mut Dice) -> Self {
        let issuer = Issuer::new("https://login.example", Algorithm::Hs256, "k1");
        let upstreams: Vec<Upstream> = UPSTREAMS.iter().map(|(name, _)| telling(name)).collect();
        let addresses: Vec<_> = upstreams.iter().map(Upstream::address).collect();
        let document = documents::gateway(dice, &addresses);
        let place = match &document {
            cookie if cookie.contains("token: { cookie") => TokenLocation::Cookie,
            header if header.contains("token: { header") => TokenLocation::Header,
            _ => TokenLocation::Authorization,
        };
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), issuer.key_file()).unwrap();
        fs::write(folder.path().join("sluice.yaml"), &document).unwrap();
        fs::write(folder.path().join("flags.yaml"), documents::flags(dice)).unwrap();
        let running = SluiceProcess::start(folder.path(), ["run"]);
        Self {
            listeners: LISTENERS
                .map(|name| (name, Exchanges::new(running.listener_named(name))))
                .into(),
            admin: Exchanges::new(running.admin()),
            _running: running,
            issuer,
            place,
            document,
            _upstreams: upstreams,
            _folder: folder,
        }
    }

    /// Sends the request through the proxy.
    fn served(&mut self, request: &Drawn) -> ComparedAnswer {
        let mut listeners = self.listeners.iter_mut();
        let (_, listener) = listeners.find(|(name, _)| *name == request.listener.0).unwrap();
        let (head, _) = listener.ask(&request.method, &request.bytes()).unwrap();
        let received = head.header("x-received").unwrap_or_default();
        let received: Vec<u8> = (0..received.len() / 2)
            .map(|at| u8::from_str_radix(&received[at * 2..at * 2 + 2], 16).unwrap())
            .collect();
        let received = String::from_utf8(received).unwrap();
        let headers = received.lines().filter_map(|line| line.split_once('='));
        ComparedAnswer {
            status: head.status().unwrap(),
            grpc_status: head.header("grpc-status").map(|status| status.parse().unwrap()),
            upstream: head.header("x-upstream").map(str::to_owned),
            headers: self.injected(headers),
        }
    }

    /// Explains the request by the admin API.
    fn explained(&mut self, request: &Drawn) -> ComparedAnswer {
        let question = Request::new("POST", "/api/v1/explain")
            .host("localhost")
            .header("content-type", "application/json");
        let question = question.with_body(request.question().to_string());
        let (head, body) = self.admin.ask("POST", &question.bytes()).unwrap();
        let story: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(head.status(), Some(200), "{story}\nof {request:?}");
        let upstream = story["upstream"].as_str().map(str::to_owned);
        let headers = story["headers"].as_object().unwrap().iter();
        ComparedAnswer {
            // A null status means the upstream's answer, which is always 200.
            status: story["answer"]["status"]
                .as_u64()
                .map_or(200, |status| u16::try_from(status).unwrap()),
            grpc_status: story["answer"]["grpc_status"].as_u64(),
            headers: self.injected(headers.map(|(name, value)| (name.as_str(), value.as_str().unwrap()))),
            upstream,
        }
    }

    /// Returns the injected headers that depend on the decision; not the id, which differs for each request.
    fn injected<'h>(&self, headers: impl Iterator<Item = (&'h str, &'h str)>) -> BTreeMap<String, String> {
        let is_decided = |name: &str| {
            let exactly = ["x-tenant-id", "x-user-id", "x-feature-flags", "x-flags-revision"];
            exactly.contains(&name)
                || name.starts_with("x-feature-")
                || name == "baggage" && self.document.contains("baggage: true")
        };
        headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .filter(|(name, _)| is_decided(name))
            .collect()
    }
}

/// Compares the served with the explained answer, and adds the differences to `differences`.
fn compare(served: &mut LiveProxy, request: &Drawn, differences: &mut Vec<String>) {
    let (live, output) = (served.served(request), served.explained(request));
    if live != output {
        differences.push(format!(
            "{request:?}\n  served    {live:?}\n  explained {output:?}"
        ));
    }
}

#[track_caller]
fn check(served: &LiveProxy, compared: usize, differences: &[String]) {
    assert!(
        differences.is_empty(),
        "{} of {compared} requests are explained as something else than what is served: {}\n{}",
        differences.len(),
        differences[..differences.len().min(10)].join("\n"),
        served.document,
    );
}

#[test]
fn random_requests_are_explained_as_they_are_served() {
    for seed in 0..DOCUMENTS {
        let mut dice = Dice::new(seed);
        let mut served = LiveProxy::start(&mut dice);
        let mut differences = Vec::new();
        for _ in 0..REQUESTS {
            let request = requests::draw(&mut dice, &served.issuer, served.place);
            compare(&mut served, &request, &mut differences);
        }
        check(&served, REQUESTS, &differences);
    }
}

#[test]
fn every_spelling_of_a_gated_path_is_explained_as_it_is_served() {
    let spellings = spellings();
    for seed in 0..DOCUMENTS_FOR_SPELLINGS {
        let mut dice = Dice::new(1_000 + seed);
        for spellings in spellings.chunks(AT_ONCE) {
            let mut served = LiveProxy::start(&mut dice);
            let mut differences = Vec::new();
            for spelling in spellings {
                let request = requests::of_spelling(spelling, &mut dice, &served.issuer, served.place);
                compare(&mut served, &request, &mut differences);
            }
            check(&served, spellings.len(), &differences);
        }
    }
}
