//! The WebDriver of Chromium: one process for all tests, and sessions of it, each with a Chromium of its own.
//!
//! The library thirtyfour speaks the protocol. Its functions are asynchronous; tests wait for them with [`done`].

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, OnceLock};

use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;
use testkit::PATIENCE;
use thirtyfour::common::command::FormatRequestData;
use thirtyfour::prelude::{
    BrowserCapabilitiesHelper as _, CapabilitiesHelper as _, ChromiumLikeCapabilities as _,
    DesiredCapabilities, WebDriver, WebDriverResult,
};
use thirtyfour::{ChromeCapabilities, LoggingPrefsLogLevel, RequestData, SessionId};
use tokio::runtime::{Builder, Runtime};

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

static SHARED: OnceLock<Chromedriver> = OnceLock::new();

/// Tests wait in threads of their own, so that connections need a thread that drives them.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut runtime = Builder::new_multi_thread();
    runtime.worker_threads(1).enable_all().build().unwrap()
});

/// The process of the WebDriver. It ends with the process of the tests, however that ends.
struct Chromedriver {
    address: SocketAddr,
    client: reqwest::Client,
    /// Holds the standard input of the shell: its end is the sign that the tests have ended.
    _shell: Child,
    _output: BufReader<ChildStdout>,
}

/// A session: one Chromium with a fresh profile. Dropping it ends that Chromium.
pub(crate) struct Session {
    pub(crate) driver: WebDriver,
    _profile: TempDir,
}

/// A command that the library has no function for: method, path below the session, and the body of a POST.
#[derive(Debug)]
struct OtherCommand<'a>(Method, &'a str, &'a Value);

impl FormatRequestData for OtherCommand<'_> {
    fn format_request(&self, session: &SessionId) -> RequestData {
        let Self(method, path, body) = self;
        let request = RequestData::new(method.clone(), format!("session/{session}/{path}"));
        match *method {
            Method::POST => request.add_body((*body).clone()),
            _ => request,
        }
    }
}

/// Returns the folder that `scripts/install-chromium` has filled; none if it has not.
pub(crate) fn installed() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/chromium");
    folder.join("complete").exists().then_some(folder)
}

/// Waits for a command, and returns its answer or its error.
pub(crate) fn answer<T>(command: impl Future<Output = WebDriverResult<T>>) -> WebDriverResult<T> {
    RUNTIME.block_on(command)
}

/// Waits for a command that must succeed, and returns its answer.
#[track_caller]
pub(crate) fn done<T>(command: impl Future<Output = WebDriverResult<T>>) -> T {
    answer(command).unwrap_or_else(|error| panic!("{error}"))
}

impl Chromedriver {
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
        // The features of reqwest in this workspace want a provider for TLS, which loopback does not use.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE * 3);
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            client: client.build().unwrap(),
            _shell: shell,
            _output: output,
        }
    }
}

fn capabilities(folder: &Path, profile: &Path) -> WebDriverResult<ChromeCapabilities> {
    let mut capabilities = DesiredCapabilities::chrome();
    capabilities.accept_insecure_certs(true)?;
    for log in ["browser", "performance"] {
        capabilities.set_logging_prefs(log, LoggingPrefsLogLevel::All)?;
    }
    capabilities.set_browser_option("binary", folder.join("usr/lib/chromium/chromium"))?;
    for argument in ARGUMENTS {
        capabilities.add_arg(argument)?;
    }
    capabilities.add_arg(&format!("--user-data-dir={}", profile.display()))?;
    Ok(capabilities)
}

impl Session {
    /// Starts a Chromium of the installation in `folder`.
    pub(crate) fn start(folder: &Path) -> Self {
        let shared = SHARED.get_or_init(|| Chromedriver::start(folder));
        let profile = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let capabilities = capabilities(folder, profile.path()).unwrap();
        let driver = WebDriver::builder(format!("http://{}", shared.address), capabilities);
        Self {
            driver: done(driver.client(shared.client.clone()).connect()),
            _profile: profile,
        }
    }

    /// Returns the id of the main process of Chromium.
    pub(crate) fn process_id(&self) -> u64 {
        let id = self.driver.capabilities().get("goog:processID").unwrap();
        id.as_u64().unwrap()
    }

    /// Sends a command that the library has no function for, which must succeed.
    #[track_caller]
    pub(crate) fn command(&self, method: &str, command: &str, body: &Value) -> Value {
        let command = OtherCommand(method.parse().unwrap(), command, body);
        done(async { self.driver.cmd(command).await?.value_json() })
    }

    /// Sends a command of the Chrome `DevTools` Protocol, which must succeed.
    #[track_caller]
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        done(self.driver.cdp().send_raw(command, parameters))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // An error is ignored: a panic here, while a test panics, would abort all tests.
        let _ = answer(self.driver.clone().quit());
    }
}

#[test]
fn the_webdriver_ends_with_the_process_of_the_tests() {
    let Some(folder) = installed() else { return };
    let driver = Chromedriver::start(&folder);
    let address = driver.address;
    assert!(TcpStream::connect(address).is_ok());
    // The end of the process of the tests closes its pipes, as this does.
    drop(driver);
    testkit::eventually("the end of the WebDriver", || {
        TcpStream::connect(address).is_err().then_some(())
    });
}
