//! `sluice explain` with the files of the demo.

use std::path::Path;

use serde_json::{Value, json};

use testkit::{Issuer, KeyServer};
use tokens::Algorithm;

use crate::{
    files,
    gateway_document::{self, LISTENERS},
    process::{CommandOutput, sluice},
    tokens::demo_folder,
};

fn explain(arguments: &[&str]) -> CommandOutput {
    let folder = demo_folder();
    sluice(folder.path(), ["explain"].iter().chain(arguments), "")
}

#[test]
fn a_closed_gate_is_explained_step_by_step() {
    let output = explain(&[
        "--tenant",
        "globex",
        "--user",
        "u-17",
        "GET",
        "/api//dispatch/v2/%62oard",
    ]);
    output.exits(1);
    for part in [
        "target    /api/dispatch/v2/board",
        "(as sent: /api//dispatch/v2/%62oard)",
        "route     dispatch-v2",
        "sluice.yaml:2",
        "identity  tenant globex, user u-17",
        "gate      dispatch.v2Board",
        "CLOSED",
        "requires dispatch.core",
        "=> lifecycle beta",
        "not eligible",
        "channel is stable; not on the allowlist; not opted in",
        "would otherwise:",
        "tier tier2",
        "answer    404, by Sluice; `unmatched` answers unknown paths",
        "upstream  not called",
    ] {
        assert!(output.stdout.contains(part), "no `{part}` in\n{}", output.stdout);
    }
}

#[test]
fn the_removal_of_an_operators_static_token_is_explained() {
    let token = "sluice_bm8gcmVhbCB0b2tlbiwgYnV0IGFzIGxvbmcgYXMgaXQ";
    for (header, path, code) in [
        ("Authorization: Bearer", "/nowhere", 0),
        ("Authorization: Bearer", "/api/dispatch/v2/board", 1),
        ("X-Api-Key:", "/nowhere", 0),
    ] {
        let line = format!("{header} {token}");
        let output = explain(&["--header", &line, "GET", path]);
        output.exits(code);
        let name = header.split(':').next().unwrap().to_ascii_lowercase();
        let note =
            format!("a static token of an operator, which is for the admin API, is removed from: {name}");
        assert!(output.stdout.contains(&note), "{}", output.stdout);
        assert!(!output.stdout.contains(token), "{}", output.stdout);
    }
    let required = [
        "--header",
        &format!("Authorization: Basic {token}"),
        "GET",
        "/api/dispatch/v2/board",
    ];
    assert!(explain(&required).stdout.contains("401 TOKEN_MISSING"));
    let other = explain(&["--header", "Authorization: Bearer sluice_sk", "GET", "/nowhere"]);
    assert!(!other.stdout.contains("static token"), "{}", other.stdout);
}

#[test]
fn a_token_that_a_lenient_route_ignores_is_explained() {
    let output = explain(&[
        "--header",
        "Authorization: Bearer sk_live_51H8",
        "GET",
        "/nowhere",
    ]);
    output.exits(0);
    let source = "the token is not a signed JSON web token; with `auth: lenient` such a token is ignored";
    assert!(output.stdout.contains("identity  anonymous"), "{}", output.stdout);
    assert!(output.stdout.contains(source), "{}", output.stdout);
}

#[test]
fn keys_of_a_url_are_fetched_for_a_route_that_does_not_wait() {
    let issuer = Issuer::new("https://login.example", Algorithm::Es256, "k1");
    let server = KeyServer::of(&[&issuer]);
    let folder = tempfile::tempdir().unwrap();
    let keys = format!("jwks_url: \"{}\"", server.url());
    let config = format!(
        "{LISTENERS}flags: {{ file: flags.yaml }}\n{}upstreams: {{ api: '127.0.0.1:9' }}\nunmatched: {{ upstream: api }}\n",
        gateway_document::issuers(&issuer, "ES256", &keys),
    );
    std::fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    std::fs::write(folder.path().join("flags.yaml"), "version: 1\nflags: {}\n").unwrap();
    let token = issuer.token("acme");
    let output = sluice(folder.path(), ["explain", "--token", &token, "GET", "/about"], "");
    output.exits(0);
    assert!(
        output.stdout.contains("identity  tenant acme"),
        "{}",
        output.stdout
    );
}

/// Changes the gated route of the demo, so that it matches only requests for the host a.test.
fn give_board_a_host(folder: &Path) {
    let path = "match: /api/dispatch/v2/**";
    let with_host = "match: { host: a.test, path: /api/dispatch/v2/** }";
    files::edit(folder, "sluice.yaml", path, with_host);
}

#[test]
fn explained_host_and_connection_equal_the_proxy() {
    let folder = demo_folder();
    give_board_a_host(folder.path());
    for (question, answer) in [
        (
            &["--header", "Host: localhost", "--host", "other", "GET", "/x"][..],
            "400 HOST_INVALID",
        ),
        (
            &["--header", "Host: a.test", "--host", "a.test", "GET", "/x"],
            "400 HOST_INVALID",
        ),
        (
            &["--header", "Host: a", "--header", "Host: a", "GET", "/x"],
            "400 HOST_INVALID",
        ),
        (&["--header", "Host: a@b", "GET", "/x"], "400 HOST_INVALID"),
        (
            &["--header", "Host: b.test", "GET", "http://a.test/x"],
            "400 HOST_INVALID",
        ),
        (
            &["--host", "other", "GET", "http://localhost@other/x"],
            "400 HOST_INVALID",
        ),
        (
            &["--no-host", "GET", "http://localhost@other/x"],
            "400 TARGET_INVALID",
        ),
        (&["--no-host", "GET", "/x"], "400 HOST_INVALID"),
        (
            &["--header", "Connection: host", "--host", "other", "GET", "/x"],
            "400 REQUEST_INVALID",
        ),
        (
            &["--header", "connection: close, X-Forwarded-For", "GET", "/x"],
            "400 REQUEST_INVALID",
        ),
        (
            &["--header", "connection: \"x\"", "GET", "/x"],
            "400 REQUEST_INVALID",
        ),
        (
            &["--header", "connection: a,b,c,d,e,f,g,h,i,j", "GET", "/x"],
            "400 REQUEST_INVALID",
        ),
    ] {
        let output = sluice(folder.path(), ["explain"].iter().chain(question), "");
        output.exits(1);
        assert!(output.stdout.contains(answer), "{question:?}: {}", output.stdout);
        assert!(
            output.stdout.contains("upstream  not called"),
            "{question:?}: {}",
            output.stdout
        );
    }
    for question in [
        &["--header", "Host: other", "GET", "/x"][..],
        &["--no-host", "--header", "Host: other", "GET", "/x"],
        &["--header", "Connection: close, x-hosted", "GET", "/x"],
        &[
            "--tenant",
            "acme",
            "--header",
            "Host: a.test",
            "GET",
            "/api/dispatch/v2/board",
        ],
    ] {
        let output = sluice(folder.path(), ["explain"].iter().chain(question), "");
        output.exits(0);
    }
}

#[test]
fn a_static_token_of_an_operator_counts_as_no_token() {
    let token = "sluice_bm8gcmVhbCB0b2tlbiwgYnV0IGFzIGxvbmcgYXMgaXQ";
    let output = explain(&["--token", token, "GET", "/api/dispatch/v2/board"]);
    output.exits(1);
    for part in [
        "a static token of an operator, which is for the admin API, is removed",
        "401 TOKEN_MISSING",
    ] {
        assert!(output.stdout.contains(part), "no `{part}` in\n{}", output.stdout);
    }
    assert!(!output.stdout.contains(token), "{}", output.stdout);
}

#[test]
fn an_open_gate_is_explained_with_the_injected_headers() {
    let output = explain(&["--tenant", "acme", "GET", "/api/dispatch/v2/board"]);
    output.exits(0);
    for part in [
        "OPEN",
        "upstream  board",
        "x-tenant-id: acme",
        "x-feature-flags: dispatch.core, dispatch.v2Board",
    ] {
        assert!(output.stdout.contains(part), "no `{part}` in\n{}", output.stdout);
    }
}

#[test]
fn tenants_of_the_demo_are_explained_as_documented() {
    let answer = |tenant: &str| {
        let output = explain(&["--json", "--tenant", tenant, "GET", "/api/dispatch/v2/board"]);
        let story: Value = serde_json::from_str(&output.stdout).unwrap();
        let of = |field: &str| story["answer"][field].clone();
        (of("status"), of("code"), story["upstream"].clone(), output.code)
    };
    let forwarded = |upstream: &str, code| (Value::Null, Value::Null, json!(upstream), code);
    let refused = |status: u16, code: &str| (json!(status), json!(code), Value::Null, 1);
    assert_eq!(answer("acme"), forwarded("board", 0));
    assert_eq!(answer("globex"), refused(404, "NOT_FOUND"));
    assert_eq!(answer("initech"), refused(403, "FEATURE_NOT_ENABLED"));
    assert_eq!(answer("umbrella"), forwarded("legacy", 1));
    assert_eq!(answer("nobody"), refused(404, "NOT_FOUND"));
}

#[test]
fn attributes_of_the_request_count_after_those_of_the_token() {
    let folder = demo_folder();
    let edit = |name: &str, from: &str, to: &str| files::edit(folder.path(), name, from, to);
    let attributes =
        "identity: { attributes: { country: { header: cf-country }, theme: { cookie: theme } } }\nupstreams:";
    edit("sluice.yaml", "upstreams:", attributes);
    let rules = "rules: [{ name: r, when: { all: [{ attribute: country, eq: DE }, { attribute: theme, eq: dark }] }, serve: on }]";
    edit(
        "flags.yaml",
        "kind: permission\n    default: on",
        &format!("kind: permission\n    {rules}"),
    );
    let passes = |more: &[&str]| {
        let all = ["explain", "--tenant", "acme"]
            .iter()
            .chain(more)
            .chain(&["GET", "/api/dispatch/v2/board"]);
        sluice(folder.path(), all, "").code == 0
    };
    let sent = [
        "--header",
        "CF-Country: DE",
        "--header",
        "Cookie: a=b; theme=dark",
    ];
    assert!(passes(&sent));
    assert!(!passes(&sent[..2]));
    assert!(!passes(&[&sent[..], &["--attribute", "country=FR"]].concat()));
}

#[test]
fn attributes_of_the_clients_address_need_a_client() {
    let folder = demo_folder();
    let edit = |name: &str, from: &str, to: &str| files::edit(folder.path(), name, from, to);
    let settings =
        "trusted_proxies: [192.0.2.1]\nidentity: { attributes: { addr: { client: address } } }\nupstreams:";
    edit("sluice.yaml", "upstreams:", settings);
    let rules = "rules: [{ name: r, when: { attribute: addr, ip_in: [198.51.100.0/24] }, serve: on }]";
    edit(
        "flags.yaml",
        "kind: permission\n    default: on",
        &format!("kind: permission\n    {rules}"),
    );
    let explain = |more: &[&str]| {
        let arguments = ["explain", "--tenant", "acme"].iter().chain(more);
        let arguments = arguments.chain(&["GET", "/api/dispatch/v2/board"]);
        sluice(folder.path(), arguments, "")
    };
    let header = ["--header", "X-Forwarded-For: 198.51.100.7"];
    for (client, code, line) in [
        (
            &[][..],
            1,
            Some("not known   attributes without a value here: addr (give --client)"),
        ),
        (&["--client", "198.51.100.7"], 0, Some("198.51.100.7")),
        (&["--client", "192.0.2.2"], 1, Some("192.0.2.2")),
        // Without a trusted peer, forwarding headers are discarded.
        (
            &["--client", "192.0.2.2", header[0], header[1]],
            1,
            Some("192.0.2.2"),
        ),
        (
            &["--client", "192.0.2.1", header[0], header[1]],
            0,
            Some("198.51.100.7"),
        ),
        (&header, 1, Some("not known")),
        // A stated attribute has precedence over the request's.
        (&["--attribute", "addr=198.51.100.7"], 0, None),
    ] {
        let output = explain(client);
        output.exits(code);
        let shown = output
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix("client    "));
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        match line {
            Some(line) => assert!(
                words(shown.unwrap_or_default()).starts_with(&words(line)),
                "{client:?}: {}",
                output.stdout
            ),
            None => assert_eq!(shown, None, "{client:?}"),
        }
    }
    explain(&["--client", "198.51.100"]).exits(2);
}

#[test]
fn a_head_is_explained_by_the_limits_of_its_listener() {
    let folder = demo_folder();
    let explain = |more: &[&str]| {
        let long = format!("X-Long: {}", "x".repeat(2_000));
        let arguments = ["explain"].iter().chain(more).copied();
        let arguments = arguments.chain(["--header", &long, "GET", "/nowhere"]);
        sluice(folder.path(), arguments, "")
    };
    let only = explain(&["--listener", "public"]);
    only.exits(0);
    assert!(!only.stdout.contains("listener"), "{}", only.stdout);
    let small = "listeners:\n  - { name: small, address: '127.0.0.1:0', limits: { head_size: 1KiB } }\n";
    files::edit(folder.path(), "sluice.yaml", "listeners:\n", small);
    let assumed = explain(&[]);
    assumed.exits(1);
    let answer = "answer    431 HEAD_TOO_LARGE";
    assert!(assumed.stdout.contains(answer), "{}", assumed.stdout);
    let line = assumed
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("listener  small "));
    let note = line.map(str::trim_start);
    assert_eq!(
        note,
        Some("assumed: the first of several (--listener names another)")
    );
    let small = explain(&["--listener", "small"]);
    assert!(small.stdout.contains(answer), "{}", small.stdout);
    assert!(small.stdout.contains("listener  small\n"), "{}", small.stdout);
    let public = explain(&["--listener", "public"]);
    public.exits(0);
    assert!(public.stdout.contains("listener  public\n"), "{}", public.stdout);
    let unknown = explain(&["--listener", "Public"]);
    unknown
        .exits(1)
        .reports("no listener is named `Public`; the listeners are: small, public");
}

#[test]
fn no_host_and_two_hosts_are_explained_as_the_proxy_decides() {
    let folder = demo_folder();
    let explain = |host: &[&str], path: &str| {
        let arguments = [&["explain", "--tenant", "acme"], host, &["GET", path]].concat();
        sluice(folder.path(), arguments, "")
    };
    let (board, none) = ("/api/dispatch/v2/board", &["--no-host"][..]);
    assert_eq!(explain(none, board).code, 0, "no route asks for a host");
    give_board_a_host(folder.path());
    let refused = explain(none, board);
    refused.exits(1);
    assert!(refused.stdout.contains("400 HOST_INVALID"), "{}", refused.stdout);
    let absolute = format!("http://a.test{board}");
    for (host, code) in [
        (none, 0),
        (&["--host", "a.test"], 0),
        (&["--host", "b.test"], 1),
        (&["--host", "A.test"], 1),
    ] {
        let output = explain(host, &absolute);
        output.exits(code);
        assert_eq!(
            output.stdout.contains("400 HOST_INVALID"),
            code == 1,
            "{}",
            output.stdout
        );
    }
}

#[test]
fn a_format_suffix_is_explained_as_the_proxy_judges_it() {
    let explain_as = |tenant| explain(&["--tenant", tenant, "GET", "/api/dispatch/v2.json"]);
    let (acme, globex) = (explain_as("acme"), explain_as("globex"));
    assert!(acme.stdout.contains("readings  dispatch-v2"), "{}", acme.stdout);
    globex.exits(1);
    assert!(
        globex.stdout.contains("route     dispatch-v2"),
        "{}",
        globex.stdout
    );
    assert!(globex.stdout.contains("CLOSED"), "{}", globex.stdout);
}

#[test]
fn a_format_suffix_is_explained_as_the_proxy_decides() {
    let folder = demo_folder();
    std::fs::write(
        folder.path().join("flags.yaml"),
        "version: 1\nflags: { page: { kind: permission } }\n",
    )
    .unwrap();
    let config = "version: 1\nlisteners: [{ name: public, address: \"127.0.0.1:0\" }]\nadmin: off\n\
                  flags: { file: flags.yaml }\nupstreams: { app: \"127.0.0.1:9\" }\nroutes:\n\
                  - { name: page, match: /app, gate: page, upstream: app }\n\
                  - { name: script, match: /app.js, upstream: app }\n- { name: rest, match: /**, upstream: app }\n";
    std::fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    for (path, code, route) in [
        ("/app.js", 0, "script"),
        ("/app.js/", 1, "page"),
        ("/App.js", 1, "page"),
    ] {
        let output = sluice(folder.path(), ["explain", "--tenant", "acme", "GET", path], "");
        output.exits(code);
        assert!(
            output.stdout.contains(&format!("route     {route}")),
            "{path}: {}",
            output.stdout
        );
    }
}

#[test]
fn every_reading_of_a_path_must_pass_its_gate() {
    let folder = demo_folder();
    let file = folder.path().join("sluice.yaml");
    let text = std::fs::read_to_string(&file).unwrap() + "target: { encoded_slash: keep }\n";
    std::fs::write(&file, text).unwrap();
    let explain = |tenant| {
        sluice(
            folder.path(),
            ["explain", "--tenant", tenant, "GET", "/api/dispatch/v2%2Fboard"],
            "",
        )
    };
    assert_eq!(explain("acme").code, 0);
    let globex = explain("globex");
    globex.exits(1);
    assert!(
        globex.stdout.contains("route     dispatch-v2"),
        "{}",
        globex.stdout
    );
}

#[test]
fn request_without_route_is_explained() {
    let unknown = explain(&["GET", "/nowhere"]);
    assert!(unknown.stdout.contains("route     none"), "{}", unknown.stdout);
    assert!(unknown.stdout.contains("upstream  legacy"), "{}", unknown.stdout);
    let refused = explain(&["GET", "/api/%2F"]);
    assert!(
        refused.stdout.contains("400 TARGET_INVALID"),
        "{}",
        refused.stdout
    );
    let nobody = explain(&["GET", "/api/dispatch/v2/board"]);
    assert!(nobody.stdout.contains("401 TOKEN_MISSING"), "{}", nobody.stdout);
    assert!(
        nobody
            .stdout
            .contains("dispatch.v2Board                            not evaluated"),
        "{}",
        nobody.stdout
    );
    let forged = explain(&[
        "--token",
        "eyJhbGciOiJub25lIn0.e30.",
        "GET",
        "/api/dispatch/v2/board",
    ]);
    assert!(forged.stdout.contains("401 TOKEN_"), "{}", forged.stdout);
    assert_eq!(
        [unknown.code, refused.code, nobody.code, forged.code],
        [0, 1, 1, 1]
    );
}

#[test]
fn a_method_in_another_case_is_the_stated_reason() {
    let output = explain(&["get", "/nowhere"]);
    output.exits(1);
    let answer = "answer    400 HEAD_INVALID: the method `get` differs from GET only in case";
    assert!(output.stdout.contains(answer), "{}", output.stdout);
}

#[test]
fn answers_to_grpc_clients_are_explained_in_their_form() {
    let of = |content_type: &str, path: &str| {
        let line = format!("Content-Type: {content_type}");
        let output = explain(&["--tenant", "globex", "--header", &line, "POST", path]);
        output.exits(1);
        output.stdout
    };
    for (content_type, path, answer) in [
        (
            "application/grpc",
            "/api/dispatch/v2/board",
            "200 with grpc-status 12, by Sluice; `unmatched` answers unknown paths",
        ),
        (
            "application/grpc+proto",
            "/api/%2F",
            "200 with grpc-status 13 TARGET_INVALID: ",
        ),
        (
            "application/grpc-web",
            "/api/dispatch/v2/board",
            "404, by Sluice; `unmatched` answers unknown paths",
        ),
    ] {
        let text = of(content_type, path);
        let answer = format!("answer    {answer}");
        assert!(text.contains(&answer), "{content_type} {path}: {text}");
    }
}

#[test]
fn columns_are_as_wide_as_their_longest_entry() {
    let folder = demo_folder();
    let rules = "rules: [{ name: those of the countries of the second wave, when: { attribute: country, in: [DE, AT, CH, FR, IT] }, serve: on }]";
    let kind = "requires: [dispatch.core]";
    files::edit(folder.path(), "flags.yaml", kind, &format!("{kind}\n    {rules}"));
    let arguments = ["explain", "--tenant", "acme", "--attribute", "country=DE"];
    let path = format!("//api/dispatch/v2/{}", "board/".repeat(9));
    let output = sluice(folder.path(), arguments.iter().chain(&["GET", &path]), "");
    for pair in [
        ("and 2 more]", "yes"),
        ("second wave`", "yes"),
        ("board/", "(as sent"),
    ] {
        let line = output
            .stdout
            .lines()
            .find(|line| line.contains(pair.0) && line.contains(pair.1));
        let line = line.unwrap_or_else(|| panic!("no line with {pair:?} in\n{}", output.stdout));
        let (_, after) = line.split_once(pair.0).unwrap();
        let after = after.trim_start_matches("board/");
        assert!(after.starts_with("  "), "{line}");
        assert!(after.trim_start().starts_with(pair.1), "{line}");
    }
}

#[test]
fn impossible_requests_are_usage_errors() {
    let codes = |arguments: &[&str]| {
        let output = explain(arguments);
        (output.code, output.stderr.contains("error: invalid value"))
    };
    // A route that requires no token, and one that does.
    for path in ["/nowhere", "/api/dispatch/v2/board"] {
        for tenant in ["", "a b"] {
            assert_eq!(
                codes(&["--tenant", tenant, "GET", path]),
                (2, true),
                "{tenant} {path}"
            );
        }
        for method in ["", "G T", "GET/"] {
            assert_eq!(codes(&[method, path]), (2, true), "{method} {path}");
        }
        for host in ["", "a@b", "a..b"] {
            assert_eq!(codes(&["--host", host, "GET", path]), (2, true), "{host} {path}");
        }
        assert_ne!(
            codes(&["--host", "Shop.example:81", "--tenant", "acme", "M-SEARCH", path]).0,
            2
        );
    }
}
