//! The demo: the printed lines behave as printed, the company is complete and alive, and edits and commands change answers
//! without a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::{Client, Request, Response, eventually};

use crate::process::{SluiceProcess, sluice};
use crate::tokens::write_example;

const INTRODUCED: &str = "Each of your requests prints a line";

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

/// Starts a demo in `folder`, with ports of the system.
fn start(folder: &Path, more: &[&str]) -> SluiceProcess {
    let demo = SluiceProcess::start(folder, [&["demo", "--any-port"], more].concat());
    demo.line(INTRODUCED);
    demo
}

/// Returns the address after `admin http://`.
fn admin(demo: &SluiceProcess) -> SocketAddr {
    let line = demo.line("sluice demo  http://");
    line.split("admin http://").nth(1).unwrap().parse().unwrap()
}

/// Returns the answer of the admin API to a GET request for this path.
fn api(demo: &SluiceProcess, path: &str) -> Value {
    let path = format!("/api/v1{path}");
    let answer = Client::connect(admin(demo)).ask(&Request::get_admin(&path));
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

/// Fails unless the table has these answers, and the printed commands get them.
#[track_caller]
fn check_table(folder: &Path, demo: &SluiceProcess, expected: [(&str, &str); 4]) {
    let printed = demo.printed();
    let table = table(&printed);
    let expected = expected.map(|(tenant, answer)| (tenant.to_owned(), answer.to_owned()));
    assert_eq!(table, BTreeMap::from(expected));
    for (tenant, answer) in table {
        let got = curl(folder, &printed, &tenant);
        let got = match got.status {
            200 => got.json()["answered_by"].as_str().unwrap().to_owned(),
            status => status.to_string(),
        };
        assert_eq!(got, answer, "{tenant}");
    }
}

const ANSWERS: [(&str, &str); 4] = [
    ("acme", "the new board"),
    ("globex", "404"),
    ("initech", "403"),
    ("umbrella", "the old board"),
];

/// A folder of an earlier build has its flags in a file.
#[test]
fn a_folder_with_flags_in_a_file_is_served_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("sluice-demo");
    fs::create_dir(&files).unwrap();
    write_example(&files);
    let demo = start(folder.path(), &[]);
    demo.line("sluice.yaml  flags.yaml  (edit them while this runs, kept from before)");
    demo.line("in ./sluice-demo/flags.yaml set  channel: latest  and  beta: [dispatch.v2Board]");
    check_table(folder.path(), &demo, ANSWERS);
    let flags = files.join("flags.yaml");
    let text = fs::read_to_string(&flags).unwrap();
    let edited = text.replace(
        "channel: stable\n    beta: []",
        "channel: latest\n    beta: [dispatch.v2Board]",
    );
    assert_ne!(text, edited);
    fs::write(&flags, edited).unwrap();
    let printed = demo.printed();
    eventually("globex to be let in", || {
        (curl(folder.path(), &printed, "globex").status == 200).then_some(())
    });
    assert!(!files.join("data").exists());
    drop(demo);
    let killed = text
        .replace("lifecycle: beta ", "lifecycle: ga ")
        .replace("umbrella:", "hooli:");
    assert_ne!(text, killed);
    fs::write(&flags, killed).unwrap();
    let demo = start(folder.path(), &[]);
    check_table(
        folder.path(),
        &demo,
        [
            ("acme", "the new board"),
            ("globex", "the new board"),
            ("initech", "403"),
            ("hooli", "the old board"),
        ],
    );
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

/// Runs the printed command that contains `words` in a shell, as it is printed.
fn run_printed(folder: &Path, demo: &SluiceProcess, words: &str) {
    let line = demo.line(words);
    let output = Command::new("sh")
        .args(["-c", &line])
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env_remove("SLUICE_SERVER")
        .env_remove("SLUICE_TOKEN")
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
}

#[test]
fn four_tenants_get_answers_and_printed_commands_admit_one() {
    let folder = tempfile::tempdir().unwrap();
    let demo = start(folder.path(), &[]);
    check_table(folder.path(), &demo, ANSWERS);
    let printed = demo.printed();
    let ask = |tenant: &str| curl(folder.path(), &printed, tenant);
    assert_eq!(ask("initech").code(), "FEATURE_NOT_ENABLED");
    let acme = ask("acme").json();
    assert_eq!(acme["headers_seen"]["x-tenant-id"], "acme");
    let on = acme["headers_seen"]["x-feature-flags"].as_str().unwrap();
    assert!(on.contains("dispatch.core, "), "{on}");
    assert!(on.contains("dispatch.v2Board, "), "{on}");

    // Files can be edited while it runs.
    let config = folder.path().join("sluice-demo/sluice.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let edited = text.replace("reject: 404 ", "reject: 410 ");
    assert_ne!(text, edited);
    fs::write(&config, edited).unwrap();
    eventually("the edited answer", || {
        (ask("globex").status == 410).then_some(())
    });

    run_printed(folder.path(), &demo, "tenants set globex --channel latest");
    run_printed(folder.path(), &demo, "tenants allow globex dispatch.v2Board");
    assert_eq!(ask("globex").json()["answered_by"], "the new board");
    demo.line("globex       dispatch-v2");
}

#[test]
fn a_restarted_demo_keeps_edits_and_changes() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sluice-demo/sluice.yaml");
    let mut first = start(folder.path(), &[]);
    run_printed(folder.path(), &first, "tenants set globex --channel latest");
    let revision = api(&first, "/platform/feature-flags")["revision"].clone();
    // Without a terminal the drain waits for load balancers first.
    first.signal("TERM");
    assert!(first.ended().success(), "{:?}", first.printed());
    first.line("ended: no request was cut off");
    let edited = fs::read_to_string(&config).unwrap() + "# edited\n";
    fs::write(&config, &edited).unwrap();

    let second = SluiceProcess::start(folder.path(), ["demo"]);
    second.line(INTRODUCED);
    second.line("kept from before");
    assert_eq!(fs::read_to_string(&config).unwrap(), edited);
    let globex = api(&second, "/platform/orgs/globex");
    assert_eq!(globex["channel"], "latest", "{globex}");
    assert_eq!(api(&second, "/platform/feature-flags")["revision"], revision);

    // Its files are not removed while it runs.
    let fresh = sluice(folder.path(), ["demo", "--fresh", "--any-port"], "");
    fresh
        .exits(1)
        .reports(format!("process {} uses the store", second.id()));
    drop(second);
    let other = folder.path().join("sluice-demo/notes.txt");
    fs::write(&other, "mine").unwrap();
    let third = start(folder.path(), &["--fresh"]);
    assert_eq!(api(&third, "/platform/orgs/globex").get("channel"), None);
    assert!(!fs::read_to_string(&config).unwrap().contains("# edited"));
    assert_eq!(fs::read_to_string(other).unwrap(), "mine");
}

/// Returns the flags of a list for which `select` is true.
fn keys(flags: &[Value], select: impl Fn(&Value) -> bool) -> Vec<&str> {
    let selected = flags.iter().filter(|flag| select(flag));
    selected.map(|flag| flag["key"].as_str().unwrap()).collect()
}

#[test]
fn the_company_has_flags_in_all_states_and_a_past() {
    let folder = tempfile::tempdir().unwrap();
    let demo = start(folder.path(), &[]);
    demo.line("a company with 30 flags and 200 tenants");
    let list = api(&demo, "/platform/feature-flags?limit=1000");
    let flags = list["flags"].as_array().unwrap();
    assert_eq!(flags.len(), 30);
    let count = |field: &str, value: &str| keys(flags, |flag| flag[field] == value).len();
    for (field, value, expected) in [
        ("lifecycle", "alpha", 4),
        ("lifecycle", "beta", 5),
        ("lifecycle", "ga", 12),
        ("lifecycle", "retired", 2),
        ("kind", "release", 21),
        ("kind", "permission", 5),
        ("kind", "ops", 2),
        ("kind", "experiment", 2),
    ] {
        assert_eq!(count(field, value), expected, "{field} {value}");
    }
    let has = |field: &'static str| {
        move |flag: &Value| {
            let list = flag[field].as_array();
            list.is_some_and(|list| !list.is_empty())
        }
    };
    assert_eq!(
        keys(flags, |flag| flag["enabled"] == false),
        ["billing.instantPayout"]
    );
    assert_eq!(
        keys(flags, has("incidents")),
        ["billing.eInvoice", "billing.instantPayout"]
    );
    assert_eq!(keys(flags, has("sign_offs")), ["dispatch.v2Board"]);
    assert_eq!(
        keys(flags, has("stale")),
        ["mobile.photoUpload", "reports.v1Charts", "routing.legacySolver"]
    );
    let reports = api(&demo, "/platform/feature-flags/routing.trafficAware/reports");
    assert_eq!(reports["reports"].as_array().unwrap().len(), 2, "{reports}");

    let orgs = api(&demo, "/platform/orgs?limit=1000");
    let orgs = orgs["orgs"].as_array().unwrap();
    assert_eq!(orgs.len(), 200);
    for field in ["beta", "overrides", "opt_in", "opt_out", "internal", "attributes"] {
        assert!(orgs.iter().any(|org| org.get(field).is_some()), "{field}");
    }
    let tiers: BTreeSet<&str> = orgs.iter().filter_map(|org| org["tier"].as_str()).collect();
    assert_eq!(Vec::from_iter(tiers), ["tier1", "tier2", "tier3"]);

    let audit = api(&demo, "/platform/audit?limit=1000");
    let entries = audit["entries"].as_array().unwrap();
    let people: BTreeSet<&str> = entries
        .iter()
        .filter_map(|entry| entry["actor"].as_str())
        .filter(|actor| actor.contains('.'))
        .collect();
    assert_eq!(people.len(), 6, "{people:?}");
    let days: BTreeSet<&str> = entries
        .iter()
        .map(|entry| &entry["at"].as_str().unwrap()[..10])
        .collect();
    assert!(days.len() > 20, "{days:?}");
    let server = format!("http://{}", admin(&demo));
    sluice(folder.path(), ["audit", "verify", "--server", &server], "").exits(0);
}

#[test]
fn both_arms_of_the_demo_have_evidence_within_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let demo = start(folder.path(), &[]);
    let begun = Instant::now();
    let plan = "/platform/feature-flags/routing.smartEta/rollout";
    assert_eq!(api(&demo, plan)["state"], "running");
    loop {
        let evidence = api(&demo, &format!("{plan}/evidence"));
        let requests = |arm: &str| evidence["arms"][arm]["requests"].as_u64().unwrap_or(0);
        if requests("treatment") >= 10 && requests("control") >= 10 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{evidence:#}");
        thread::sleep(Duration::from_millis(250));
    }
    // Lines are written 20 ms after a request; this one is behind those of the company.
    assert_eq!(curl(folder.path(), &demo.printed(), "acme").status, 200);
    let line = demo.line("dispatch-v2");
    assert!(line.contains("acme"), "{line}");
    let is_request = |line: &&String| line.ends_with(" us");
    assert_eq!(demo.printed().iter().filter(is_request).count(), 1);
}

#[test]
fn the_traffic_of_the_demo_is_printed_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let demo = start(folder.path(), &["--print-traffic"]);
    let line = demo.line("routing.smartEta");
    assert!(line.contains("arrivals"), "{line}");
}

/// The output on the pages is that of the demo, except for the ports.
#[test]
fn output_of_the_demo_is_on_the_pages() {
    let folder = tempfile::tempdir().unwrap();
    let demo = SluiceProcess::start(folder.path(), ["demo", "--any-port"]);
    demo.line(INTRODUCED);
    // Commands have the path of this binary, and the server with its port.
    let binary = env!("CARGO_BIN_EXE_sluice");
    let words = |line: &str| {
        let line = line
            .replace(binary, "sluice")
            .replace(" --server http://", "http://");
        line.split("http://").next().unwrap().to_owned()
    };
    let printed: Vec<String> = demo.printed().iter().map(|line| words(line)).collect();
    for (page, start) in [
        ("docs/command-line.md", "$ sluice demo\n"),
        ("README.md", "one path:\n\n```\n"),
    ] {
        let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
        let (_, shown) = page.split_once(start).unwrap();
        let shown = shown.lines().take_while(|line| *line != "```");
        let shown = shown.filter(|line| *line != "...");
        let shown: Vec<String> = shown.map(words).collect();
        assert!(shown.len() >= 5, "{shown:#?}");
        for line in shown {
            assert!(printed.contains(&line), "no `{line}` in {printed:#?}");
        }
    }
}
