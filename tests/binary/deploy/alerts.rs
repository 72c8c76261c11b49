//! The alert walk-through of docs/on-call.md with a real Prometheus and Alertmanager: an alert fires for the arm of one flag,
//! arrives at a receiver, and is resolved after the flag was killed. Meanwhile Prometheus is asked the queries of all
//! dashboards.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Client, Dice, Exchanges, Issuer, Request, Upstream, reply, response};
use tokens::Algorithm;

use super::{repository, tool};
use crate::gateway_document;
use crate::managed::post;
use crate::process::SluiceProcess;

/// The tenants, about half of which are admitted by a stage of 50 %.
const TENANTS: usize = 12;
/// The longest time from the first request to the alert, and from the kill to its end.
const ALERT_TIME: Duration = Duration::from_secs(150);
const PAGE: &str = "docs/on-call.md";
/// The key of the receiver of notifications.
const HOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A process of the monitoring. Dropping it ends it.
struct Monitor(Child);

impl Monitor {
    fn start(binary: &Path, folder: &Path, arguments: &[String]) -> Self {
        // Debian's Alertmanager reads its templates below /usr/share. It is unpacked and not installed, so it gets a mount
        // namespace of its own with that folder of the package.
        let share = repository("target/deploy-tools/debian/usr/share");
        let script = "mount --bind \"$1\" /usr/share && shift && exec \"$@\"";
        let process = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"])
            .arg(share)
            .arg(binary)
            .current_dir(folder)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join(binary.file_name().unwrap())).unwrap())
            .spawn();
        Self(process.unwrap())
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns an address that is free.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The old and the new board. One of eight requests to the new one fails.
fn board(is_new: bool) -> Upstream {
    let asked = AtomicU64::new(u64::from(is_new));
    Upstream::answering(move |_, stream| {
        let mut dice = Dice::new(asked.fetch_add(2, Ordering::Relaxed));
        thread::sleep(Duration::from_millis(2 + dice.below(8)));
        match is_new && dice.one_in(8) {
            true => reply(stream, &response(500, "Internal Server Error", "broken")),
            false => reply(stream, &response(200, "OK", "a board")),
        }
    })
}

/// A Sluice with a rollout in its first stage, and the monitoring that deploy/ describes.
struct Incident {
    folder: tempfile::TempDir,
    sluice: SluiceProcess,
    tokens: Vec<String>,
    /// The messages of Alertmanager.
    receiver: Upstream,
    prometheus: SocketAddr,
    alertmanager: SocketAddr,
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
    _monitors: Vec<Monitor>,
    _upstreams: Vec<Upstream>,
}

impl Incident {
    fn begin(prometheus: &Path, alertmanager: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let issuer = Issuer::new("https://login.example", Algorithm::Hs256, "k1");
        fs::write(folder.path().join("secret"), issuer.key_file()).unwrap();
        let (old, new, hook) = (board(false), board(true), Upstream::named("hook"));
        let config = format!(
            "{listeners}health: {{ address: '127.0.0.1:0' }}\nflags: {{ store: {{ sqlite: data }} }}\n{issuers}\
             upstreams: {{ old: '{old}', new: '{new}' }}\nroutes:\n  \
             - {{ name: board, match: /board, gate: board, upstream: new, otherwise: {{ upstream: old }} }}\n  \
             - {{ name: export, match: /export, gate: export, upstream: new, otherwise: {{ reject: 404 }} }}\n\
             unmatched: {{ upstream: old, auth: required }}\n\
             control: {{ promotion: {{ soak: 0s, ga: {{ tenants: 0, stable: 0s, revertible: optional }} }} }}\n\
             notify: [ {{ name: chat, webhook: 'http://{hook}/hook', secret: '${{HOOK_SECRET}}' }} ]\n\
             access_log: {{ output: off }}\n",
            listeners = gateway_document::LISTENERS,
            issuers = gateway_document::issuers(&issuer, "HS256", "secret_file: secret"),
            old = old.address(),
            new = new.address(),
            hook = hook.address(),
        );
        fs::write(folder.path().join("sluice.yaml"), config).unwrap();
        let variables = [("HOOK_SECRET", HOOK_SECRET)];
        let sluice = SluiceProcess::start_with(&variables, folder.path(), ["run"]);
        sluice.line("admin listening");
        let receiver = Upstream::named("receiver");
        let (on_prometheus, on_alertmanager) = (free_address(), free_address());
        let monitoring = tempfile_in(folder.path(), "monitoring");
        write_monitoring(&monitoring, sluice.health(), &receiver, on_alertmanager);
        let arguments = |list: &[&str], address: SocketAddr| -> Vec<String> {
            let listen = format!("--web.listen-address={address}");
            list.iter()
                .map(|argument| (*argument).to_owned())
                .chain([listen])
                .collect()
        };
        let monitors = vec![
            Monitor::start(
                alertmanager,
                &monitoring,
                &arguments(
                    &[
                        "--config.file=alertmanager.yaml",
                        "--storage.path=alerts",
                        "--cluster.listen-address=",
                    ],
                    on_alertmanager,
                ),
            ),
            Monitor::start(
                prometheus,
                &monitoring,
                &arguments(
                    &["--config.file=prometheus.yaml", "--storage.tsdb.path=data"],
                    on_prometheus,
                ),
            ),
        ];
        let tokens = (0..TENANTS)
            .map(|tenant| issuer.token(&format!("t{tenant}")))
            .collect();
        let mut incident = Self {
            folder,
            sluice,
            tokens,
            receiver,
            prometheus: on_prometheus,
            alertmanager: on_alertmanager,
            stop: Arc::default(),
            clients: Vec::new(),
            _monitors: monitors,
            _upstreams: vec![old, new, hook],
        };
        incident.start_plan();
        incident.start_clients();
        incident
    }

    /// Applies the flag, and starts a plan whose first stage admits half of the tenants.
    fn start_plan(&self) {
        let tenants = (0..TENANTS).map(|tenant| (format!("t{tenant}"), json!({})));
        let document = json!({
            "version": 1,
            "flags": { "board": { "lifecycle": "ga" }, "export": { "lifecycle": "ga", "default": "off" } },
            "tenants": tenants.collect::<serde_json::Map<_, _>>(),
        });
        let path = "/api/v1/platform/document?adopt=true&force=true&decision_maker=carla&incident=MIG-1&reason=a%20test";
        let put = |path: &str, body: &Value| {
            let request = Request::new("PUT", path)
                .host("localhost")
                .header("content-type", "application/json");
            let answer = Client::connect(self.sluice.admin()).ask(&request.with_body(body.to_string()));
            assert_eq!(answer.status, 200, "{}", answer.text());
        };
        put(path, &document);
        let plan = json!({
            "stages": [{ "name": "half", "percentage": 50, "for": "1h" }],
            "checks": [{ "name": "slow", "p95": { "above": "2s" }, "then": "pause" }],
            "breaker": { "errors": "90%", "requests": 50, "for": "15m", "dry_run": true },
        });
        put("/api/v1/platform/feature-flags/board/rollout/plan", &plan);
        let path = "/platform/feature-flags/board/rollout/start";
        let started = post(&mut Client::connect(self.sluice.admin()), path, &json!({}));
        assert_eq!(started.status, 200, "{}", started.text());
    }

    /// Every tenant requests the board, a page without a gate, and the export.
    fn start_clients(&mut self) {
        for token in &self.tokens {
            let requests =
                ["/board", "/other", "/export"].map(|path| Request::get(path).token(token).bytes());
            let (stop, address) = (Arc::clone(&self.stop), self.sluice.listener());
            self.clients.push(thread::spawn(move || {
                let mut exchanges = Exchanges::new(address);
                while !stop.load(Ordering::Relaxed) {
                    for request in &requests {
                        let _ = exchanges.ask("GET", request);
                    }
                    thread::sleep(Duration::from_millis(100));
                }
            }));
        }
    }

    /// Waits until the receiver has a message about the alert with this status.
    fn await_alert(&self, status: &str) -> Value {
        let since = Instant::now();
        loop {
            let messages = self.receiver.requests();
            let messages = messages
                .iter()
                .filter_map(|message| serde_json::from_slice::<Value>(&message.body).ok());
            let alerts =
                messages.flat_map(|message| message["alerts"].as_array().cloned().unwrap_or_default());
            let found = alerts
                .filter(|alert| alert["labels"]["alertname"] == "SluiceFlagErrors")
                .find(|alert| alert["status"] == status);
            if let Some(alert) = found {
                eprintln!("{status} after {:?}", since.elapsed());
                return alert;
            }
            assert!(
                since.elapsed() < ALERT_TIME,
                "no alert is {status}: {:?} {:?}",
                [
                    "up",
                    "ALERTS",
                    "sluice_flag_requests_total",
                    "sluice:flag_requests:rate1m"
                ]
                .map(|query| self.query(query)),
                self.printed_by_monitors()
            );
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn printed_by_monitors(&self) -> Vec<String> {
        let folder = self.folder.path().join("monitoring");
        let logs = ["prometheus", "prometheus-alertmanager"].map(|name| folder.join(name));
        logs.map(|path| fs::read_to_string(path).unwrap_or_default())
            .into()
    }

    /// Returns the id of a request that the gate of another flag refused.
    fn refused_request(&self) -> String {
        let request = Request::get("/export").token(&self.tokens[0]);
        let answer = Client::connect(self.sluice.listener()).ask(&request);
        assert_eq!(answer.status, 404, "{}", answer.text());
        answer.json()["request_id"].as_str().unwrap().to_owned()
    }

    /// Runs a command of the page, and returns its output with the addresses of the page.
    fn run(&self, command: &str, request_id: &str, tools: &[PathBuf]) -> String {
        let addresses = [
            ("127.0.0.1:9092", self.prometheus.to_string()),
            ("127.0.0.1:9093", self.alertmanager.to_string()),
        ];
        let mut command = command.to_owned();
        for (shown, real) in &addresses {
            command = command.replace(shown, real);
        }
        let binary = Path::new(env!("CARGO_BIN_EXE_sluice")).parent().unwrap();
        let mut path = std::env::var("PATH").unwrap();
        for folder in tools.iter().map(PathBuf::as_path).chain([binary]) {
            path = format!("{}:{path}", folder.display());
        }
        let output = Command::new("sh")
            .args(["-c", &format!("{command} 2>&1")])
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("NO_COLOR", "1")
            .env("TZ", "UTC")
            .env("SLUICE_SERVER", format!("http://{}", self.sluice.admin()))
            .env("REQUEST_ID", request_id)
            .output()
            .unwrap();
        let mut text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{command}: {text}");
        for (shown, real) in &addresses {
            text = text.replace(real, shown);
        }
        text
    }

    /// Fails unless the query of every panel of every dashboard has data.
    fn every_panel_has_data(&self) {
        let mut empty = Vec::new();
        for name in ["overview", "flag", "rollout", "fleet"] {
            let text = fs::read_to_string(repository(&format!("deploy/grafana/{name}.json"))).unwrap();
            let dashboard: Value = serde_json::from_str(&text).unwrap();
            for panel in dashboard["panels"].as_array().unwrap() {
                for target in panel["targets"].as_array().into_iter().flatten() {
                    let query = target["expr"].as_str().unwrap();
                    let query = query
                        .replace("$__rate_interval", "1m")
                        .replace("$__interval", "1m")
                        .replace("$job", ".*")
                        .replace("$flag", "board");
                    let found = self.query(&query);
                    assert_eq!(found["status"], "success", "{name}: {query}: {found}");
                    if found["data"]["result"].as_array().is_none_or(Vec::is_empty) {
                        empty.push(format!("{name}, {}: {query}", panel["title"]));
                    }
                }
            }
        }
        assert!(empty.is_empty(), "these panels are empty:\n{}", empty.join("\n"));
    }

    fn query(&self, query: &str) -> Value {
        let body = query
            .bytes()
            .map(|byte| format!("%{byte:02x}"))
            .collect::<String>();
        let request = Request::post("/api/v1/query", format!("query={body}"))
            .host("localhost")
            .header("content-type", "application/x-www-form-urlencoded");
        Client::connect(self.prometheus).ask(&request).json()
    }
}

impl Drop for Incident {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            let _ = client.join();
        }
    }
}

fn tempfile_in(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir(&path).unwrap();
    path
}

/// Writes the configurations of Prometheus and Alertmanager. The rules are those of deploy/, unchanged.
fn write_monitoring(folder: &Path, target: SocketAddr, receiver: &Upstream, alertmanager: SocketAddr) {
    fs::copy(
        repository("deploy/prometheus/rules.yaml"),
        folder.join("rules.yaml"),
    )
    .unwrap();
    let prometheus = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 15s }}\nrule_files: [rules.yaml]\n\
         scrape_configs:\n  - job_name: sluice\n    static_configs: [{{ targets: ['{target}'] }}]\n\
         alerting:\n  alertmanagers:\n    - static_configs: [{{ targets: ['{alertmanager}'] }}]\n"
    );
    fs::write(folder.join("prometheus.yaml"), prometheus).unwrap();
    let alerts = format!(
        "route: {{ receiver: pager, group_by: [alertname, flag], group_wait: 1s, group_interval: 1s }}\n\
         receivers:\n  - name: pager\n    webhook_configs: [{{ url: 'http://{}/alerts', send_resolved: true }}]\n",
        receiver.address()
    );
    fs::write(folder.join("alertmanager.yaml"), alerts).unwrap();
}

/// Replaces what differs between runs: numbers, ids, names of tenants, and the widths of columns with them.
fn masked(text: &str) -> String {
    let mask = |word: &str| -> String {
        // A request id, or the revision of a snapshot: `3-544ec95f0120`.
        let digits = word.rsplit('-').next().unwrap_or_default();
        let is_id = digits.len() >= 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id {
            return "ID".to_owned();
        }
        let mut masked = String::new();
        for letter in word.chars() {
            match letter {
                '0'..='9' if masked.ends_with('N') => {}
                '0'..='9' => masked.push('N'),
                '.' if masked.ends_with('N') => {}
                letter => masked.push(letter),
            }
        }
        masked
    };
    let lines = text
        .lines()
        .map(|line| line.split_whitespace().map(mask).collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn output_of_the_page_for_on_call_is_current() {
    let prometheus = tool(&["target/prometheus/usr/bin/prometheus", "/usr/bin/prometheus"]);
    let alertmanager = tool(&["target/deploy-tools/debian/usr/bin/prometheus-alertmanager"]);
    let (Some(prometheus), Some(alertmanager)) = (prometheus, alertmanager) else {
        return;
    };
    let tools = [&prometheus, &alertmanager].map(|binary| binary.parent().unwrap().to_owned());
    let incident = Incident::begin(&prometheus, &alertmanager);
    let alert = incident.await_alert("firing");
    assert_eq!(
        (
            &alert["labels"]["flag"],
            &alert["labels"]["arm"],
            &alert["labels"]["severity"]
        ),
        (&json!("board"), &json!("treatment"), &json!("page"))
    );
    incident.every_panel_has_data();
    let request_id = incident.refused_request();

    let page = fs::read_to_string(repository(PAGE)).unwrap();
    let mut written = String::new();
    let mut is_console = false;
    let mut is_killed = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_console = line == "```console";
        }
        match line.strip_prefix("$ ").filter(|_| is_console) {
            Some(command) => {
                // After the kill, the page shows the end of the alert.
                if is_killed && command.starts_with("amtool") {
                    incident.await_alert("resolved");
                }
                is_killed |= command.starts_with("sluice flags kill");
                written.push_str(&format!("{line}\n{}", incident.run(command, &request_id, &tools)));
            }
            // The former output.
            None if is_console && line != "```console" => {}
            None => written.push_str(&format!("{line}\n")),
        }
    }
    if std::env::var_os("SLUICE_DOCS").is_some_and(|value| value == "write") {
        fs::write(repository(PAGE), written).unwrap();
        return;
    }
    for (expected, found) in masked(&page).lines().zip(masked(&written).lines()) {
        assert_eq!(expected, found, "\nthe whole page would be:\n{written}");
    }
    assert_eq!(masked(&page), masked(&written));
}
