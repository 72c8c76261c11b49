//! The curl commands of the page about the admin API are correct: they run against a real server, and there is one for each
//! operation.

use std::fs;
use std::path::Path;
use std::process::Command;

use control::api::{PREFIX, routes};
use testkit::{Client, Request};

use crate::process::{SluiceProcess, sluice};

const PAGE: &str = "docs/api.md";
const CONFIG: &str = "\
version: 1
listeners: [{ name: public, address: '127.0.0.1:0' }]
admin: { address: '127.0.0.1:0', operators: { tokens: { file: operators.yaml } } }
flags: { store: { sqlite: ./data } }
control: { promotion: { soak: 0s, ga: { sign_offs: [operations] } } }
upstreams: { legacy: '127.0.0.1:9' }
unmatched: { upstream: legacy }
";
const FLAGS: &str = "\
version: 1
tiers: [tier1, tier2]
flags: { dispatch.v2Board: { revertible: true } }
tenants: { acme: { tier: tier1, channel: latest } }
";

/// Returns the shell blocks of a section of the page, joined.
fn commands(page: &str, section: &str) -> String {
    let (_, rest) = page.split_once(&format!("\n## {section}\n")).unwrap();
    let section = rest.split_once("\n## ").map_or(rest, |(section, _)| section);
    let blocks = section.split("```sh\n").skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0).collect()
}

/// Returns method and path of a curl command.
fn operation(line: &str) -> (String, String) {
    let method = match line.split_once("-X ") {
        Some((_, rest)) => rest.split(' ').next().unwrap(),
        None if line.contains(" -d ") => "POST",
        None => "GET",
    };
    let mut words = line.split(' ').map(|word| word.trim_matches('"'));
    let url = words.find(|word| word.starts_with("$api")).unwrap();
    let path = url.strip_prefix("$api").unwrap_or(url).split('?').next().unwrap();
    (method.to_owned(), path.to_owned())
}

fn is_of_route(path: &str, route: &str) -> bool {
    let (path, route): (Vec<_>, Vec<_>) = (path.split('/').collect(), route.split('/').collect());
    let fits = |(part, of_route): (&&str, &&str)| of_route.starts_with('{') || part == of_route;
    path.len() == route.len() && path.iter().zip(&route).all(fits)
}

#[test]
fn curl_examples_of_the_admin_api_succeed() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).unwrap();
    let examples = commands(&page, "Examples");
    let of_client = commands(&page, "Flags of a client");
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("sluice.yaml"), CONFIG).unwrap();
    fs::write(at("flags.yaml"), FLAGS).unwrap();
    let issue = [
        "operators",
        "token",
        "--name",
        "ann",
        "--role",
        "platform-admin",
        "-o",
        "ann.token",
    ];
    let entry = sluice(folder.path(), issue, "").stdout;
    fs::write(at("operators.yaml"), format!("version: 1\ntokens:\n{entry}")).unwrap();
    let server = SluiceProcess::start(folder.path(), ["run"]);
    let address = server.admin().to_string();
    let url = format!("http://{address}");
    let apply = [
        "apply",
        "-f",
        "flags.yaml",
        "--yes",
        "--server",
        &url,
        "--token-file",
        "ann.token",
    ];
    sluice(folder.path(), apply, "").exits(0);
    // A refused request, whose receipt an example reads.
    let refused = Client::connect(server.listener()).ask(&Request::get("/%2f"));
    assert_eq!(refused.status, 400);
    let script = format!("set -e\ncurl() {{ command curl --fail-with-body \"$@\"; }}\n{examples}{of_client}");
    let output = Command::new("sh")
        .args(["-c", &script.replace("127.0.0.1:9090", &address)])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn every_operation_of_the_admin_api_has_a_curl_example() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).unwrap();
    let lines = commands(&page, "Examples");
    let mut shown: Vec<(String, String)> = lines
        .lines()
        .filter(|line| line.starts_with("curl "))
        .map(operation)
        .collect();
    for route in routes() {
        let found = shown
            .iter()
            .position(|(method, path)| *method == route.method.as_str() && is_of_route(path, route.path));
        let found = found.unwrap_or_else(|| panic!("no example of {} {}", route.method.as_str(), route.path));
        shown.remove(found);
    }
    assert_eq!(
        shown,
        [("GET".to_owned(), String::new())],
        "only {PREFIX} itself remains"
    );
}
