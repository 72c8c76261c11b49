//! Response smuggling: whatever an origin sends, no client gets bytes of a response to another, and each gets what the
//! strict reading says, or a 502 (edge.md section 1).

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use testkit::{H2Client, MessageHead, PATIENCE, Proxy, Request, eventually};

use super::mutated_responses::{self, MutatedResponse};
use super::strict_response::{self, StrictResponse};

/// Number of clients that attack at the same time, each with a proxy and an origin of its own.
const ATTACKERS: usize = 8;
/// Silence after which the origin closes a connection.
const QUIET: Duration = Duration::from_millis(120);
/// Time between a response and the late bytes after it, and for these to arrive.
const LATE: Duration = Duration::from_millis(15);

/// The response that a client got.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    body: Vec<u8>,
    is_complete: bool,
    closes: bool,
}

/// The counts of an origin.
#[derive(Debug, Default)]
struct Counts {
    /// Requests on a connection that had one before.
    reused: AtomicUsize,
    /// Responses whose late bytes were sent.
    late: AtomicUsize,
}

impl Counts {
    /// Waits until more late bytes were sent than `before`, and have arrived.
    fn await_late(&self, before: usize) {
        eventually("the late bytes", || {
            (self.late.load(Ordering::SeqCst) > before).then_some(())
        });
        thread::sleep(LATE);
    }
}

/// Starts an origin. The path of a request is `/first/NUMBER` for a mutated response; any other path is answered with
/// itself.
fn origin(responses: Arc<Vec<MutatedResponse>>) -> (SocketAddr, Arc<Counts>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let counts = Arc::<Counts>::default();
    let counting = Arc::clone(&counts);
    // It ends with the process.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (responses, counts) = (Arc::clone(&responses), Arc::clone(&counting));
            thread::spawn(move || serve(stream, &responses, &counts));
        }
    });
    (address, counts)
}

fn serve(stream: TcpStream, responses: &[MutatedResponse], counts: &Counts) {
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let Ok(mut writer) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(stream);
    let mut count = 0;
    while let Ok(Some(head)) = MessageHead::read(&mut reader) {
        count += 1;
        // Only an idle connection is closed: the proxy can't tell why a new one is.
        let _ = reader.get_ref().set_read_timeout(Some(QUIET));
        counts.reused.fetch_add(usize::from(count > 1), Ordering::SeqCst);
        let target = head.start.split(' ').nth(1).unwrap_or_default().to_owned();
        let mutated = target
            .strip_prefix("/first/")
            .and_then(|number| number.parse::<usize>().ok());
        let (bytes, late) = match mutated.and_then(|number| responses.get(number)) {
            Some(response) => (response.bytes.clone(), response.late),
            None => {
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}",
                    target.len()
                );
                (answer.into_bytes(), "")
            }
        };
        if writer.write_all(&bytes).is_err() {
            return;
        }
        if !late.is_empty() {
            thread::sleep(LATE);
            let _ = writer.write_all(late.as_bytes());
            counts.late.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Sends a request over HTTP/1 and reads its response; none if the connection ended before it.
fn ask(stream: &mut BufReader<TcpStream>, method: &str, target: &str) -> Option<Answer> {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.get_mut().write_all(request.as_bytes()).ok()?;
    loop {
        let head = MessageHead::read(stream).ok()??;
        let status = head.status().filter(|_| head.start.starts_with("HTTP/1.1 "))?;
        if status < 200 {
            assert_eq!(
                head.header("content-length"),
                None,
                "an interim response states no length"
            );
            continue;
        }
        let has_none = method == "HEAD" || matches!(status, 204 | 304);
        let body = if has_none {
            Ok(Vec::new())
        } else {
            head.read_body(stream, true)
        };
        return Some(Answer {
            status,
            is_complete: body.is_ok(),
            body: body.unwrap_or_default(),
            closes: head.header("connection") == Some("close"),
        });
    }
}

/// Compares an answer with the strict reading. Returns the problem.
fn problem(strict: &StrictResponse, answer: Option<&Answer>) -> Option<String> {
    let is_right = match (strict, answer) {
        (StrictResponse::Whole { status, body }, Some(answer)) => {
            answer.is_complete && (answer.status, &answer.body) == (*status, body)
        }
        (StrictResponse::Cut { status }, Some(answer)) => {
            answer.status == 502 || answer.status == *status && !answer.is_complete
        }
        // A body that is cut before any byte of it was written may be reset over HTTP/2, together with its head.
        (StrictResponse::Cut { .. }, None) => true,
        (StrictResponse::Invalid, Some(answer)) => answer.status == 502 && answer.is_complete,
        (StrictResponse::Whole { .. } | StrictResponse::Invalid, None) => false,
    };
    (!is_right).then(|| format!("expected {strict:?}, got {}", shown(answer)))
}

fn shown(answer: Option<&Answer>) -> String {
    let Some(answer) = answer else {
        return "nothing".to_owned();
    };
    let (status, body) = (answer.status, String::from_utf8_lossy(&answer.body));
    format!(
        "{status} {body:?}, complete: {}, closes: {}",
        answer.is_complete, answer.closes
    )
}

/// Lets a client of HTTP/1 ask for a mutated response and then, if its connection stays, for another one.
fn attack_http1(
    address: SocketAddr,
    (method, number): (&str, usize),
    response: &MutatedResponse,
    counts: &Counts,
) -> Vec<String> {
    let mut problems = Vec::new();
    let mut client = connect(address);
    let strict = strict_response::read(&response.all(), method == "HEAD");
    let late = counts.late.load(Ordering::SeqCst);
    let answer = ask(&mut client, method, &format!("/first/{number}"));
    problems.extend(problem(&strict, answer.as_ref()));
    if !response.late.is_empty() {
        counts.await_late(late);
    }
    let another = check_other(address, &format!("/other/{number}"));
    problems.extend(another);
    if answer.is_some_and(|answer| answer.is_complete && !answer.closes) {
        let target = format!("/again/{number}");
        let again = ask(&mut client, "GET", &target);
        if again.as_ref().is_none_or(|again| again.body != target.as_bytes()) {
            problems.push(format!(
                "the next answer on the connection is {}",
                shown(again.as_ref())
            ));
        }
    }
    let _ = client.get_ref().shutdown(std::net::Shutdown::Write);
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest);
    if !rest.is_empty() {
        problems.push(format!(
            "bytes after the responses: {:?}",
            String::from_utf8_lossy(&rest)
        ));
    }
    problems
}

/// Lets another client ask. It must get its own answer, whichever connection to the origin it comes over.
fn check_other(address: SocketAddr, target: &str) -> Option<String> {
    let mut client = connect(address);
    let answer = ask(&mut client, "GET", target);
    let is_own = answer
        .as_ref()
        .is_some_and(|answer| answer.status == 200 && answer.body == target.as_bytes());
    (!is_own).then(|| format!("another client got {}", shown(answer.as_ref())))
}

fn attack_http2(
    client: &mut H2Client,
    address: SocketAddr,
    (method, number): (&str, usize),
    response: &MutatedResponse,
    counts: &Counts,
) -> Vec<String> {
    let strict = strict_response::read(&response.all(), method == "HEAD");
    let late = counts.late.load(Ordering::SeqCst);
    let answer = client.try_ask(&Request::new(method, &format!("/first/{number}")));
    let answer = answer.ok().map(|answer| Answer {
        status: answer.status,
        body: answer.body,
        is_complete: true,
        closes: false,
    });
    let mut problems: Vec<String> = problem(&strict, answer.as_ref()).into_iter().collect();
    if !response.late.is_empty() {
        counts.await_late(late);
    }
    let target = format!("/other/{number}");
    let other = client.ask(&Request::get(&target));
    if (other.status, &*other.body) != (200, target.as_bytes()) {
        problems.push(format!("the next stream got {} {:?}", other.status, other.text()));
    }
    problems.extend(check_other(address, &format!("/again/{number}")));
    problems
}

fn connect(address: SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).expect("the proxy listens");
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    BufReader::new(stream)
}

#[test]
fn no_client_receives_bytes_of_another_response() {
    let responses = Arc::new(mutated_responses::all());
    assert!(responses.len() >= 700, "only {} responses", responses.len());
    let (next, all_reused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let problems: Mutex<Vec<String>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..ATTACKERS {
            scope.spawn(|| {
                // An origin of its own, so that the next request comes over the connection of the attack, if it is kept.
                let (address, counts) = origin(Arc::clone(&responses));
                let proxy = Proxy::builder()
                    .listening("h2c: true")
                    .upstream_at(
                        "origin",
                        &format!("{{ endpoints: [\"{address}\"], ejection: off }}"),
                    )
                    .route("{ name: open, match: /**, upstream: origin }")
                    .start();
                let mut http2 = H2Client::connect(proxy.address());
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(response) = responses.get(number) else {
                        break;
                    };
                    for method in ["GET", "HEAD"] {
                        let first = attack_http1(proxy.address(), (method, number), response, &counts);
                        let second =
                            attack_http2(&mut http2, proxy.address(), (method, number), response, &counts);
                        let found = first.into_iter().chain(second);
                        let found =
                            found.map(|problem| format!("{method} {number} ({}): {problem}", response.name));
                        problems.lock().unwrap().extend(found);
                    }
                }
                all_reused.fetch_add(counts.reused.load(Ordering::SeqCst), Ordering::SeqCst);
            });
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems[..problems.len().min(20)].join("\n")
    );
    // Proves that the attack is effective: connections to origins are kept after most responses.
    let reused = all_reused.into_inner();
    assert!(
        reused > 1_000,
        "only {reused} requests on a connection that had one before"
    );
}
