//! A rollout plan with a metric in a real Prometheus, on the built binary.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Client, Request, Upstream, eventually, reply, response};

use crate::managed::{get, post};
use crate::managed_server::ManagedServer;

/// A Prometheus that scrapes a target every second. Dropping it ends it.
struct RealPrometheus {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

/// Returns the path of the binary that `scripts/install-prometheus` unpacks, or that of the system.
fn binary() -> Option<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/prometheus/usr/bin/prometheus");
    let system = PathBuf::from("/usr/bin/prometheus");
    [unpacked, system].into_iter().find(|path| path.exists())
}

impl RealPrometheus {
    fn start(binary: &Path, target: &Upstream) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs:\n- job_name: board\n  static_configs:\n  \
             - targets: ['{}']\n",
            target.address()
        );
        fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let process = Command::new(binary)
            .current_dir(folder.path())
            .args([
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                "--log.level=error",
            ])
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            process,
            port,
            _folder: folder,
        }
    }
}

impl Drop for RealPrometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A container with two series of its memory: below the bound until `is_full`.
fn container(is_full: &Arc<AtomicBool>) -> Upstream {
    let is_full = Arc::clone(is_full);
    Upstream::answering(move |_, stream| {
        let ratio = if is_full.load(Ordering::Relaxed) {
            0.95
        } else {
            0.4
        };
        let body = format!(
            "# TYPE container_memory_ratio gauge\ncontainer_memory_ratio{{app=\"board\",pod=\"a\"}} 0.3\n\
             container_memory_ratio{{app=\"board\",pod=\"b\"}} {ratio}\n"
        );
        let answer =
            response(200, "OK", &body).replacen("\r\n", "\r\ncontent-type: text/plain; version=0.0.4\r\n", 1);
        reply(stream, &answer)
    })
}

fn rollout(managed: &ManagedServer) -> Value {
    let path = "/platform/feature-flags/board/rollout";
    get(&mut Client::connect(managed.admin()), path).json()
}

#[test]
fn a_metric_in_prometheus_rolls_a_plan_back() {
    let Some(binary) = binary() else {
        eprintln!("prometheus is not installed: `scripts/install-prometheus` does it; skipped");
        return;
    };
    let is_full = Arc::<AtomicBool>::default();
    let target = container(&is_full);
    let prometheus = RealPrometheus::start(&binary, &target);
    let managed = ManagedServer::empty(&format!(
        "admin: {{ address: \"127.0.0.1:0\" }}\ncontrol: {{ prometheus: {{ url: 'http://127.0.0.1:{}' }} }}\n",
        prometheus.port
    ));
    managed.done(&["apply", "-f", "flags.yaml", "--yes"]);
    let plan = json!({
        "stages": [{ "name": "half", "percentage": 50, "for": "1h" }],
        "checks": [{
            "name": "memory",
            "prometheus": { "query": "max(container_memory_ratio{app=\"board\"})", "above": 0.9 },
            "then": "rollback",
        }],
        "rollback": "exposure",
    });
    let request = Request::new("PUT", "/api/v1/platform/feature-flags/board/rollout/plan")
        .host("localhost")
        .header("content-type", "application/json")
        .with_body(plan.to_string());
    let set = Client::connect(managed.admin()).ask(&request);
    assert_eq!(set.status, 200, "{}", set.text());
    let started = post(
        &mut Client::connect(managed.admin()),
        "/platform/feature-flags/board/rollout/start",
        &json!({}),
    );
    assert_eq!(started.status, 200, "{}", started.text());
    let evidence = "/platform/feature-flags/board/rollout/evidence";
    let patience = Instant::now();
    let passed = loop {
        let found = get(&mut Client::connect(managed.admin()), evidence).json();
        if found["checks"][0]["verdict"] == "pass" {
            break found;
        }
        assert!(patience.elapsed() < Duration::from_secs(60), "{found}");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert_eq!(passed["checks"][0]["value"], 0.4, "{passed}");
    assert_eq!(rollout(&managed)["state"], "running");
    is_full.store(true, Ordering::Relaxed);
    let since = Instant::now();
    while rollout(&managed)["state"] == "running" {
        assert!(since.elapsed() < Duration::from_secs(90), "{}", rollout(&managed));
        std::thread::sleep(Duration::from_millis(200));
    }
    eprintln!("rolled back after {:?}", since.elapsed());
    let found = rollout(&managed);
    assert_eq!(
        (&found["state"], &found["halt"]["check"]),
        (&json!("rolled_back"), &json!("memory"))
    );
    // Three samples, 10 s apart.
    assert!(since.elapsed() > Duration::from_secs(15));
    eventually("the log of the step", || {
        let line = managed.line("step taken");
        line.contains("board").then_some(())
    });
}
