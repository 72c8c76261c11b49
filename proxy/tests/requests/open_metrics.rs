//! `/metrics` in the format OpenMetrics, with trace ids as exemplars: as Prometheus itself reads it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use testkit::{Client, Proxy, Request, TraceCollector, Upstream, eventually};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Ends the process when it is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn proxy(upstream: &Upstream, collector: &TraceCollector, sample: &str) -> Proxy {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: plain, match: /plain/**, upstream: api, auth: none }")
        .with(&format!(
            "traces: {{ otlp: \"{}\", sample: {sample} }}",
            collector.url()
        ))
        .admin()
        .start()
}

/// Returns the content type and the page for a client that accepts this.
fn metrics(proxy: &Proxy, accept: &str) -> (String, String) {
    let mut client = Client::connect(proxy.running().admin().unwrap());
    let answer = client.ask(&Request::get_admin("/metrics").header("accept", accept));
    let kind = answer.header("content-type").unwrap().to_owned();
    (kind, answer.text().to_owned())
}

#[test]
fn a_sampled_request_is_the_exemplar_of_its_bucket() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, "1");
    proxy.get("/plain/a", "");
    let id = upstream.only().header("x-request-id").unwrap().to_owned();
    proxy.await_metric("sluice_request_duration_seconds_count{route=\"plain\"}", 1.0);
    let exemplar = format!("# {{trace_id=\"{id}\"}}");
    eventually("the exemplar", || {
        let (kind, page) = metrics(&proxy, "application/openmetrics-text");
        assert_eq!(kind, OPEN_METRICS);
        let lines: Vec<_> = page.lines().filter(|line| line.contains(&exemplar)).collect();
        (lines.len() == 1
            && lines[0].starts_with("sluice_request_duration_seconds_bucket{route=\"plain\",le="))
        .then_some(())
    });
}

#[test]
fn an_unsampled_request_is_no_exemplar() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, "0");
    proxy.get("/plain/a", "");
    proxy.await_metric("sluice_request_duration_seconds_count{route=\"plain\"}", 1.0);
    let (_, page) = metrics(&proxy, "application/openmetrics-text");
    assert!(!page.contains("trace_id") && page.ends_with("# EOF\n"), "{page}");
}

#[test]
fn other_clients_get_the_text_format() {
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, "1");
    proxy.get("/plain/a", "");
    proxy.await_metric("sluice_request_duration_seconds_count{route=\"plain\"}", 1.0);
    for accept in [
        "*/*",
        "text/plain",
        "text/plain;q=0.9, application/openmetrics-text;q=0.8",
    ] {
        let (kind, page) = metrics(&proxy, accept);
        assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
        assert!(!page.contains("trace_id") && !page.contains("# EOF"), "{page}");
    }
}

/// Returns the path of the binary that `scripts/install-prometheus` unpacks, or that of the system.
fn prometheus() -> Option<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/prometheus/usr/bin/prometheus");
    let system = PathBuf::from("/usr/bin/prometheus");
    [unpacked, system].into_iter().find(|path| path.exists())
}

#[test]
fn prometheus_reads_open_metrics_with_exemplars() {
    let Some(binary) = prometheus() else {
        eprintln!("prometheus is not installed: `scripts/install-prometheus` does it; skipped");
        return;
    };
    let (upstream, collector) = (Upstream::named("api"), TraceCollector::http());
    let proxy = proxy(&upstream, &collector, "1");
    proxy.get("/plain/a", "");
    let id = upstream.only().header("x-request-id").unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs:\n- job_name: sluice\n  static_configs:\n  - targets: ['{}']\n",
        proxy.running().admin().unwrap()
    );
    std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
    let _process = Ended(
        Command::new(binary)
            .current_dir(folder.path())
            .args([
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                "--enable-feature=exemplar-storage",
            ])
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    let ask = |target: &str| {
        eventually("an answer of Prometheus", || {
            std::net::TcpStream::connect(address).ok()?;
            let answer = Client::connect(address).ask(&Request::get(target).host("localhost"));
            (answer.status == 200).then(|| answer.json())
        })
    };
    let series = "/api/v1/query?query=up%7Bjob%3D%22sluice%22%7D";
    eventually("a scrape that succeeds", || {
        let answer = ask(series);
        let up = &answer["data"]["result"][0]["value"][1];
        assert_ne!(up, "0", "{}", ask("/api/v1/targets"));
        (up == "1").then_some(())
    });
    let begin = "/api/v1/query_exemplars?query=sluice_request_duration_seconds_bucket&start=0&end=4102444800";
    let found = eventually("the exemplar in Prometheus", || {
        let answer = ask(begin);
        (!answer["data"].as_array()?.is_empty()).then_some(answer)
    });
    assert_eq!(
        found["data"][0]["exemplars"][0]["labels"]["trace_id"], *id,
        "{found}"
    );
    // The counters have the same names as in the text format.
    let counted = ask("/api/v1/query?query=sluice_requests_total");
    assert_eq!(
        counted["data"]["result"][0]["metric"]["route"], "plain",
        "{counted}"
    );
}
