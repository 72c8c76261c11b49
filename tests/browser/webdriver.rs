//! The WebDriver of Chromium: one process for all tests, and sessions of it, each with a Chromium of its own.
//!
//! Commands and their answers are JSON over HTTP (W3C WebDriver), sent by testkit's client.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Client, Request};

/// Command line of Chromium. The last ones make screenshots repeatable, and names of other hosts unresolvable: a page
/// that requests one can't depend on the answer.
const ARGUMENTS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-lcd-text",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--lang=en-US",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];

static SHARED: OnceLock<WebDriver> = OnceLock::new();

/// The process of the WebDriver. It ends with the process of the tests, however that ends.
struct WebDriver {
    address: SocketAddr,
    /// Holds the standard input of the shell: its end is the sign that the tests have ended.
    _shell: Child,
    _output: BufReader<ChildStdout>,
}

/// A session: one Chromium with a fresh profile. Dropping it ends that Chromium.
pub(crate) struct Session {
    path: String,
    address: SocketAddr,
    process_id: u64,
    _profile: TempDir,
}

/// Returns the folder that `scripts/install-chromium` has filled; none if it has not.
pub(crate) fn installed() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/chromium");
    folder.join("complete").exists().then_some(folder)
}

impl WebDriver {
    fn start(folder: &Path) -> Self {
        // The processes of Chromium are children of the WebDriver and outlive it if it is killed. The shell therefore
        // ends its whole process group when its standard input ends, which also happens when the tests are killed.
        let mut shell = Command::new("sh")
            .args(["-c", "\"$0\" --port=0 & read -r line; kill -9 -$$"])
            .arg(folder.join("chromedriver"))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(shell.stdout.take().unwrap());
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the WebDriver ended");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim().trim_end_matches('.').parse().unwrap();
            }
        };
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            _shell: shell,
            _output: output,
        }
    }
}

impl Session {
    /// Starts a Chromium of the installation in `folder`.
    pub(crate) fn start(folder: &Path) -> Self {
        let address = SHARED.get_or_init(|| WebDriver::start(folder)).address;
        let profile = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(|&argument| argument.to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let capabilities = json!({
            "acceptInsecureCerts": true,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": {
                "binary": folder.join("usr/lib/chromium/chromium"),
                "args": arguments,
            },
        });
        let body = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let session = ask(address, "POST", "/session", &body).unwrap_or_else(|error| panic!("{error}"));
        let id = session["sessionId"].as_str().unwrap();
        Self {
            path: format!("/session/{id}"),
            address,
            process_id: session["capabilities"]["goog:processID"].as_u64().unwrap(),
            _profile: profile,
        }
    }

    /// Returns the id of the main process of Chromium.
    pub(crate) fn process_id(&self) -> u64 {
        self.process_id
    }

    /// Sends a command and returns the value of its answer, or the text of its error.
    pub(crate) fn try_command(&self, method: &str, command: &str, body: &Value) -> Result<Value, String> {
        ask(self.address, method, &format!("{}/{command}", self.path), body)
    }

    /// Sends a command that must succeed.
    #[track_caller]
    pub(crate) fn command(&self, method: &str, command: &str, body: &Value) -> Value {
        let answer = self.try_command(method, command, body);
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Sends a command of the Chrome `DevTools` Protocol, which must succeed.
    #[track_caller]
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        let answer = self.try_command("POST", "goog/cdp/execute", &body);
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Not by testkit's client: a panic here, while a test panics, would abort all tests.
        let request = format!(
            "DELETE {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            self.path
        );
        if let Ok(mut stream) = TcpStream::connect(self.address) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = stream.write_all(request.as_bytes());
            let _ = stream.read(&mut [0; 512]);
        }
    }
}

fn ask(address: SocketAddr, method: &str, path: &str, body: &Value) -> Result<Value, String> {
    let mut request = Request::new(method, path).host("localhost");
    if method == "POST" {
        request = request.with_body(body.to_string());
    }
    let answer = Client::connect(address).ask(&request);
    let mut answered = answer.json();
    let value = answered["value"].take();
    match answer.status {
        200 => Ok(value),
        _ => Err(format!("{}: {}", value["error"], value["message"])),
    }
}

#[test]
fn the_webdriver_ends_with_the_process_of_the_tests() {
    let Some(folder) = installed() else { return };
    let driver = WebDriver::start(&folder);
    let address = driver.address;
    assert!(TcpStream::connect(address).is_ok());
    // The end of the process of the tests closes its pipes, as this does.
    drop(driver);
    testkit::eventually("the end of the WebDriver", || {
        TcpStream::connect(address).is_err().then_some(())
    });
}
