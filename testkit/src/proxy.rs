//! A whole proxy in this process: its documents in a folder of their own, every port chosen by the system.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use config::{Catalog, Files, FlagsDocument};
use proxy::{
    AccessLogFormat, AccessLogOutput, FetchTiming, Probe, Published, Running, StartOptions, Stopped,
};
use rules::Snapshot;
use serde_json::Value;
use tempfile::TempDir;
use tokens::Algorithm;

use crate::certificates::{CertificatePair, TlsClient};
use crate::client::{Client, Request, Response};
use crate::eventually;
use crate::flags::FLAGS;
use crate::key_server::KeyServer;
use crate::tokens::{AUDIENCE, Issuer};
use crate::upstream::Upstream;

/// The name of the default issuer of test proxies.
const ISSUER: &str = "https://login.test";

/// A proxy that runs until it is dropped.
pub struct Proxy {
    running: Option<Running>,
    folder: TempDir,
    issuer: Issuer,
    log: LogLines,
}

/// The documents and options of a proxy under construction.
pub struct ProxyBuilder {
    upstreams: String,
    routes: String,
    listeners: String,
    public: String,
    issuers: String,
    rest: String,
    flags: String,
    files: Vec<(String, Vec<u8>)>,
    admin: bool,
    issuer: Issuer,
    fetch_timing: FetchTiming,
    probe: Option<Probe>,
}

/// Lines of the access log.
#[derive(Clone, Default)]
struct LogLines(Arc<Mutex<Vec<u8>>>);

impl LogLines {
    fn parse(&self) -> Vec<Value> {
        let bytes = self.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl std::io::Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Proxy {
    /// Creates a builder with the issuer of [`Proxy::token`] and [`FLAGS`]; upstreams and routes are to be
    /// added.
    #[must_use]
    pub fn builder() -> ProxyBuilder {
        ProxyBuilder {
            upstreams: String::new(),
            routes: String::new(),
            listeners: String::new(),
            public: String::new(),
            issuers: String::new(),
            rest: String::new(),
            flags: format!("version: 1\n{FLAGS}"),
            files: Vec::new(),
            admin: false,
            issuer: Issuer::new(ISSUER, Algorithm::Hs256, "test"),
            fetch_timing: FetchTiming::default(),
            probe: None,
        }
    }

    /// Creates a builder with one upstream, `api`, and a route that forwards everything to it.
    #[must_use]
    pub fn to(upstream: &str) -> ProxyBuilder {
        Self::builder()
            .upstream_at("api", upstream)
            .route("{ name: api, match: /**, upstream: api }")
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.running().listeners()[0].address
    }

    /// Returns the running proxy.
    #[must_use]
    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("it was not stopped")
    }

    /// Returns the folder of its documents.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns its default issuer.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Signs a valid token for a tenant.
    #[must_use]
    pub fn token(&self, tenant: &str) -> String {
        self.issuer.token(tenant)
    }

    /// Opens a connection over TLS.
    #[must_use]
    pub fn connect_tls(&self, tls: &TlsClient) -> Client {
        Client::connect_tls(self.address(), tls)
    }

    /// Opens a connection.
    #[must_use]
    pub fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// Sends a request on a new connection and returns the answer.
    pub fn ask(&self, request: &Request) -> Response {
        self.connect().ask(request)
    }

    /// Creates a `GET` request with a token of `tenant`; without a token if `tenant` is empty.
    #[must_use]
    pub fn request(&self, target: &str, tenant: &str) -> Request {
        let request = Request::get(target);
        if tenant.is_empty() {
            request
        } else {
            request.token(&self.token(tenant))
        }
    }

    /// Sends a `GET` request on a new connection and returns the answer.
    pub fn get(&self, target: &str, tenant: &str) -> Response {
        self.ask(&self.request(target, tenant))
    }

    /// Sends a `GET` request to the admin listener and returns the answer.
    #[must_use]
    pub fn admin(&self, target: &str) -> Response {
        Client::connect(self.running().admin().expect("it has an admin listener"))
            .ask(&Request::get_admin(target))
    }

    /// Returns the value of a metric, by its name and labels as rendered; 0 if it is missing.
    #[must_use]
    pub fn metric(&self, series: &str) -> f64 {
        let page = self.running().metrics().render().unwrap();
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until a metric has this value. A request without an answer is counted after the client has given
    /// up.
    #[track_caller]
    pub fn await_metric(&self, series: &str, value: f64) {
        eventually(&format!("{series} to be {value}"), || {
            (self.metric(series) == value).then_some(())
        });
    }

    /// Waits for as many lines of the access log, and gives them. A line is written after its answer, so that
    /// only the lines of one connection are sure to be in the order of the requests.
    #[must_use]
    pub fn log(&self, count: usize) -> Vec<Value> {
        let lines = eventually("lines in the access log", || {
            let lines = self.log.parse();
            (lines.len() >= count).then_some(lines)
        });
        assert_eq!(lines.len(), count, "lines in the access log: {lines:#?}");
        lines
    }

    /// Changes a document and serves it.
    pub fn reload(&self, file: &str, from: &str, to: &str) -> Published {
        self.try_reload(file, from, to)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Serves the documents as they are now.
    ///
    /// # Errors
    /// The message of the refused document.
    pub fn try_reread(&self) -> Result<Published, String> {
        let loaded = config::load(&self.folder().join("sluice.yaml"), &|name| {
            std::env::var(name).ok()
        });
        let loaded = loaded.map_err(|report| report.to_string())?;
        self.running()
            .publisher()
            .publish(&loaded)
            .map_err(|error| error.to_string())
    }

    /// Changes a document and serves it.
    ///
    /// # Errors
    /// The message of the refused document.
    pub fn try_reload(&self, file: &str, from: &str, to: &str) -> Result<Published, String> {
        let path = self.folder().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}:\n{text}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let loaded = load(&self.folder().join("sluice.yaml"));
        self.running()
            .publisher()
            .publish(&loaded)
            .map_err(|error| error.to_string())
    }

    /// Serves other flags, as a control plane publishes them: `yaml` is a flags document without its version, and may have
    /// stages in force. It has the flags of the document before.
    pub fn publish_flags(&self, yaml: &str) {
        let text = format!("version: 1\n{yaml}\n").into_bytes();
        let files = Files::Memory([("flags.yaml".into(), text)].into());
        let document = FlagsDocument::read_stored(files, Path::new("flags.yaml"));
        let document = document.unwrap_or_else(|report| panic!("{report}"));
        let publisher = self.running().publisher();
        let served = Arc::clone(publisher.decider().snapshot());
        let catalog = Catalog::new(served.flags.eligibility(), document);
        let catalog = catalog.unwrap_or_else(|report| panic!("{report}"));
        let compiled = catalog.compiled();
        for (id, flag) in served.flags.iter() {
            assert_eq!(compiled.flags.id(flag.key().as_str()), Some(id), "{}", flag.key());
        }
        let snapshot = Snapshot {
            flags: Arc::clone(&compiled.flags),
            tenants: Arc::clone(&compiled.tenants),
            ..Snapshot::clone(&served)
        };
        publisher.publish_flags(Arc::new(snapshot)).unwrap();
    }

    /// Ends it as a signal would.
    pub fn stop(mut self) -> Stopped {
        self.running.take().expect("it was not stopped").stop()
    }

    /// Ends it as a signal would, and returns its whole access log.
    #[must_use]
    pub fn stop_and_log(mut self) -> (Stopped, Vec<Value>) {
        let stopped = self.running.take().expect("it was not stopped").stop();
        (stopped, self.log.parse())
    }
}

impl ProxyBuilder {
    /// Adds an upstream.
    #[must_use]
    pub fn upstream(self, name: &str, upstream: &Upstream) -> Self {
        self.upstream_at(name, &format!("\"{}\"", upstream.address()))
    }

    /// Adds an upstream as it is written in the document.
    #[must_use]
    pub fn upstream_at(mut self, name: &str, yaml: &str) -> Self {
        writeln!(self.upstreams, "  {name}: {yaml}").unwrap();
        self
    }

    /// Adds a route, as a YAML mapping on one line.
    #[must_use]
    pub fn route(mut self, yaml: &str) -> Self {
        writeln!(self.routes, "  - {yaml}").unwrap();
        self
    }

    /// Adds fields to the listener that every proxy has, such as `limits: { head_timeout: 1s }`.
    #[must_use]
    pub fn listening(mut self, yaml: &str) -> Self {
        write!(self.public, ", {yaml}").unwrap();
        self
    }

    /// Adds a listener to the one that every proxy has.
    #[must_use]
    pub fn listener(mut self, name: &str, address: &str) -> Self {
        writeln!(self.listeners, "  - {{ name: {name}, address: \"{address}\" }}").unwrap();
        self
    }

    /// Adds a certificate and its key beside the documents, as `NAME.pem` and `NAME.key`.
    #[must_use]
    pub fn pair(self, name: &str, pair: &CertificatePair) -> Self {
        self.file(&format!("{name}.pem"), pair.cert.as_bytes())
            .file(&format!("{name}.key"), pair.key.as_bytes())
    }

    /// Adds an issuer with its keys in a file or, where `keys` is given, at that server.
    #[must_use]
    pub fn issuer(mut self, issuer: &Issuer, algorithm: Algorithm, keys: Option<&KeyServer>) -> Self {
        let keys = match keys {
            Some(server) => format!("jwks_url: \"{}\"", server.url()),
            None => {
                let file = format!("key-{}", self.files.len());
                self.files.push((file.clone(), issuer.key_file().to_vec()));
                let kind = if algorithm.is_symmetric() {
                    "secret_file"
                } else {
                    "pem_file"
                };
                format!("{kind}: {file}")
            }
        };
        self.issuer_by(issuer, algorithm, &keys)
    }

    /// Believes this issuer as well, by keys from this source: the fields of `keys` in YAML.
    #[must_use]
    pub fn issuer_by(mut self, issuer: &Issuer, algorithm: Algorithm, keys: &str) -> Self {
        let name = issuer.name();
        writeln!(
            self.issuers,
            "  - {{ issuer: \"{name}\", audiences: [{AUDIENCE}], algorithms: [{algorithm}], keys: {{ {keys} }}, \
             claims: {{ tenant: tenant, groups: groups, attributes: {{ plan: plan }} }} }}"
        )
        .unwrap();
        self
    }

    /// Adds to the document, as YAML from its first column.
    #[must_use]
    pub fn with(mut self, yaml: &str) -> Self {
        writeln!(self.rest, "{yaml}").unwrap();
        self
    }

    /// Sets the flags document, without its version, instead of [`FLAGS`].
    #[must_use]
    pub fn flags(mut self, yaml: &str) -> Self {
        self.flags = format!("version: 1\n{yaml}\n");
        self
    }

    /// Adds a file beside the documents.
    #[must_use]
    pub fn file(mut self, name: &str, bytes: &[u8]) -> Self {
        self.files.push((name.to_owned(), bytes.to_vec()));
        self
    }

    /// Gives it an admin listener.
    #[must_use]
    pub fn admin(mut self) -> Self {
        self.admin = true;
        self
    }

    /// Fetches keys with another timing.
    #[must_use]
    pub fn fetch_timing(mut self, timing: FetchTiming) -> Self {
        self.fetch_timing = timing;
        self
    }

    /// Calls `probe` on the way of every request.
    #[must_use]
    pub fn probe(mut self, probe: Probe) -> Self {
        self.probe = Some(probe);
        self
    }

    /// Starts it; a document that is refused is the test's mistake.
    #[must_use]
    pub fn start(self) -> Proxy {
        self.try_start().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts the proxy.
    ///
    /// # Errors
    /// The message of the failure.
    pub fn try_start(mut self) -> Result<Proxy, String> {
        if self.issuers.is_empty() {
            let issuer = std::mem::replace(&mut self.issuer, Issuer::new(ISSUER, Algorithm::Hs256, "test"));
            self = self.issuer(&issuer, Algorithm::Hs256, None);
        }
        let folder = TempDir::new().unwrap();
        for (name, bytes) in &self.files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        std::fs::write(folder.path().join("flags.yaml"), &self.flags).unwrap();
        let document = folder.path().join("sluice.yaml");
        std::fs::write(&document, self.document()).unwrap();
        let log = LogLines::default();
        let options = StartOptions {
            access_log: Some((
                AccessLogOutput::Writer(Box::new(log.clone())),
                AccessLogFormat::Json,
            )),
            fetch_timing: self.fetch_timing,
            probe: self.probe,
            ..StartOptions::default()
        };
        let running = proxy::start(&load(&document), options).map_err(|error| error.to_string())?;
        Ok(Proxy {
            running: Some(running),
            folder,
            issuer: self.issuer,
            log,
        })
    }

    fn document(&self) -> String {
        let admin = if self.admin {
            "{ address: \"127.0.0.1:0\" }"
        } else {
            "off"
        };
        let mut document = format!(
            "version: 1\nlisteners:\n  - {{ name: public, address: \"127.0.0.1:0\"{} }}\n{}admin: {admin}\n\
             flags: {{ file: flags.yaml }}\nthreads: 2\n",
            self.public, self.listeners
        );
        for (name, entries) in [
            ("issuers", &self.issuers),
            ("upstreams", &self.upstreams),
            ("routes", &self.routes),
        ] {
            if !entries.is_empty() {
                write!(document, "{name}:\n{entries}").unwrap();
            }
        }
        document + &self.rest
    }
}

fn load(document: &Path) -> config::LoadedConfig {
    config::load(document, &|name| std::env::var(name).ok()).unwrap_or_else(|report| panic!("{report}"))
}
