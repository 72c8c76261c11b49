//! The demo: the printed lines behave as printed, and an edit changes the answer without a restart.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use testkit::{Client, Request, Response, eventually};

use crate::process::{SluiceProcess, sluice};

const INTRODUCED: &str = "Every request prints a line";

/// Sends the request of the printed curl command for `tenant`.
fn curl(folder: &Path, printed: &[String], tenant: &str) -> Response {
    let file = format!("sluice-demo/{tenant}.jwt");
    let begin = format!("curl -i -H \"Authorization: Bearer $(cat {file})\" http://");
    let url = printed.iter().find_map(|line| line.strip_prefix(&begin));
    let (address, path) = url
        .unwrap_or_else(|| panic!("{printed:#?}"))
        .split_once('/')
        .unwrap();
    let token = fs::read_to_string(folder.join(file)).unwrap();
    let request = Request::get(&format!("/{path}")).token(token.trim_end());
    Client::connect(address.parse().unwrap()).ask(&request)
}

/// Returns the printed answers by tenant.
fn table(printed: &[String]) -> BTreeMap<String, String> {
    let heading = printed
        .iter()
        .position(|line| line.starts_with("tenant "))
        .unwrap();
    let column = printed[heading].find("answer").unwrap();
    // Lines of the log, on standard error, may be between the rows.
    let rows = printed[heading + 1..]
        .iter()
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.contains(" INFO "));
    rows.map(|row| {
        let tenant = row.split(' ').next().unwrap().to_owned();
        let answer = row[column..].split("  ").next().unwrap().to_owned();
        (tenant, answer)
    })
    .collect()
}

/// Returns a port such that all ports of a demo that begins with it are free.
fn free_port() -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    eventually("free ports", || {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let all = [0, 1, 2, 1010].map(|distance| port.saturating_add(distance));
        (port < 64_000 && all.into_iter().all(is_free)).then_some(port)
    })
}

#[test]
fn the_table_of_the_demo_has_the_answers_of_its_flags() {
    let folder = tempfile::tempdir().unwrap();
    let check = |expected: [(&str, &str); 4]| {
        let demo = SluiceProcess::start(folder.path(), ["demo", "--any-port"]);
        demo.line(INTRODUCED);
        let printed = demo.printed();
        let table = table(&printed);
        let expected = expected.map(|(tenant, answer)| (tenant.to_owned(), answer.to_owned()));
        assert_eq!(table, BTreeMap::from(expected));
        for (tenant, answer) in table {
            let got = curl(folder.path(), &printed, &tenant);
            let got = match got.status {
                200 => got.json()["answered_by"].as_str().unwrap().to_owned(),
                status => status.to_string(),
            };
            assert_eq!(got, answer, "{tenant}");
        }
    };
    check([
        ("acme", "the new board"),
        ("globex", "404"),
        ("initech", "403"),
        ("umbrella", "the old board"),
    ]);
    let flags = folder.path().join("sluice-demo/flags.yaml");
    let text = fs::read_to_string(&flags).unwrap();
    let killed = text
        .replace("lifecycle: beta ", "lifecycle: ga ")
        .replace("umbrella:", "hooli:");
    assert_ne!(text, killed);
    fs::write(&flags, killed).unwrap();
    check([
        ("acme", "the new board"),
        ("globex", "the new board"),
        ("initech", "403"),
        ("hooli", "the old board"),
    ]);
}

#[test]
fn a_busy_port_of_the_demo_is_named_and_can_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let busy = [port, port + 2].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
    let started = sluice(folder.path(), ["demo", "--port", &port.to_string()], "");
    started.exits(1).reports(format!(
        "can't start the demo: 127.0.0.1:{port}, 127.0.0.1:{} are in use\nhelp: choose other ports: ",
        port + 2
    ));
    // The same ports in a folder of a former run.
    let config = folder.path().join("sluice-demo/sluice.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("127.0.0.1:8080", &format!("127.0.0.1:{port}")) + "# edited\n";
    fs::write(&config, text).unwrap();
    let again = sluice(folder.path(), ["demo"], "");
    // Its other ports are fixed, and may be busy on this machine, too.
    again
        .exits(1)
        .reports(format!("can't start the demo: 127.0.0.1:{port}"));
    let other = free_port();
    let demo = SluiceProcess::start(folder.path(), ["demo", "--port", &other.to_string()]);
    demo.line(INTRODUCED);
    demo.line(&format!("sluice demo  http://127.0.0.1:{other} "));
    assert_eq!(curl(folder.path(), &demo.printed(), "acme").status, 200);
    assert!(fs::read_to_string(&config).unwrap().ends_with("# edited\n"));
    drop(busy);
}

#[test]
fn four_tenants_get_four_answers_and_an_edit_admits_one() {
    let folder = tempfile::tempdir().unwrap();
    let demo = SluiceProcess::start(folder.path(), ["demo", "--any-port"]);
    demo.line(INTRODUCED);
    let printed = demo.printed();
    let ask = |tenant: &str| curl(folder.path(), &printed, tenant);
    let acme = ask("acme");
    assert_eq!(acme.status, 200);
    assert_eq!(acme.json()["answered_by"], "the new board");
    assert_eq!(acme.json()["headers_seen"]["x-tenant-id"], "acme");
    assert_eq!(
        acme.json()["headers_seen"]["x-feature-flags"],
        "dispatch.core, dispatch.v2Board"
    );
    assert_eq!(ask("globex").status, 404);
    let initech = ask("initech");
    assert_eq!((initech.status, &*initech.code()), (403, "FEATURE_NOT_ENABLED"));
    let umbrella = ask("umbrella");
    assert_eq!(
        (umbrella.status, &umbrella.json()["answered_by"]),
        (200, &"the old board".into())
    );

    let flags = folder.path().join("sluice-demo/flags.yaml");
    let text = fs::read_to_string(&flags).unwrap();
    let edited = text.replace(
        "channel: stable\n    beta: []",
        "channel: latest\n    beta: [dispatch.v2Board]",
    );
    assert_ne!(text, edited);
    fs::write(&flags, edited).unwrap();
    let let_in = eventually("globex to be let in", || {
        Some(ask("globex")).filter(|answer| answer.status == 200)
    });
    assert_eq!(let_in.json()["answered_by"], "the new board");
    // Every request prints a line.
    demo.line("globex");
}

#[test]
fn a_restarted_demo_keeps_edited_files() {
    let folder = tempfile::tempdir().unwrap();
    drop({
        let first = SluiceProcess::start(folder.path(), ["demo", "--any-port"]);
        first.line(INTRODUCED);
        first
    });
    let flags = folder.path().join("sluice-demo/flags.yaml");
    let edited = fs::read_to_string(&flags).unwrap() + "# edited\n";
    fs::write(&flags, &edited).unwrap();
    let second = SluiceProcess::start(folder.path(), ["demo"]);
    second.line("kept from before");
    assert_eq!(fs::read_to_string(&flags).unwrap(), edited);
}

/// The output on the pages is that of the demo, except for the ports.
#[test]
fn output_of_the_demo_is_on_the_pages() {
    let folder = tempfile::tempdir().unwrap();
    let demo = SluiceProcess::start(folder.path(), ["demo", "--any-port"]);
    demo.line(INTRODUCED);
    let words = |line: &str| line.split("http://").next().unwrap().to_owned();
    let printed: Vec<String> = demo.printed().iter().map(|line| words(line)).collect();
    for (page, start) in [
        ("docs/command-line.md", "$ sluice demo\n"),
        ("README.md", "one path:\n\n```\n"),
    ] {
        let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
        let (_, shown) = page.split_once(start).unwrap();
        let shown = shown.lines().take_while(|line| !["...", "```"].contains(line));
        let shown: Vec<String> = shown.map(words).collect();
        assert!(shown.len() >= 5, "{shown:#?}");
        for line in shown {
            assert!(printed.contains(&line), "no `{line}` in {printed:#?}");
        }
    }
}
