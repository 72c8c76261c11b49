//! Request smuggling: no origin sees a request that the proxy has not answered, whichever way the origin reads
//! (edge.md section 1).

mod http2;
mod messages;
mod mutated_responses;
mod responses;
mod strict_response;

use std::collections::HashMap;
use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use testkit::{FramingRule, MessageHead, PATIENCE, Proxy, Recorder};

use self::messages::Message;

/// Number of concurrent attackers.
const ATTACKERS: usize = 12;
/// Time without data after which the missing rest of a message is sent.
const QUIET: Duration = Duration::from_millis(150);

/// The responses of the proxy on one connection.
#[derive(Debug, Default)]
struct Answers {
    statuses: Vec<u16>,
    /// The request lines that origins report, in order.
    saw: Vec<String>,
}

/// Sends a message and a valid request behind it. If the proxy waits for more, sends an end of any body. Reads until
/// the proxy closes the connection.
fn attack(proxy: &Proxy, message: &Message, number: usize) -> Answers {
    let mut stream = TcpStream::connect(proxy.address()).expect("the proxy listens");
    stream.set_nodelay(true).unwrap();
    let mut sent = message.bytes.clone();
    sent.extend(format!("GET /open/{number:05} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").bytes());
    // The proxy may close the connection before it has read everything.
    let _ = stream.write_all(&sent);
    let mut received = Vec::new();
    stream.set_read_timeout(Some(QUIET)).unwrap();
    if stream.read_to_end(&mut received).is_err() {
        let _ = stream.write_all(&[b"x".repeat(8192), b"\r\n\r\n\r\n".to_vec()].concat());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.read_to_end(&mut received);
    }
    let _ = stream.shutdown(Shutdown::Both);
    answers(&received, &message.bytes)
}

/// Parses the responses, those to HEAD without a body.
fn answers(received: &[u8], sent: &[u8]) -> Answers {
    let mut answers = Answers::default();
    let mut reader = BufReader::new(received);
    while let Ok(Some(head)) = MessageHead::read(&mut reader) {
        let status = head
            .start
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status: u16 = status.unwrap_or_else(|| panic!("no status line: {:?}", head.start));
        if status < 200 {
            continue;
        }
        answers.statuses.push(status);
        let saw = head.header("x-saw").unwrap_or_default().to_owned();
        let is_head = if saw.is_empty() {
            answers.statuses.len() == 1 && sent.starts_with(b"HEAD ")
        } else {
            saw.starts_with("HEAD")
        };
        if !saw.is_empty() {
            answers.saw.push(saw);
        }
        if !is_head && head.read_body(&mut reader, true).is_err() {
            break;
        }
    }
    answers
}

/// Sends every message to one of three origins and collects the responses.
fn attack_with_all(proxies: &[Proxy], messages: &[Message]) -> Vec<Answers> {
    let next = AtomicUsize::new(0);
    let collected: Mutex<HashMap<usize, Answers>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..ATTACKERS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(message) = messages.get(number) else {
                        return;
                    };
                    let answers = attack(&proxies[number % proxies.len()], message, number);
                    collected.lock().unwrap().insert(number, answers);
                }
            });
        }
    });
    let mut collected = collected.into_inner().unwrap();
    (0..messages.len())
        .map(|number| collected.remove(&number).unwrap_or_default())
        .collect()
}

/// Returns the number of the message that a request line belongs to; none for an invalid line and for one of a hidden
/// path.
fn number_of(line: &str) -> Option<usize> {
    let words: Vec<&str> = line.split(' ').collect();
    let [method, target, "HTTP/1.1"] = words.as_slice() else {
        return None;
    };
    let of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_request = !method.is_empty() && method.bytes().all(of_token) && target.starts_with("/open");
    let path = target.split('?').next().filter(|_| is_request)?;
    let digits = path
        .as_bytes()
        .windows(5)
        .find(|digits| digits.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Returns the problems with what an origin recorded, in each way of reading.
fn problems(recorder: &Recorder, messages: &[Message], answers: &[usize]) -> Vec<String> {
    let mut problems = Vec::new();
    let name = |number: usize| messages.get(number).map_or("?", |message| &message.name);
    for way in FramingRule::ALL {
        let mut counts: HashMap<usize, usize> = HashMap::new();
        for bytes in recorder.recorded() {
            for line in way.read(&bytes).requests {
                match number_of(&line) {
                    Some(number) => *counts.entry(number).or_default() += 1,
                    None => problems.push(format!(
                        "read by {way:?}, an origin saw {line:?} in {:?}",
                        String::from_utf8_lossy(&bytes[..bytes.len().min(2000)])
                    )),
                }
            }
        }
        for (number, count) in counts {
            let answered = answers.get(number).copied().unwrap_or_default();
            if count > answered {
                problems.push(format!(
                    "read by {way:?}, an origin saw {count} requests of {} ({}), and {answered} were answered",
                    number,
                    name(number)
                ));
            }
        }
    }
    let lines = |way: FramingRule| -> Vec<Vec<String>> {
        let recorded = recorder.recorded();
        recorded.iter().map(|bytes| way.read(bytes).requests).collect()
    };
    let [first, second, third] = FramingRule::ALL.map(lines);
    if first != second || second != third {
        problems.push("the same bytes are different requests to different readers".to_owned());
    }
    problems
}

#[test]
fn no_origin_receives_a_smuggled_request() {
    let messages = messages::all();
    assert!(messages.len() >= 2_000, "only {} messages", messages.len());
    let recorders = FramingRule::ALL.map(Recorder::reading);
    let proxies: Vec<Proxy> = recorders
        .iter()
        .map(|recorder| proxy_before(recorder, ""))
        .collect();
    let answers = attack_with_all(&proxies, &messages);
    let counts: Vec<usize> = answers.iter().map(|answers| answers.statuses.len()).collect();
    let mut problems: Vec<String> = recorders
        .iter()
        .flat_map(|recorder| problems(recorder, &messages, &counts))
        .collect();
    for (number, answers) in answers.iter().enumerate() {
        for line in &answers.saw {
            if !line.contains(&format!("{number:05}")) {
                problems.push(format!(
                    "message {number} ({}) got the answer to {line}",
                    messages[number].name
                ));
            }
        }
        if answers.statuses.is_empty() {
            problems.push(format!(
                "message {number} ({}) got no answer",
                messages[number].name
            ));
        }
    }
    let forwarded: usize = answers.iter().map(|answers| answers.saw.len()).sum();
    let refused = answers
        .iter()
        .filter(|answers| answers.statuses.contains(&400))
        .count();
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems[..problems.len().min(20)].join("\n")
    );
    // Proves that the attack is effective: many messages are refused, and many reach an origin.
    assert!(
        forwarded > 500 && refused > 500,
        "{forwarded} forwarded, {refused} refused"
    );
    for recorder in &recorders {
        let recorded = recorder.recorded();
        let longest = recorded
            .iter()
            .map(|bytes| FramingRule::ExactChunked.read(bytes).complete)
            .max();
        assert!(longest >= Some(5), "connections to origins are kept: {longest:?}");
    }
}

/// Starts a proxy before this origin, with an open path and one that is closed for all.
fn proxy_before(recorder: &Recorder, listener: &str) -> Proxy {
    let builder = Proxy::builder();
    let builder = if listener.is_empty() {
        builder
    } else {
        builder.listening(listener)
    };
    builder
        .upstream_at("origin", &format!("\"{}\"", recorder.address()))
        .route("{ name: open, match: /open/**, upstream: origin }")
        .route("{ name: hidden, match: /hidden/**, auth: optional, gate: board, upstream: origin }")
        .start()
}
