//! The admin listener over TLS: operators' tokens are not readable in transit.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;
use testkit::{Authority, CertificatePair, Client, ClientName, PATIENCE, Request, TlsClient, eventually};

use crate::files;
use crate::operator_tokens::{self, OperatorToken};
use crate::process::{CommandOutput, SluiceProcess, sluice};

struct EncryptedServer {
    folder: TempDir,
    authority: Authority,
    running: SluiceProcess,
}

impl EncryptedServer {
    /// Starts a server with a certificate for localhost, and more fields of `admin.tls`.
    fn start(more: &str) -> Self {
        let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        let config = format!(
            "version: 1
listeners: [{{ name: public, address: '127.0.0.1:0' }}]
admin:
  address: 127.0.0.1:0
  tls: {{ certificates: [{{ cert: admin.pem, key: admin.key }}]{more} }}
  operators: {{ tokens: {{ file: operators.yaml }} }}
flags: {{ file: flags.yaml }}
upstreams: {{ app: '127.0.0.1:9' }}
unmatched: {{ upstream: app }}
"
        );
        let ann = OperatorToken::issue("ann", "viewer");
        let token = folder.path().join("ann.token");
        fs::write(&token, &ann.secret).unwrap();
        fs::set_permissions(&token, Permissions::from_mode(0o600)).unwrap();
        operator_tokens::write_document(folder.path(), "operators.yaml", &[&ann]);
        fs::write(
            folder.path().join("flags.yaml"),
            "version: 1\nflags: { board: {} }\n",
        )
        .unwrap();
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        fs::write(folder.path().join("sluice.yaml"), config).unwrap();
        write(folder.path(), &authority.server(&["localhost"]));
        let running = SluiceProcess::start(folder.path(), ["run"]);
        running.admin();
        Self {
            folder,
            authority,
            running,
        }
    }

    fn whoami(&self, more: &[&str]) -> CommandOutput {
        let server = format!("https://localhost:{}", self.running.admin().port());
        let arguments = ["whoami", "--server", &server, "--token-file", "ann.token"];
        sluice(self.folder.path(), arguments.iter().chain(more), "")
    }

    fn connect(&self) -> Client {
        let client = self.authority.trusted_by("localhost", &["h2", "http/1.1"], None);
        Client::connect_tls(self.running.admin(), &client)
    }
}

/// Replaces the certificate and its key, the key first.
fn write(folder: &std::path::Path, pair: &CertificatePair) {
    for (name, text) in [("admin.key", &pair.key), ("admin.pem", &pair.cert)] {
        files::replace(folder, name, text);
    }
}

#[test]
fn admin_api_metrics_and_probes_are_served_over_tls() {
    let server = EncryptedServer::start("");
    let output = server.whoami(&["--ca", "ca.pem"]);
    output.exits(0);
    assert!(
        output.stdout.starts_with("ann, viewer, at https://localhost:"),
        "{}",
        output.stdout
    );
    assert_eq!(output.stderr, "", "a warning without a cause");
    let mut client = server.connect();
    assert_eq!(client.protocol(), Some(&b"http/1.1"[..]));
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(client.ask(&Request::get(path)).status, 200, "{path}");
    }
    let metrics = client.ask(&Request::get("/metrics"));
    assert!(
        metrics
            .text()
            .contains("sluice_tls_handshakes_total{result=\"ok\"} 2"),
        "{}",
        metrics.text()
    );
}

#[test]
fn request_without_tls_or_trust_gets_no_response() {
    let server = EncryptedServer::start(", min_version: '1.3'");
    fs::write(server.folder.path().join("other.pem"), Authority::new().pem()).unwrap();
    assert_eq!(server.whoami(&["--ca", "other.pem"]).code, 3);
    let old = [&rustls::version::TLS12];
    let old = server.authority.trusted_over("localhost", &[], None, &old);
    assert!(Client::try_connect_tls(server.running.admin(), &old).is_err());
    let mut plain = TcpStream::connect(server.running.admin()).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain
        .write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
    assert_eq!(server.whoami(&["--ca", "ca.pem"]).code, 0);
}

#[test]
fn a_certificate_changes_without_a_dropped_connection() {
    let server = EncryptedServer::start("");
    let mut before = server.connect();
    assert_eq!(before.ask(&Request::get("/livez")).status, 200);
    let newer = server.authority.server(&["localhost"]);
    assert_ne!(before.certificate(), newer.der());
    write(server.folder.path(), &newer);
    eventually("the new certificate", || {
        let mut client = server.connect();
        (client.certificate() == newer.der()).then(|| client.ask(&Request::get("/livez")))
    });
    assert_eq!(before.ask(&Request::get("/livez")).status, 200);
    assert_eq!(server.whoami(&["--ca", "ca.pem"]).code, 0);
    assert!(!server.running.printed().join("\n").contains("next start"));
}

#[test]
fn sign_in_without_a_required_certificate_is_rejected() {
    let server = EncryptedServer::start(", client_certificates: { ca: ca.pem }");
    assert_eq!(server.whoami(&["--ca", "ca.pem"]).code, 3);
    let ours = server.authority.client(&[ClientName::Common("ops")]);
    let client: TlsClient = server.authority.trusted_by("localhost", &[], Some(&ours));
    let mut client = Client::connect_tls(server.running.admin(), &client);
    assert_eq!(client.ask(&Request::get("/livez")).status, 200);
    assert_eq!(
        client.ask(&Request::get("/api/v1/whoami")).code(),
        "NOT_SIGNED_IN"
    );
}

#[test]
fn start_warns_of_unencrypted_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let config = "version: 1\nlisteners: [{ name: public, address: '127.0.0.1:0' }]\n\
                  admin: { address: '192.0.2.1:9090', operators: { tokens: { file: operators.yaml } } }\n\
                  flags: { file: flags.yaml }\nupstreams: { app: '127.0.0.1:9' }\nunmatched: { upstream: app }\n";
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    operator_tokens::write_document(folder.path(), "operators.yaml", &[]);
    fs::write(folder.path().join("flags.yaml"), "version: 1\nflags: {}\n").unwrap();
    // The address belongs to no machine, so nothing is opened.
    let running = SluiceProcess::start(folder.path(), ["run"]);
    running.line("warning[admin-without-tls]: operators' tokens are sent unencrypted to `192.0.2.1:9090`");
}

#[test]
fn the_listener_of_orgs_is_served_over_tls() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let config = "version: 1
listeners: [{ name: public, address: '127.0.0.1:0' }]
admin: { address: '127.0.0.1:0', operators: { tokens: { file: operators.yaml } } }
console: { tenants: { address: '127.0.0.1:0', tls: { certificates: [{ cert: admin.pem, key: admin.key }] } } }
flags: { store: { sqlite: data, seed: flags.yaml } }
upstreams: { app: '127.0.0.1:9' }
unmatched: { upstream: app }
";
    let flags = "version: 1\ntiers: [small]\nflags: { board: { lifecycle: ga } }\ntenants: { acme: { tier: small } }\n";
    let bob = OperatorToken::issue_for_org("bob", "acme");
    operator_tokens::write_document(folder.path(), "operators.yaml", &[&bob]);
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    fs::write(folder.path().join("flags.yaml"), flags).unwrap();
    write(folder.path(), &authority.server(&["localhost"]));
    let running = SluiceProcess::start(folder.path(), ["run"]);
    let trusted = authority.trusted_by("localhost", &["h2", "http/1.1"], None);
    let host = format!("localhost:{}", running.tenants().port());

    let sign_in = Request::post("/console/sign-in", format!("token={}", bob.secret))
        .host(&host)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", &format!("https://{host}"));
    let answer = Client::connect_tls(running.tenants(), &trusted).ask(&sign_in);
    assert_eq!(
        answer.header("location"),
        Some("/admin/feature-flags"),
        "{}",
        answer.text()
    );
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("__Host-") && cookie.contains("Secure") && cookie.contains("HttpOnly"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap();
    let page = Request::get("/admin/feature-flags")
        .host(&host)
        .header("cookie", cookie);
    let page = Client::connect_tls(running.tenants(), &trusted).ask(&page);
    assert_eq!(page.status, 200, "{}", page.text());

    // Without TLS nothing is answered.
    let mut plain = TcpStream::connect(running.tenants()).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain
        .write_all(format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes())
        .unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
}
