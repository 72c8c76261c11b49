//! The recipes are correct: each configuration passes `sluice check`, and each request of its table gets the answer
//! beside it, from a proxy with that configuration.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use testkit::{
    After, Client, H2Answer, H2Client, H2Upstream, Issuer, Recorded, Request, Upstream, eventually,
    now_seconds, reply, response,
};
use tokens::Algorithm;

use crate::documents::blocks;
use crate::process::{SluiceProcess, sluice};

const PAGE: &str = "docs/recipes.md";
const KEYS: &str = r#"{ jwks_url: "https://login.example/.well-known/jwks.json" }"#;

/// A section of the page.
struct Recipe {
    title: String,
    flags: String,
    config: String,
    /// The cells of each row: request and answer.
    rows: Vec<[String; 2]>,
}

/// A value between backquotes, with the last word before it.
type Value<'c> = (&'c str, &'c str);

/// An upstream of either protocol.
enum Origin {
    Http1(Upstream),
    Http2(H2Upstream),
}

/// The answer to a request.
struct Answer {
    status: u16,
    /// The head and the body, with header names in lower case.
    text: String,
}

/// A running recipe.
struct Kitchen {
    title: String,
    issuer: Issuer,
    token_cookie: bool,
    is_h2: bool,
    origins: BTreeMap<String, Origin>,
    sluice: SluiceProcess,
    _folder: tempfile::TempDir,
}

#[test]
fn every_recipe_answers_as_its_table_says() {
    let recipes = recipes();
    assert!(recipes.len() >= 12, "{} recipes", recipes.len());
    for recipe in recipes {
        assert!(!recipe.rows.is_empty(), "{} has no requests", recipe.title);
        let kitchen = Kitchen::start(&recipe);
        for row in &recipe.rows {
            kitchen.check(row);
        }
    }
}

#[test]
fn a_recipe_accepts_the_tokens_of_the_quick_start() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).unwrap();
    let (algorithm, keys) = ("algorithms: [HS256]", "keys: { secret_file: login.secret }");
    assert!(page.contains(&format!(
        "with `{algorithm}` instead of `[RS256]` and `{keys}` instead"
    )));
    let recipe = recipes().remove(0);
    let folder = tempfile::tempdir().unwrap();
    let config = recipe.config.replace("algorithms: [RS256]", algorithm);
    let config = config.replace(&format!("keys: {KEYS}"), keys);
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    fs::write(folder.path().join("flags.yaml"), recipe.flags).unwrap();
    fs::write(folder.path().join("login.secret"), "ab".repeat(32)).unwrap();
    for (tenant, code) in [("acme", 0), ("globex", 1)] {
        let command = format!(
            "token --key login.secret --alg HS256 --issuer https://login.example --audience my-api --tenant {tenant} \
             --tenant-claim org.id"
        );
        let token = sluice(folder.path(), command.split(' '), "");
        token.exits(0);
        let arguments = ["explain", "--token", token.stdout.trim(), "GET", "/api/v2/board"];
        sluice(folder.path(), arguments, "").exits(code);
    }
}

/// An nginx process, ended when it is dropped.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts nginx with the page's block in front of `sluice`. Returns none if nginx is not installed.
fn nginx(folder: &Path, block: &str, sluice: SocketAddr) -> Option<(Nginx, SocketAddr)> {
    let binary = ["/usr/sbin/nginx", "/usr/bin/nginx"]
        .into_iter()
        .find(|path| Path::new(path).exists())?;
    // nginx can't let the system choose a port.
    let place = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let block = block.replace("127.0.0.1:8080", &sluice.to_string());
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let paths = paths.map(|kind| format!("{kind}_temp_path {};", folder.join(kind).display()));
    let config = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr; events {{}}\n\
         http {{ access_log off; {} server {{ listen {place};\n{block} }} }}\n",
        paths.join(" ")
    );
    fs::write(folder.join("nginx.conf"), config).unwrap();
    let mut command = Command::new(binary);
    command
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(folder.join("nginx.conf"));
    let nginx = Nginx(command.stderr(Stdio::null()).spawn().unwrap());
    eventually("nginx to listen", || TcpStream::connect(place).ok());
    Some((nginx, place))
}

#[test]
fn the_block_for_nginx_works_where_nginx_is_installed() {
    let recipe = recipes()
        .into_iter()
        .find(|recipe| recipe.title == "Behind nginx")
        .unwrap();
    let kitchen = Kitchen::start(&recipe);
    let folder = tempfile::tempdir().unwrap();
    let block = blocks(PAGE, "nginx").remove(0);
    let Some((_nginx, place)) = nginx(folder.path(), &block, kitchen.sluice.listener()) else {
        return;
    };
    let api = &kitchen.origins["api"];
    let ask = |cell: &str| Client::connect(place).ask(&kitchen.request(cell));
    let forwarded =
        "`GET //about` as `acme` with `X-Forwarded-For: 192.0.2.9` and `X-Forwarded-Proto: https`";
    assert_eq!(ask(forwarded).status, 200);
    assert_eq!(api.header("x-tenant-id").as_deref(), Some("acme"));
    // nginx appends its client, which is on loopback here: a trusted proxy too.
    assert_eq!(
        api.header("x-forwarded-for").as_deref(),
        Some("192.0.2.9, 127.0.0.1, 127.0.0.1")
    );
    assert_eq!(api.header("x-forwarded-proto").as_deref(), Some("http"));
    assert_eq!(api.header("x-forwarded-host").as_deref(), Some("test"));
    assert_eq!(ask("`GET /api/v2/board` as `globex`").status, 404);
    let mut socket = Client::connect(place);
    let upgrade = "`GET /live` as `acme` with `Connection: Upgrade` and `Upgrade: websocket`";
    assert_eq!(socket.send(kitchen.request(upgrade).bytes()).head().0, 101);
}

fn recipes() -> Vec<Recipe> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).unwrap();
    let mut sections = page.split("\n## ");
    let shared = yaml(sections.next().unwrap()).remove(0);
    sections
        .map(|section| {
            let mut documents = yaml(section);
            let rows = section.lines().filter(|line| line.starts_with("| `"));
            Recipe {
                title: section.lines().next().unwrap().to_owned(),
                config: documents.pop().unwrap(),
                flags: documents.pop().unwrap_or_else(|| shared.clone()),
                rows: rows.map(cells).collect(),
            }
        })
        .collect()
}

fn yaml(section: &str) -> Vec<String> {
    let blocks = section.split("```yaml\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

fn cells(row: &str) -> [String; 2] {
    let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
    [cells[0].to_owned(), cells[1].to_owned()]
}

/// Returns the values of a cell, each with the word that says what it is. After `and` it is the previous one.
fn values(cell: &str) -> Vec<Value<'_>> {
    let parts: Vec<&str> = cell.split('`').collect();
    let (mut values, mut kind) = (Vec::new(), "");
    for pair in parts.chunks_exact(2) {
        let word = pair[0].split_whitespace().next_back().unwrap_or_default();
        match word {
            "and" if kind == "no" => kind = "sees",
            "and" => {}
            word => kind = word,
        }
        values.push((kind, pair[1]));
    }
    values
}

fn switch_or_answer(request: &Recorded, stream: &mut TcpStream) -> After {
    if request.header("upgrade").is_none() {
        return reply(stream, &response(200, "OK", "an answer"));
    }
    let switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    reply(stream, switched);
    After::Close
}

impl Origin {
    fn start(is_h2: bool) -> Self {
        if is_h2 {
            Self::Http2(H2Upstream::answering(|_| H2Answer::grpc(&[b"an answer"], "0")))
        } else {
            Self::Http1(Upstream::answering(switch_or_answer))
        }
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Http1(upstream) => upstream.address(),
            Self::Http2(upstream) => upstream.address(),
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Http1(upstream) => upstream.count(),
            Self::Http2(upstream) => upstream.requests().len(),
        }
    }

    /// Returns a header of the latest request.
    fn header(&self, name: &str) -> Option<String> {
        match self {
            Self::Http1(upstream) => upstream.last().header(name).map(str::to_owned),
            Self::Http2(upstream) => upstream.requests().pop().unwrap().header(name).map(str::to_owned),
        }
    }
}

impl Kitchen {
    fn start(recipe: &Recipe) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let issuer = Issuer::new("https://login.example", Algorithm::Rs256, "key");
        let write = |name: &str, text: &[u8]| fs::write(folder.path().join(name), text).unwrap();
        write("flags.yaml", recipe.flags.as_bytes());
        write("key.pem", issuer.key_file());
        // The configuration as it is on the page.
        write("sluice.yaml", recipe.config.as_bytes());
        let checked = sluice(folder.path(), ["check"], "").for_case(&recipe.title);
        checked.exits(0);
        // An API without a gate beside one with a gate is the purpose of some recipes.
        let warnings = checked.stderr.matches("warning[").count();
        let expected = checked.stderr.matches("warning[ungated-route]").count();
        assert_eq!(warnings, expected, "{checked}");
        // With free ports, a key of the test, and loopback as the network of proxies.
        let mut config = recipe.config.replace(KEYS, "{ pem_file: key.pem }");
        assert!(!config.contains("jwks_url"), "{}", recipe.title);
        config = config.replace("10.0.0.0/16", "127.0.0.0/8");
        config = config
            .replace("127.0.0.1:8080", "127.0.0.1:0")
            .replace("0.0.0.0:8080", "127.0.0.1:0");
        config.push_str("admin: { address: '127.0.0.1:0' }\n");
        let mut origins = BTreeMap::new();
        for port in ["8081", "8082"] {
            let place = format!("127.0.0.1:{port}");
            let Some(at) = config.find(&place) else { continue };
            // `NAME: HOST:PORT` or `NAME: { endpoints: [HOST:PORT]`.
            let mut words = config[..at].split(|c: char| !c.is_alphanumeric());
            let name = words.rfind(|word| !["", "endpoints"].contains(word));
            let name = name.unwrap().to_owned();
            let origin = Origin::start(config.contains("protocol: http2"));
            config = config.replace(&place, &origin.address().to_string());
            origins.insert(name, origin);
        }
        write("sluice.yaml", config.as_bytes());
        Self {
            title: recipe.title.clone(),
            issuer,
            token_cookie: config.contains("token: { cookie: session }"),
            is_h2: config.contains("h2c: true"),
            origins,
            sluice: SluiceProcess::start(folder.path(), ["run"]),
            _folder: folder,
        }
    }

    fn token(&self, tenant: &str) -> String {
        let now = now_seconds();
        self.issuer.sign(&json!({
            "iss": self.issuer.name(), "aud": "my-api", "iat": now, "exp": now + 600, "org": { "id": tenant },
        }))
    }

    fn request(&self, cell: &str) -> Request {
        let mut values = values(cell).into_iter();
        let (method, target) = values.next().unwrap().1.split_once(' ').unwrap();
        values.fold(Request::new(method, target), |request, value| match value {
            ("as", tenant) if self.token_cookie => {
                request.header("Cookie", &format!("session={}", self.token(tenant)))
            }
            ("as", tenant) => request.token(&self.token(tenant)),
            ("with", header) => {
                let (name, value) = header.split_once(": ").unwrap();
                request.header(name, value)
            }
            other => panic!("{}: {other:?} in {cell}", self.title),
        })
    }

    fn ask(&self, request: &Request) -> Answer {
        if self.is_h2 {
            let answer = H2Client::connect(self.sluice.listener()).ask(request);
            let head = answer.headers.iter();
            let head: String = head
                .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
                .collect();
            return Answer {
                status: answer.status,
                text: head,
            };
        }
        let mut client = Client::connect(self.sluice.listener());
        client.send(request.bytes());
        let (status, head) = client.head();
        let body = match status {
            101 => Vec::new(),
            _ => {
                let length = head.header("content-length").unwrap().parse().unwrap();
                client.bytes(length)
            }
        };
        let lines = head.headers.iter();
        let lines: String = lines
            .map(|(name, value)| format!("{}: {value}\n", name.to_lowercase()))
            .collect();
        Answer {
            status,
            text: lines + &String::from_utf8(body).unwrap(),
        }
    }

    /// Sends the request of a row and compares the answer.
    fn check(&self, [request, expected]: &[String; 2]) {
        let place = format!("{}: {request}", self.title);
        let counts = || {
            self.origins
                .iter()
                .map(|(name, origin)| (name.clone(), origin.count()))
        };
        let before: Vec<_> = counts().collect();
        let answer = self.ask(&self.request(request));
        let asked = counts().zip(before).find(|(now, before)| now != before);
        let asked = asked.map(|((name, _), _)| name);
        let status = expected.split(' ').next().unwrap();
        assert_eq!(answer.status.to_string(), status, "{place}\n{}", answer.text);
        let expected = values(expected);
        let from = expected
            .iter()
            .find(|(kind, _)| *kind == "from")
            .map(|(_, name)| *name);
        assert_eq!(asked.as_deref(), from, "{place}\n{}", answer.text);
        let seen = |name: &str| self.origins[from.unwrap()].header(name);
        for (kind, value) in expected {
            let (name, text) = value.split_once(": ").unwrap_or((value, ""));
            match kind {
                "from" => {}
                "sees" => assert_eq!(seen(name).as_deref(), Some(text), "{place}: {name}"),
                "no" => assert_eq!(seen(name), None, "{place}: {name}"),
                "with" if value.starts_with('"') => {
                    assert!(answer.text.contains(value), "{place}\n{}", answer.text)
                }
                "with" => {
                    let line = format!("{}: {text}\n", name.to_lowercase());
                    assert!(answer.text.contains(&line), "{place}: no {line}{}", answer.text);
                }
                "without" => {
                    let header = format!("{}:", value.to_lowercase());
                    assert!(!answer.text.contains(&header), "{place}\n{}", answer.text);
                }
                other => panic!("{place}: {other}"),
            }
        }
    }
}
