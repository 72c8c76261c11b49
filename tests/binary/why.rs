//! `sluice why` and `sluice report`: the receipt of a request, and the traffic of gates and flags, as people read them.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use testkit::{Client, Issuer, Request, Upstream, eventually};
use tokens::Algorithm;

use crate::gateway_document::{self, LISTENERS};
use crate::managed::ManagedGateway;
use crate::process::{CommandOutput, SluiceProcess, sluice};

const FLAGS: &str = "\
version: 1
tiers: [free]
flags:
  shop.checkout: { lifecycle: ga, rollout: { percentage: 5 } }
  shop.old: { lifecycle: ga }
tenants: { acme: { tier: free }, globex: { tier: free } }
";

const ROUTES: &str = "\
routes:
  - { name: checkout, match: /checkout/**, gate: shop.checkout, upstream: shop }
  - { name: basket, match: /basket, gate: shop.checkout, mode: shadow, upstream: shop }
  - { name: start, match: /, auth: none, upstream: shop }
";

/// A gateway whose flags are in files.
struct FileGateway {
    folder: TempDir,
    issuer: Issuer,
    _upstream: Upstream,
    running: SluiceProcess,
}

impl FileGateway {
    fn start() -> Self {
        let upstream = Upstream::named("shop");
        let issuer = Issuer::new("https://login.example", Algorithm::Hs256, "k1");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), issuer.key_file()).unwrap();
        fs::write(folder.path().join("flags.yaml"), FLAGS).unwrap();
        let issuers = gateway_document::issuers(&issuer, "HS256", "secret_file: secret");
        let address = upstream.address();
        let config = format!(
            "{LISTENERS}flags: {{ file: flags.yaml }}\n{issuers}upstreams: {{ shop: '{address}' }}\n{ROUTES}\
             access_log: {{ output: off }}\n"
        );
        fs::write(folder.path().join("sluice.yaml"), config).unwrap();
        let running = SluiceProcess::start(folder.path(), ["run"]);
        running.admin();
        Self {
            folder,
            issuer,
            _upstream: upstream,
            running,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Sends a request, and returns its status and the id in a problem document.
    fn send(&self, path: &str, tenant: &str) -> (u16, String) {
        let request = Request::get(path).host("shop.example");
        let request = match tenant {
            "" => request,
            tenant => request.token(&self.issuer.token(tenant)),
        };
        let answer = Client::connect(self.running.listener()).ask(&request);
        let id = serde_json::from_str::<Value>(answer.text()).unwrap_or_default();
        (
            answer.status,
            id["request_id"].as_str().unwrap_or_default().to_owned(),
        )
    }

    fn command(&self, arguments: &[&str]) -> CommandOutput {
        command(self.path(), &self.running, arguments)
    }

    /// Runs a command until it prints the text: a request is counted after its answer.
    fn printed(&self, arguments: &[&str], text: &str) -> String {
        eventually(text, || {
            let output = self.command(arguments);
            output.stdout.contains(text).then_some(output.stdout)
        })
    }
}

fn command(folder: &Path, running: &SluiceProcess, arguments: &[&str]) -> CommandOutput {
    let server = format!("http://{}", running.admin());
    sluice(folder, [arguments, &["--server", &server]].concat(), "")
}

/// Returns the text without the times, ids and revisions of this run.
fn lasting(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let is_snapshot = line.starts_with("snapshot");
        let is_date =
            |word: &str| word.len() == 10 && word.starts_with("20") && word.matches('-').count() == 2;
        let is_time = |word: &str| word.trim_end_matches(',').ends_with('Z') && word.contains(':');
        let kept = words.into_iter().filter(|word| !is_date(word) && !is_time(word));
        lines.push(match is_snapshot {
            true => "snapshot".to_owned(),
            false => kept.collect::<Vec<_>>().join(" ").trim_end().to_owned(),
        });
    }
    lines.join("\n")
}

/// Fails unless the page has the output, apart from times and revisions.
#[track_caller]
fn check_is_on_page(output: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/receipts.md");
    let page = lasting(&fs::read_to_string(page).unwrap());
    let wanted = lasting(output.trim_end());
    assert!(page.contains(&wanted), "docs/receipts.md does not have\n{output}");
}

#[test]
fn why_names_flag_cause_and_bucket_and_what_changed() {
    let gateway = FileGateway::start();
    let (status, id) = gateway.send("/checkout/7?card=1", "acme");
    assert_eq!(status, 404);
    let same = gateway.printed(&["why", &id], "the same: rejected with 404");
    let bucket = rules::bucket("shop.checkout", "acme").to_string();
    for part in [
        "shop.checkout",
        "off",
        "default",
        &bucket,
        "tenant acme",
        "/checkout/7 at shop.example",
    ] {
        assert!(same.contains(part), "{part}: {same}");
    }
    assert!(!same.contains("card"), "{same}");
    check_is_on_page(&same);
    let opened = FLAGS.replace("percentage: 5", "percentage: 100");
    fs::write(gateway.path().join("flags.yaml"), opened).unwrap();
    let changed = gateway.printed(&["why", &id], "forwarded, by route checkout");
    check_is_on_page(&changed);
    let output = gateway.command(&["why", &id, "--json"]);
    let body: Value = serde_json::from_str(&output.exits(0).stdout).unwrap();
    assert_eq!(body["then"]["flags"][0]["bucket"].to_string(), bucket);
    assert_eq!(body["now"]["outcome"], "forwarded");
}

#[test]
fn why_of_an_unknown_request_says_where_it_may_be() {
    let gateway = FileGateway::start();
    let output = gateway.command(&["why", "0123456789abcdef0123456789abcdef"]);
    output.exits(1);
    for part in ["not in the sample", "overwritten", "another node"] {
        assert!(output.stderr.contains(part), "{output}");
    }
    // The last line has the id of this request to the admin API.
    let lines: Vec<&str> = output.stderr.lines().take(3).collect();
    check_is_on_page(&lines.join("\n"));
    let output = gateway.command(&["why", "eyJhbGciOiJub25lIn0.e30."]);
    output.exits(2);
    assert!(output.stderr.contains("has 32 digits"), "{output}");
}

#[test]
fn why_of_a_refused_caller_does_not_decide_again() {
    let gateway = FileGateway::start();
    let (status, id) = gateway.send("/checkout/7", "");
    assert_eq!(status, 401);
    let text = gateway.printed(&["why", &id], "TOKEN_MISSING");
    assert!(
        text.contains("not decided again: its token is not kept"),
        "{text}"
    );
}

#[test]
fn why_after_a_kill_in_a_store_differs() {
    let managed = ManagedGateway::new();
    managed.edit("access_log:", "receipts: { keep: 64, sample: 1 }\naccess_log:");
    let sluice = managed.run();
    managed.furnish(&sluice);
    let answer = Client::connect(sluice.listener()).ask(&managed.ask());
    assert_eq!(answer.status, 200);
    let list = Request::get("/api/v1/requests?outcome=forwarded&flag=board").host("localhost");
    let id = eventually("the receipt", || {
        let receipts = Client::connect(sluice.admin()).ask(&list).json();
        receipts["receipts"][0]["request_id"].as_str().map(str::to_owned)
    });
    let run = |arguments: &[&str]| command(managed.path(), &sluice, arguments);
    assert!(run(&["why", &id]).exits(0).stdout.contains("the same: forwarded"));
    run(&["flags", "kill", "board", "--reason", "INC-7"]).exits(0);
    let output = run(&["why", &id]);
    let text = &output.exits(0).stdout;
    assert!(text.contains("board: cause") && text.contains("killed"), "{text}");
    assert!(text.contains("200, forwarded"), "{text}");
}

#[test]
fn a_report_of_shadow_mode_names_causes_and_tenants() {
    let gateway = FileGateway::start();
    let fresh = gateway.command(&["report", "shadow"]);
    assert!(
        fresh.exits(0).stdout.contains("would refuse 0 of 0 requests"),
        "{fresh}"
    );
    for tenant in ["acme", "acme", "globex"] {
        assert_eq!(gateway.send("/basket", tenant).0, 200);
    }
    let text = gateway.printed(&["report", "shadow"], "would refuse 3 of 3 requests");
    check_is_on_page(&text);
    let output = gateway.command(&["report", "shadow", "--json"]);
    let body: Value = serde_json::from_str(&output.exits(0).stdout).unwrap();
    assert_eq!(body["gates"][0]["tenants"][0]["tenant"], "acme");
    assert_eq!(body["gates"][0]["tenants"][0]["requests"], 2);
}

#[test]
fn a_report_of_coverage_names_what_has_no_traffic() {
    let gateway = FileGateway::start();
    gateway.send("/basket", "acme");
    gateway.send("/", "");
    gateway.send("/nowhere", "");
    let text = gateway.printed(&["report", "coverage"], "\n1\n");
    check_is_on_page(&text);
}
