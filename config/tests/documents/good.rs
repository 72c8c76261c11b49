//! Valid documents load, and every field has its documented meaning.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use config::{
    AttributeType, CertificateName, ClientCertificateMode, Files, KeySource, LoadedConfig, LogFormat,
    LogLevel, LogOutput, ProcessLogFormat, RequestAttribute, RequestValue, TlsVersion, TokenSource,
};
use rules::{
    Auth, ClosedAnswer, Destination, Eligibility, EncodedSlash, ForwardingHeader, GateMode, HostPattern,
    Include, OnError, Otherwise, TrailingSlash, Unmatched, UpstreamId,
};

fn good(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/good")
        .join(name)
}

fn gateway() -> LoadedConfig {
    let variable = |name: &str| (name == "JWT_SECRET").then(|| "0123456789abcdef0123456789abcdef".to_owned());
    config::load(&good("gateway/sluice.yaml"), &variable).unwrap_or_else(|report| panic!("{report}"))
}

#[test]
fn files_in_memory_load_like_files_on_disk() {
    let disk = gateway();
    let folder = good("gateway");
    let mut files = std::collections::BTreeMap::new();
    for path in disk.inputs.files() {
        files.insert(path.to_owned(), std::fs::read(path).unwrap());
    }
    let variable = |name: &str| (name == "JWT_SECRET").then(|| "0123456789abcdef0123456789abcdef".to_owned());
    let load = |files| config::load_from(Files::Memory(files), &folder.join("sluice.yaml"), &variable);
    let memory = load(files.clone()).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(memory.snapshot.revision, disk.snapshot.revision);
    assert_eq!(memory.inputs, disk.inputs);
    assert!(
        disk.variables().iter().eq(["JWT_SECRET"]),
        "{:?}",
        disk.variables()
    );
    files.remove(&folder.join("gone.html"));
    files.remove(&folder.join("flags.d/a.yaml"));
    files.remove(&folder.join("flags.d/b.json"));
    let report = load(files).expect_err("files are missing");
    let codes: Vec<_> = report.problems().iter().map(|problem| problem.code).collect();
    assert!(
        codes.iter().all(|code| *code == "file-missing") && codes.len() >= 2,
        "{report}"
    );
}

#[test]
fn the_document_of_the_flags_page_loads() {
    let loaded = config::load_flags(&good("language/flags.yaml"), Eligibility::Enforced);
    let loaded = loaded.unwrap_or_else(|report| panic!("{report}"));
    assert_eq!((loaded.flags.len(), loaded.tenants.len()), (6, 2));
    assert!(loaded.tenants.find("4711").is_some());
    let id = loaded.flags.id("dispatch.v2Board").unwrap();
    let place = loaded
        .line_index
        .place(loaded.flags.flag(id).unwrap().site())
        .unwrap();
    assert_eq!((place.line, place.column), (11, 3));
}

#[test]
fn the_demo_example_loads_except_for_its_generated_key() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/demo/sluice.yaml");
    match config::load(&example, &|_| None) {
        Ok(_) => {}
        Err(report) => {
            let codes: Vec<_> = report.problems().iter().map(|problem| problem.code).collect();
            assert_eq!(codes, ["file-missing"], "{report}");
        }
    }
}

#[test]
fn settings_equal_the_document() {
    let settings = gateway().settings;
    let addresses: Vec<SocketAddr> = settings
        .listeners
        .iter()
        .map(|listener| listener.address)
        .collect();
    assert_eq!(
        addresses,
        ["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()]
    );
    assert_eq!(
        settings.admin.as_ref().unwrap().address,
        "[::1]:9090".parse().unwrap()
    );
    let hosts = &settings.admin.as_ref().unwrap().hosts;
    assert!(hosts.accept([&b"sluice.internal:9090"[..]]) && !hosts.accept([&b"other.internal"[..]]));
    assert_eq!(settings.threads, Some(2));
    assert_eq!(settings.body_limit, None);
    let proxies = &settings.trusted_proxies;
    assert!(proxies.networks.contain([10, 1, 2, 3].into()));
    assert_eq!(proxies.header, ForwardingHeader::Forwarded);
    assert_eq!(*proxies.overwritten, ["x-real-ip", "cf-connecting-ip"]);
    assert_eq!(
        (settings.drain.delay_ms, settings.drain.timeout_ms),
        (Some(5_000), 60_000)
    );
    assert_eq!(
        (settings.log.level, settings.log.format),
        (Some(LogLevel::Debug), Some(ProcessLogFormat::Json))
    );
    assert_eq!(
        settings.access_log.output,
        LogOutput::File(good("gateway/access.log"))
    );
    assert_eq!(
        (settings.access_log.format, settings.access_log.query),
        (LogFormat::Human, true)
    );
    let receipts = settings.receipts.unwrap();
    assert_eq!((receipts.keep, receipts.sample_ppm), (512, 10_000));
    assert_eq!(settings.errors[0].0, 404);
    assert_eq!(&*settings.errors[0].1.bytes, b"gone\n");
    assert_eq!(&*settings.errors[0].1.content_type, "text/html; charset=utf-8");
}

#[test]
fn identity_equals_the_document_without_unread_attributes() {
    let loaded = gateway();
    let identity = loaded.identity;
    assert_eq!(identity.token, TokenSource::Cookie("session".into()));
    assert_eq!(&*identity.realm, "shop");
    let id = |name| loaded.snapshot.flags.attribute_id(name).unwrap();
    let expected = [
        (
            "country",
            RequestValue::Header("cf-ipcountry".into()),
            AttributeType::Text,
        ),
        ("theme", RequestValue::Cookie("theme".into()), AttributeType::Text),
        (
            "seats",
            RequestValue::Header("x-seats".into()),
            AttributeType::Number,
        ),
        (
            "trial",
            RequestValue::Cookie("trial".into()),
            AttributeType::Boolean,
        ),
    ];
    let expected = expected.map(|(name, value, value_type)| RequestAttribute {
        id: id(name),
        value,
        value_type,
    });
    assert_eq!(identity.attributes, expected);
    assert_eq!(identity.issuers[0].issuer.leeway_seconds(), 10);
    assert_eq!(identity.issuers[1].issuer.leeway_seconds(), 30);
    match &identity.issuers[0].keys {
        KeySource::Url {
            url,
            refresh_ms,
            keep_keys_ms,
        } => {
            let expected = ("https://login.example/jwks", 60_000, Some(43_200_000));
            assert_eq!((&**url, *refresh_ms, *keep_keys_ms), expected);
        }
        KeySource::Fixed(_) => panic!("a URL is fetched"),
    }
    assert!(matches!(&identity.issuers[1].keys, KeySource::Fixed(_)));
}

#[test]
fn upstreams_equal_the_document() {
    let snapshot = gateway().snapshot;
    let legacy = &snapshot.upstreams[0];
    let endpoints: Vec<_> = legacy
        .endpoints
        .iter()
        .map(|endpoint| (&*endpoint.host, endpoint.port))
        .collect();
    assert_eq!(
        endpoints,
        [("127.0.0.1", 3000), ("legacy.internal", 3000), ("::1", 3000)]
    );
    let timeouts = legacy.timeouts;
    assert_eq!(
        (timeouts.connect_timeout_ms, timeouts.read_timeout_ms),
        (1_000, 250)
    );
    assert_eq!(
        (timeouts.write_timeout_ms, timeouts.idle_timeout_ms),
        (300_000, 3_600_000)
    );
}

fn upstream(index: usize) -> UpstreamId {
    UpstreamId::from_index(index).unwrap()
}

#[test]
fn routes_equal_the_document() {
    let snapshot = gateway().snapshot;
    let routes = &snapshot.routes;
    assert_eq!(routes.target.encoded_slash, EncodedSlash::Keep);
    assert_eq!(
        routes.unmatched,
        Unmatched::Upstream {
            upstream: upstream(0),
            auth: Auth::Lenient
        }
    );
    let [board, shop, blue, rest] = routes.all() else {
        panic!("four routes")
    };
    let takes = &routes.table().routes()[0];
    assert_eq!(takes.host, HostPattern::Wildcard("example.com".into()));
    assert_eq!(
        (takes.trailing_slash, takes.headers.len()),
        (TrailingSlash::Exact, 3)
    );
    assert_eq!(
        (board.auth, board.mode, board.on_error),
        (Auth::Optional, GateMode::Shadow, OnError::Open)
    );
    assert_eq!(board.gate.as_ref().unwrap().flags().len(), 3);
    let causes: Vec<_> = board.causes.iter().map(|(cause, _)| cause.as_str()).collect();
    assert_eq!(causes, ["default", "override", "killed"]);
    assert!(matches!(
        &board.causes[2].1,
        Otherwise::Answer(ClosedAnswer::Redirect { status: 307, .. })
    ));
    assert_eq!(
        (shop.auth, shop.mode, shop.on_error),
        (Auth::Required, GateMode::Enforce, OnError::Closed)
    );
    let Destination::Variants { upstreams, .. } = &shop.destination else {
        panic!("variants")
    };
    // The off variant comes first and is never served through an open gate.
    assert_eq!(upstreams[1..], [upstream(1), upstream(2)]);
    assert!(
        matches!(&shop.otherwise, Otherwise::Answer(ClosedAnswer::Reject(reject)) if reject.status == 410 && reject.body.is_some())
    );
    assert!(matches!(
        &blue.otherwise,
        Otherwise::Answer(ClosedAnswer::Redirect { status: 302, .. })
    ));
    assert_eq!(rest.auth, Auth::Required);
    assert!(rest.gate.is_none());
}

#[test]
fn headers_equal_the_document() {
    let snapshot = gateway().snapshot;
    let headers = &snapshot.headers;
    assert_eq!(
        (headers.tenant.as_deref(), headers.user.as_deref()),
        (Some("x-org"), None)
    );
    let flags = headers.flags.as_ref().unwrap();
    assert_eq!((&*flags.name, flags.budget), ("x-flags", 1024));
    let id = |key| snapshot.flags.id(key).unwrap();
    assert_eq!(flags.include, Include::List([id("board"), id("theme")].into()));
    let per_flag: Vec<_> = headers
        .per_flag
        .iter()
        .map(|(flag, name)| (*flag, &**name))
        .collect();
    assert_eq!(
        per_flag,
        [
            (id("board"), "x-flag-board"),
            (id("dispatch.v2_Board"), "x-flag-dispatch-v2-board")
        ]
    );
    assert_eq!(headers.reserved_prefix.as_deref(), Some("x-flag-"));
    assert_eq!(
        *headers.removed,
        ["x-internal-user".into(), "x-original-url".into()]
    );
}

#[test]
fn omitted_fields_have_their_documented_defaults() {
    let folder = tempfile::TempDir::new().unwrap();
    let text = "version: 1\nlisteners: [ { name: a, address: \"127.0.0.1:0\" } ]\nflags: { file: f.json }\n\
                upstreams: { api: api:80 }\n";
    std::fs::write(folder.path().join("sluice.yaml"), text).unwrap();
    std::fs::write(folder.path().join("f.json"), "{\"version\": 1}").unwrap();
    let loaded = config::load(&folder.path().join("sluice.yaml"), &|_| None).unwrap();
    let snapshot = loaded.snapshot;
    assert_eq!(&*snapshot.environment, "production");
    assert_eq!(snapshot.flags.eligibility(), Eligibility::Enforced);
    let admin = loaded.settings.admin.as_ref().unwrap();
    assert_eq!(
        (admin.address, &admin.tls),
        ("127.0.0.1:9090".parse().unwrap(), &None)
    );
    assert_eq!(loaded.settings.body_limit, Some(10 * 1024 * 1024));
    assert_eq!(snapshot.routes.unmatched, Unmatched::Reject(404));
    assert_eq!(snapshot.headers.tenant.as_deref(), Some("x-tenant-id"));
    assert_eq!(snapshot.headers.flags.as_ref().unwrap().include, Include::All);
    assert_eq!(snapshot.headers.reserved_prefix, None);
    assert_eq!(loaded.identity.token, TokenSource::Authorization);
    assert_eq!(snapshot.revision.0.len(), 12);
    assert!(loaded.warnings.is_empty());
}

#[test]
fn environment_is_relaxed_by_name_or_by_field() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("sluice.yaml");
    std::fs::write(folder.path().join("f.yaml"), "version: 1").unwrap();
    let check = |environment: &str, expected| {
        let text = format!(
            "version: 1\nenvironment: {environment}\nlisteners: [ {{ name: a, address: \"127.0.0.1:0\" }} ]\n\
             flags: {{ file: f.yaml }}\nupstreams: {{ api: api:80 }}\n"
        );
        std::fs::write(&path, text).unwrap();
        let loaded = config::load(&path, &|_| None).unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(loaded.snapshot.flags.eligibility(), expected, "{environment}");
    };
    check("staging", Eligibility::Relaxed);
    check("development", Eligibility::Relaxed);
    check("production", Eligibility::Enforced);
    check("eu-west", Eligibility::Enforced);
    check("{ name: staging, lifecycle: enforced }", Eligibility::Enforced);
    check("{ name: eu-west, lifecycle: relaxed }", Eligibility::Relaxed);
}

#[test]
fn tls_of_a_listener_has_certificates_and_client_modes() {
    let settings =
        config::load(&good("tls/sluice.yaml"), &|_| None).unwrap_or_else(|report| panic!("{report}"));
    let [encrypted, plain] = &settings.settings.listeners[..] else {
        panic!("two listeners");
    };
    let tls = encrypted.tls.as_ref().unwrap();
    let names: Vec<Vec<&str>> = tls
        .certificates
        .iter()
        .map(|certificate| certificate.names.iter().map(|name| &**name).collect())
        .collect();
    assert_eq!(names, [vec!["a.example", "www.a.example"], vec!["b.example"]]);
    assert_eq!((tls.min_version, tls.http2), (TlsVersion::Tls13, false));
    let clients = tls.client_certificates.as_ref().unwrap();
    assert_eq!(
        (clients.mode, clients.roots.len()),
        (ClientCertificateMode::Optional, 1)
    );
    assert_eq!(
        settings.identity.certificate_tenant,
        Some(CertificateName::SanUri)
    );
    assert_eq!((plain.tls.as_ref(), plain.h2c), (None, true));
    let files: Vec<_> = settings.inputs.files().filter_map(Path::file_name).collect();
    assert!(
        ["a.pem", "a.key", "b.pem", "b.key"]
            .iter()
            .all(|file| files.iter().any(|read| read == file))
    );
}

#[test]
fn a_change_of_the_health_listener_needs_a_restart() {
    let load = |address: &'static str| {
        let variable =
            move |name: &str| (name == config::HEALTH_ADDRESS_VARIABLE).then(|| address.to_owned());
        config::load(&good("tls/sluice.yaml"), &variable)
            .unwrap()
            .settings
    };
    let (old, new) = (load(""), load("0.0.0.0:9091"));
    assert_eq!(
        (old.health, new.health),
        (None, Some("0.0.0.0:9091".parse().unwrap()))
    );
    assert_eq!(old.needs_restart(&new), ["health"]);
}

#[test]
fn certificates_change_without_a_restart_but_not_tls_itself() {
    let load = || {
        config::load(&good("tls/sluice.yaml"), &|_| None)
            .unwrap()
            .settings
    };
    let (old, mut new) = (load(), load());
    let tls = new.listeners[0].tls.as_mut().unwrap();
    tls.certificates.pop();
    tls.client_certificates = None;
    assert_ne!(old, new);
    assert!(old.needs_restart(&new).is_empty());
    new.listeners[0].tls = None;
    assert_eq!(old.needs_restart(&new), ["listeners"]);
}
