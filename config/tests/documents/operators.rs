//! Operators and the policy of changes, as read from documents.

use std::collections::BTreeMap;
use std::path::PathBuf;

use config::{
    ChangePolicy, Files, KeySource, LoadedConfig, PrometheusSource, PromotionCondition, Report,
    RequiredSignOff, Signer,
};

const HASH: &str = "hmac-sha256:AAAAAAAAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const FLAGS: &str = "version: 1\nflags:\n  a: { kind: ops }\n";

/// Loads a document with these lines, and with this document of tokens in a file and in the environment.
fn load(lines: &str, tokens: &str) -> Result<LoadedConfig, Report> {
    let sluice = format!(
        "version: 1\nlisteners: [{{ name: a, address: \"127.0.0.1:0\" }}]\nflags: {{ file: flags.yaml }}\n\
         upstreams: {{ board: \"127.0.0.1:8081\" }}\n{lines}\n"
    );
    let files = [
        ("sluice.yaml", sluice.as_str()),
        ("flags.yaml", FLAGS),
        ("operators.yaml", tokens),
    ];
    let files: BTreeMap<PathBuf, Vec<u8>> = files
        .into_iter()
        .map(|(name, text)| (name.into(), text.into()))
        .collect();
    let variable = |name: &str| match name {
        "TOKENS" => Some(tokens.to_owned()),
        "SECRET" => Some("0123456789abcdef0123456789abcdef".to_owned()),
        _ => None,
    };
    config::load_from(Files::Memory(files), "sluice.yaml".as_ref(), &variable)
}

#[test]
fn static_tokens_are_read_from_a_file_or_the_environment() {
    let tokens = format!(
        "version: 1\ntokens:\n  - {{ name: ann, role: platform-admin, hash: \"{HASH}\", expires: 2027-01-01T00:00:00Z }}\n  \
         - {{ name: bob, role: org-admin, org: acme, hash: \"{HASH}\" }}\n"
    );
    let address = "address: \"0.0.0.0:9090\"";
    let file = load(
        &format!("admin: {{ {address}, operators: {{ tokens: {{ file: operators.yaml }} }} }}"),
        &tokens,
    );
    let variable = load(
        &format!("admin: {{ {address}, operators: {{ tokens: {{ env: \"${{TOKENS}}\" }} }} }}"),
        &tokens,
    );
    let read = [file, variable].map(|loaded| {
        let loaded = loaded.unwrap_or_else(|report| panic!("{report}"));
        assert!(loaded.settings.admin.unwrap().address.ip().is_unspecified());
        loaded.operators.unwrap().tokens
    });
    assert_eq!(read[0], read[1]);
    let [ann, bob] = &read[0][..] else {
        panic!("{read:?}")
    };
    assert_eq!(
        (&*ann.name, ann.role.as_str(), ann.org.as_deref()),
        ("ann", "platform-admin", None)
    );
    assert_eq!(ann.expires.unwrap().0, 1_798_761_600_000);
    assert_eq!(
        (bob.org.as_deref(), &*bob.hash, bob.expires),
        (Some("acme"), HASH, None)
    );
}

#[test]
fn an_issuer_of_operators_has_its_claims_and_roles() {
    let issuer = "admin: { address: \"127.0.0.1:0\", operators: { issuer: { issuer: \"https://staff\", audiences: [sluice], \
                  algorithms: [HS256], keys: { secret: \"${SECRET}\" }, claims: { roles: realm.roles }, \
                  roles: { sre: platform-admin, support: viewer } } } }";
    let loaded = load(issuer, "").unwrap_or_else(|report| panic!("{report}"));
    let operators = loaded.operators.unwrap();
    assert!(operators.tokens.is_empty());
    let issuer = operators.issuer.unwrap();
    assert_eq!(issuer.issuer.issuer.name(), "https://staff");
    assert!(matches!(issuer.issuer.keys, KeySource::Fixed(_)));
    let roles: Vec<(&str, &str)> = issuer.roles.iter().map(|(a, b)| (&**a, b.as_str())).collect();
    assert_eq!(roles, [("sre", "platform-admin"), ("support", "viewer")]);
    // An issuer of operators is not an issuer of tenants' tokens.
    assert!(loaded.identity.issuers.is_empty());
}

#[test]
fn empty_operators_section_is_rejected() {
    let report = load("admin: { address: \"127.0.0.1:0\", operators: {} }", "").unwrap_err();
    assert_eq!(report.problems()[0].code, "missing-field", "{report}");
    let none = load("", "").unwrap_or_else(|report| panic!("{report}"));
    assert!(none.operators.is_none());
}

#[test]
fn the_policy_has_only_what_the_document_sets() {
    let loaded = load("", "").unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(loaded.settings.changes, ChangePolicy::default());
    let control = "control: { promotion: { soak: 1h, \
                   beta: { soak: 30m, sign_offs: { engineering: [flag: owner] }, errors: 1, errors_window: 1h }, \
                   ga: { soak: 3h, tenants: 3, tenant_age: 1h, stable: 2h, revertible: optional, \
                   sign_offs: { operations: [group: ops-leads, ann] }, errors: 5, errors_window: 10m }, \
                   retired: { soak: 14d }, watch: 12h, \
                   urgent: { never_skip: [FLAG_ERRORS], skip_states: true } }, max_blast_radius: 0, \
                   stale: { ga: 7d, unused: 48h, undecided: 0s }, \
                   prometheus: { url: 'http://prometheus:9090/p/', timeout: 2s, token_file: /run/t }, \
                   public_url: 'https://ops.example.com/sluice/' }";
    let loaded = load(control, "").unwrap_or_else(|report| panic!("{report}"));
    let required = |role: &str, signers| RequiredSignOff {
        role: role.into(),
        signers: Some(signers),
    };
    let expected = ChangePolicy {
        soak_ms: Some(3_600_000),
        beta_soak_ms: Some(1_800_000),
        beta_sign_offs: Some(vec![required("engineering", vec![Signer::Owner])]),
        beta_errors: Some(1),
        beta_errors_window_ms: Some(3_600_000),
        ga_soak_ms: Some(10_800_000),
        ga_tenant_age_ms: Some(3_600_000),
        retired_soak_ms: Some(14 * 86_400_000),
        watch_ms: Some(43_200_000),
        urgent_never_skips: Some(vec![PromotionCondition::Errors]),
        urgent_skips_states: Some(true),
        ga_tenants: Some(3),
        ga_stable_ms: Some(7_200_000),
        ga_revertible: Some(false),
        ga_sign_offs: Some(vec![required(
            "operations",
            vec![Signer::Group("ops-leads".into()), Signer::Name("ann".into())],
        )]),
        ga_errors: Some(5),
        ga_errors_window_ms: Some(600_000),
        max_blast_radius: Some(0),
        stale_ga_ms: Some(604_800_000),
        stale_unused_ms: Some(172_800_000),
        stale_undecided_ms: Some(0),
        prometheus: Some(PrometheusSource {
            url: "http://prometheus:9090/p".into(),
            timeout_ms: 2_000,
            token_file: Some("/run/t".into()),
        }),
        public_url: Some("https://ops.example.com/sluice".into()),
    };
    assert_eq!(loaded.settings.changes, expected);
}

#[test]
fn the_public_url_is_https_or_on_loopback() {
    let is_valid = |url: &str| load(&format!("control: {{ public_url: '{url}' }}"), "").is_ok();
    for url in [
        "https://sluice.example.com",
        "https://ops.example.com:8443/sluice/flags/",
        "http://127.0.0.1:9090",
        "http://[::1]:9090",
        "http://localhost:9090/x",
    ] {
        assert!(is_valid(url), "{url}");
    }
    for url in [
        "http://sluice.example.com",
        "http://localhost.example.com",
        "https://",
        "https:///flags",
        "ftp://127.0.0.1",
        "https://ops:hunter2@sluice.example.com",
        "https://sluice.example.com/?q=1",
        "https://sluice.example.com/#top",
        "https://sluice.example.com/a|b",
        "/sluice",
    ] {
        assert!(!is_valid(url), "{url}");
    }
}

#[test]
fn sign_offs_are_a_list_of_roles_or_name_their_signers() {
    let sign_offs = |written: &str| {
        let control = format!("control: {{ promotion: {{ ga: {{ sign_offs: {written} }} }} }}");
        load(&control, "")
    };
    let loaded = sign_offs("[operations]").unwrap_or_else(|report| panic!("{report}"));
    let anyone = RequiredSignOff {
        role: "operations".into(),
        signers: None,
    };
    assert_eq!(loaded.settings.changes.ga_sign_offs, Some(vec![anyone]));
    for written in [
        "{ operations: [] }",
        "{ operations: ann }",
        "{ operations: [{ group: a, flag: owner }] }",
        "{ operations: [{ team: a }] }",
        "operations",
    ] {
        let report = sign_offs(written).unwrap_err();
        assert!(!report.problems().is_empty(), "{written}");
    }
    let report = load("control: { promotion: { urgent: { never_skip: [SOAK] } } }", "").unwrap_err();
    assert!(report.to_string().contains("SOAK_NOT_ELAPSED"), "{report}");
}

#[test]
fn audit_log_actor_names_are_reserved() {
    let operators = "admin: { address: \"127.0.0.1:0\", operators: { tokens: { file: operators.yaml } } }";
    let tokens = |name: &str| {
        format!("version: 1\ntokens:\n  - {{ name: \"{name}\", role: viewer, hash: \"{HASH}\" }}\n")
    };
    for name in [
        "local",
        "Local",
        "sluice",
        "unknown",
        "files",
        "uid:0",
        "oidc:https://login.example#ann",
    ] {
        let report = load(operators, &tokens(name)).unwrap_err();
        let codes: Vec<&str> = report.problems().iter().map(|problem| problem.code).collect();
        assert_eq!(codes, ["reserved-name"], "{report}");
        assert!(report.to_string().contains("choose another name"), "{report}");
    }
    for name in ["locals", "uid", "ann@example.com", "Ann Lee (CI)"] {
        load(operators, &tokens(name)).unwrap_or_else(|report| panic!("{report}"));
    }
}

#[test]
fn names_of_static_tokens_do_not_look_alike() {
    let operators = "admin: { address: \"127.0.0.1:0\", operators: { tokens: { file: operators.yaml } } }";
    let long = "a".repeat(129);
    for name in [
        "ann ",
        " ann",
        "ann  lee",
        "\u{430}nn",
        "ann\u{200b}",
        "\u{a0}ann",
        "\u{e4}nn",
        &long,
    ] {
        let tokens =
            format!("version: 1\ntokens:\n  - {{ name: {name:?}, role: viewer, hash: \"{HASH}\" }}\n");
        let tokens = tokens
            .replace("\\u{200b}", "\u{200b}")
            .replace("\\u{a0}", "\u{a0}");
        let report = load(operators, &tokens).unwrap_err();
        let codes: Vec<&str> = report.problems().iter().map(|problem| problem.code).collect();
        assert_eq!(codes, ["invalid-name"], "{name:?}: {report}");
        assert!(report.to_string().contains("visible ASCII"), "{report}");
    }
}

#[test]
fn secret_in_place_of_a_tokens_document_is_masked() {
    let long = "summer-holiday".repeat(6);
    for secret in ["Zq81xkLw09TTabbcc7", "summer-holiday", &long] {
        for tokens in [
            "SECRET",
            "\"SECRET\"",
            "ann:SECRET",
            "ann: SECRET",
            "SECRET: viewer",
            "[SECRET]",
            "[[SECRET]]",
            "{ SECRET }",
            "@SECRET",
            "%SECRET",
            "*SECRET",
            "!SECRET x",
            "ann: SECRET: x",
            "\tSECRET",
            "SECRET: 1\nSECRET: 2",
            "version: SECRET\ntokens: []",
            "version: 1\ntokens: SECRET",
            "version: 1\ntokens: { ann: SECRET }",
            "version: 1\ntokens: { SECRET: ann }",
            "version: 1\ntokens: { ann: { x: [SECRET] } }",
            "version: 1\ntokens: [{ name: ann, role: viewer, hash: HASH, expires: SECRET }]",
            "version: 1\ntokens: [{ name: ann, role: SECRET, org: acme, hash: HASH }]",
            "version: 1\ntokens: [{ name: { x: SECRET }, role: viewer, hash: HASH }]",
        ] {
            let text = tokens.replace("SECRET", secret).replace("HASH", HASH);
            for source in ["file: operators.yaml", "env: \"${TOKENS}\""] {
                let admin =
                    format!("admin: {{ address: \"127.0.0.1:0\", operators: {{ tokens: {{ {source} }} }} }}");
                let report = load(&admin, &text).unwrap_err().to_string();
                let part = &secret[..14];
                assert!(
                    !report.contains(part),
                    "`{part}` is in the report on {tokens}:\n{report}"
                );
                assert!(!report.contains("`[*"), "{report}");
            }
        }
    }
}

#[test]
fn misspelling_in_a_tokens_document_is_shown() {
    let operators = "admin: { address: \"127.0.0.1:0\", operators: { tokens: { file: operators.yaml } } }";
    let entry = |fields: &str| format!("version: 1\ntokens: [{{ name: ann, hash: \"{HASH}\", {fields} }}]");
    for (tokens, shown) in [
        (entry("rolle: viewer"), "rolle"),
        (
            entry("role: viewer, expires: 2027-13-01T00:00:00Z"),
            "2027-13-01T00:00:00Z",
        ),
        (entry("role: viewer, expires: tomorrow"), "tomorrow"),
        ("version: 1\ntokns: []".to_owned(), "did you mean `tokens`?"),
        (
            format!("operators: [{{ name: ann, role: operator, hash: \"{HASH}\" }}]"),
            "has no field `operators`",
        ),
    ] {
        let report = load(operators, &tokens).unwrap_err().to_string();
        assert!(report.contains(shown), "{report}");
    }
}

#[test]
fn credentials_in_a_key_are_masked_in_other_problems() {
    for key in [
        "ops:summer-holiday@127.0.0.1:8082".to_owned(),
        format!("ops:summer-holiday{}@a:1", "x".repeat(60)),
    ] {
        for lines in [
            format!(
                "upstreams: {{ \"{key}\": \"127.0.0.1:8081\" }}\nroutes: [{{ match: /a, upstream: bord }}]"
            ),
            format!("upstreams: {{ \"{key}\": 1, \"{key}\": 2 }}"),
            format!("\"{key}\": 1"),
            format!("\"{key}\": 1\n\"{key}\": 1\n}}"),
        ] {
            let text = format!(
                "version: 1\nlisteners: [{{ name: a, address: \"127.0.0.1:0\" }}]\nflags: {{ file: flags.yaml }}\n{lines}\n"
            );
            let files = [("sluice.yaml", text), ("flags.yaml", FLAGS.to_owned())];
            let files = files.map(|(name, text)| (PathBuf::from(name), text.into_bytes()));
            let report = config::load_from(Files::Memory(files.into()), "sluice.yaml".as_ref(), &|_| None)
                .unwrap_err();
            let report = report.to_string();
            assert!(!report.contains("summer"), "of {lines}\n{report}");
        }
    }
}

#[test]
fn a_sign_in_of_people_has_its_own_or_the_issuers_roles() {
    let provider = |more: &str| {
        format!(
            "oidc: {{ issuer: \"https://login.example\", client_id: sluice, client_secret_file: secret {more} }}"
        )
    };
    let issuer = "issuer: { issuer: \"https://tokens.example\", audiences: [a], algorithms: [ES256], \
                  keys: { jwks_url: \"https://tokens.example/jwks\" }, claims: { roles: groups }, roles: { all: viewer } }";
    let load_with = |operators: &str| {
        let lines = format!("admin: {{ address: \"127.0.0.1:0\", operators: {{ {operators} }} }}");
        load(&lines, "version: 1\ntokens: []\n")
    };
    let roles = |operators: &str| {
        let loaded = load_with(operators).unwrap_or_else(|report| panic!("{report}"));
        let sign_in = loaded.operators.unwrap().sign_in.unwrap();
        assert_eq!(sign_in.client_secret_file, Some(PathBuf::from("secret")));
        let roles = sign_in.roles.into_iter();
        roles
            .map(|(value, role)| format!("{value} {role}"))
            .collect::<Vec<_>>()
    };
    let own = provider(", roles: { ops: operator }");
    assert_eq!(roles(&format!("sign_in: {{ {own} }}")), ["ops operator"]);
    assert_eq!(
        roles(&format!("{issuer}, sign_in: {{ {own} }}")),
        ["ops operator"]
    );
    let shared = format!("{issuer}, sign_in: {{ {} }}", provider(""));
    assert_eq!(roles(&shared), ["all viewer"]);
    let report = load_with(&format!("sign_in: {{ {} }}", provider(""))).unwrap_err();
    let report = report.to_string();
    assert!(report.contains("a sign-in of people needs `roles`"), "{report}");
    for url in [
        "http://login.example",
        "https://a@login.example",
        "https://login.example?x",
        "login",
    ] {
        let provider = own.replace("https://login.example", url);
        let report = load_with(&format!("sign_in: {{ {provider} }}")).unwrap_err();
        assert!(
            report.to_string().contains("is not the https URL of an issuer"),
            "{url}"
        );
    }
}

#[test]
fn a_listener_of_orgs_needs_operators() {
    let load_with = |admin: &str, more: &str| {
        let lines =
            format!("admin: {{ address: \"127.0.0.1:0\" {admin} }}\nconsole: {{ tenants: {{ {more} }} }}");
        load(&lines, "version: 1\ntokens: []\n")
    };
    let operators = ", operators: { tokens: { file: operators.yaml } }";
    let loaded = load_with(
        operators,
        "address: \"127.0.0.1:0\", public_url: \"https://flags.example\"",
    );
    let loaded = loaded.unwrap_or_else(|report| panic!("{report}"));
    assert!(loaded.warnings.is_empty());
    let tenants = loaded.settings.tenants.unwrap();
    assert_eq!(tenants.public_url.as_deref(), Some("https://flags.example"));
    let report = load_with("", "address: \"127.0.0.1:0\"").unwrap_err().to_string();
    assert!(
        report.contains("`console.tenants` needs `admin.operators`"),
        "{report}"
    );
    let open = load_with(operators, "address: \"0.0.0.0:9443\"").unwrap_or_else(|report| panic!("{report}"));
    let warnings = open.warnings.to_string();
    assert!(
        warnings.contains("operators' tokens are sent unencrypted to `0.0.0.0:9443`"),
        "{warnings}"
    );
}
