//! The export of traces to a collector that accepts only a part.

use std::fs;

use testkit::{Client, Request, Upstream, eventually, reply, response};

use crate::gateway_document::LISTENERS;
use crate::process::SluiceProcess;

#[test]
fn a_collector_without_logs_is_logged_once() {
    let upstream = Upstream::named("app");
    let collector = Upstream::answering(|request, stream| {
        let status = if request.target() == "/v1/logs" { 404 } else { 200 };
        reply(stream, &response(status, "Answer", ""))
    });
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "{LISTENERS}flags: {{ file: flags.yaml }}
upstreams: {{ app: '{}' }}
routes:
  - {{ name: board, match: /board, gate: board, auth: none, upstream: app }}
traces: {{ otlp: 'http://{}', sample: 1 }}
access_log: {{ output: off }}
",
        upstream.address(),
        collector.address(),
    );
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    let flags = "version: 1\nflags: { board: { lifecycle: ga } }\n";
    fs::write(folder.path().join("flags.yaml"), flags).unwrap();
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    for failures in 1..=3 {
        Client::connect(sluice.listener()).ask(&Request::get("/board"));
        let series = format!("sluice_trace_export_failures_total {failures}");
        eventually(&series, || {
            let page = Client::connect(sluice.admin()).ask(&Request::get_admin("/metrics"));
            page.text().contains(&series).then_some(())
        });
    }
    let printed = sluice.printed();
    let count = |text: &str| printed.iter().filter(|line| line.contains(text)).count();
    assert_eq!(
        (count("traces can't be exported"), count("are exported again")),
        (1, 0),
        "{printed:#?}"
    );
}
