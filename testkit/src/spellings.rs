//! Spellings of a request for one resource that a proxy may take for another. The list is the same in each
//! run; an [`Origin`](crate::Origin) decides which of them reach the resource.

mod pieces;

use std::collections::HashSet;
use std::fmt::Write as _;

use self::pieces::{CLIMBS, FORMATS, SLASHES, SUFFIXES};

/// The host of all spellings.
pub const GATED_HOST: &str = "app.test";
/// The path that they all try to reach.
pub const GATED_PATH: &str = "/admin/users";

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spelling {
    /// The kind of trick.
    pub family: &'static str,
    /// The method.
    pub method: String,
    /// The target; Latin-1, so that every byte can be sent.
    pub target: String,
    /// Header lines, `Host` among them.
    pub headers: Vec<(String, String)>,
}

impl Spelling {
    fn new(family: &'static str, target: impl Into<String>) -> Self {
        Self {
            family,
            method: "GET".to_owned(),
            target: target.into(),
            headers: vec![("Host".to_owned(), GATED_HOST.to_owned())],
        }
    }

    fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn host(mut self, host: &str) -> Self {
        self.headers = vec![("Host".to_owned(), host.to_owned())];
        self
    }

    /// Returns its bytes on the wire, with additional header lines.
    #[must_use]
    pub fn bytes(&self, more: &[(&str, &str)]) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let own = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(more.iter().copied()) {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        text.push_str("\r\n");
        text.chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap())
            .collect()
    }
}

/// Returns all spellings, each once.
#[must_use]
pub fn spellings() -> Vec<Spelling> {
    let mut all = vec![Spelling::new("plain", GATED_PATH)];
    separators(&mut all);
    climbs(&mut all);
    characters(&mut all);
    suffixes(&mut all);
    formats(&mut all);
    absolute(&mut all);
    methods(&mut all);
    overrides(&mut all);
    hosts(&mut all);
    mixtures(&mut all);
    let mut known = HashSet::new();
    all.retain(|spelling| {
        let Spelling {
            method,
            target,
            headers,
            ..
        } = spelling.clone();
        known.insert((method, target, headers))
    });
    all
}

fn separators(all: &mut Vec<Spelling>) {
    for first in SLASHES {
        for second in SLASHES {
            // A request line has a slash in front, or it is no path.
            let slash = if first.starts_with('/') { "" } else { "/" };
            all.push(Spelling::new(
                "separators",
                format!("{slash}{first}admin{second}users"),
            ));
        }
    }
}

fn climbs(all: &mut Vec<Spelling>) {
    let slashes = [
        "/",
        "//",
        "%2f",
        "%252F",
        "\\",
        "%5c",
        "%255c",
        "%25u002f",
        "%25c0%25af",
        ";/",
    ];
    for climb in CLIMBS {
        for before in slashes {
            for after in slashes {
                all.push(Spelling::new(
                    "climbs",
                    format!("/public{before}{climb}{after}admin/users"),
                ));
            }
        }
        all.push(Spelling::new("climbs", format!("/{climb}/admin/users")));
        all.push(Spelling::new("climbs", format!("/admin/x/{climb}/users")));
        all.push(Spelling::new(
            "climbs",
            format!("/a/b/{climb}/{climb}/admin/users"),
        ));
        all.push(Spelling::new("climbs", format!("/admin/users/x/{climb}")));
    }
}

/// Returns the `nth` way to write a character.
fn written(c: char, nth: usize) -> String {
    let code = u32::from(c);
    match nth {
        0 => c.to_string(),
        1 => c.to_ascii_uppercase().to_string(),
        2 => format!("%{code:02x}"),
        3 => format!("%25{code:02x}"),
        4 => format!("%2525{code:02X}"),
        5 => format!("%u{code:04x}"),
        6 => format!("%25u{code:04x}"),
        7 => format!(
            "%25%{:02x}%{:02x}",
            format!("{code:02x}").as_bytes()[0],
            format!("{code:02x}").as_bytes()[1]
        ),
        8 => format!("%25{:02x}%25{:02x}", 0xC0 | code >> 6, 0x80 | code & 0x3F),
        9 => format!("%{:02x}%{:02x}", 0xC0 | code >> 6, 0x80 | code & 0x3F),
        10 => {
            let wide = char::from_u32(code + 0xFEE0).unwrap().to_string();
            wide.bytes().map(|byte| format!("%{byte:02X}")).collect()
        }
        _ => format!("%{:02x}", u32::from(c.to_ascii_uppercase())),
    }
}
const WAYS: usize = 12;

fn characters(all: &mut Vec<Spelling>) {
    for way in 1..WAYS {
        let whole: String = GATED_PATH
            .chars()
            .map(|c| if c == '/' { c.to_string() } else { written(c, way) })
            .collect();
        all.push(Spelling::new("characters", whole));
        for (at, c) in GATED_PATH.char_indices().filter(|(_, c)| *c != '/') {
            let (before, after) = (&GATED_PATH[..at], &GATED_PATH[at + 1..]);
            all.push(Spelling::new(
                "characters",
                format!("{before}{}{after}", written(c, way)),
            ));
        }
    }
    for bits in (1_u32..1 << 10).step_by(7) {
        let mut nth = 0;
        let cased = GATED_PATH.chars().map(|c| {
            nth += u32::from(c != '/');
            if bits >> nth.min(10) & 1 == 1 {
                c.to_ascii_uppercase()
            } else {
                c
            }
        });
        all.push(Spelling::new("case", cased.collect::<String>()));
    }
    all.push(Spelling::new("case", "/admin/u%C5%BFers"));
    all.push(Spelling::new("case", "/admin/u%c5%bfer%c5%bf"));
}

fn suffixes(all: &mut Vec<Spelling>) {
    for suffix in SUFFIXES {
        all.push(Spelling::new("suffixes", format!("/admin/users{suffix}")));
        all.push(Spelling::new("suffixes", format!("/admin{suffix}/users")));
        all.push(Spelling::new("suffixes", format!("/Admin{suffix}/Users{suffix}")));
        for second in [";x", ".", "%20", "%2500"] {
            all.push(Spelling::new("suffixes", format!("/admin/users{suffix}{second}")));
        }
    }
    for prefix in [
        "/;x", "/%20", "/.", "/%2500", "/%3b", "/~", "/*", "/%2e", "/;a=b/", "/&/..", "/%25",
    ] {
        all.push(Spelling::new("prefixes", format!("{prefix}/admin/users")));
        all.push(Spelling::new("prefixes", format!("{prefix}admin/users")));
    }
}

fn formats(all: &mut Vec<Spelling>) {
    let paths = [
        "/admin/users",
        "/ADMIN/Users",
        "/admin;x/users",
        "/%2561dmin/users",
        "/admin%252Fusers",
        "/admin%255cusers",
        "/public/..;/admin/users",
        "/public/%252e%252e/admin/users",
        "//admin/./users",
        "/admin/%EF%BD%95sers",
        "/admin./users",
    ];
    for format in FORMATS {
        for path in paths {
            all.push(Spelling::new("formats", format!("{path}{format}")));
        }
        all.push(Spelling::new("formats", format!("/admin{format}/users")));
        for suffix in SUFFIXES {
            all.push(Spelling::new("formats", format!("/admin/users{suffix}{format}")));
        }
    }
}

fn absolute(all: &mut Vec<Spelling>) {
    let paths = [
        "/admin/users",
        "//admin/users",
        "/ADMIN/users",
        "/admin;x/users",
        "/%2561dmin/users",
        "/x/../admin/users",
    ];
    for path in paths {
        for origin in [
            "http://app.test",
            "HTTP://app.test",
            "https://app.test",
            "http://app.test:80",
            "http://APP.TEST",
            "http://app.test.",
            "http://other.test",
            "http://user@app.test",
            "http://app.test\\",
            "//app.test",
            "ftp://app.test",
            "http:/app.test",
            "http:",
            "/http://app.test",
        ] {
            all.push(Spelling::new("absolute form", format!("{origin}{path}")));
            if let Some(host) = origin.strip_prefix("http://") {
                all.push(Spelling::new("absolute form", format!("{origin}{path}")).host(host));
            }
        }
    }
    all.push(Spelling::new("absolute form", "http://app.test?/../admin/users"));
    all.push(Spelling::new("absolute form", "http://app.test#/admin/users"));
    all.push(Spelling::new("absolute form", "admin/users"));
    all.push(Spelling::new("absolute form", "*"));
}

fn methods(all: &mut Vec<Spelling>) {
    let methods = [
        "HEAD",
        "POST",
        "PUT",
        "DELETE",
        "OPTIONS",
        "PATCH",
        "get",
        "GeT",
        "PROPFIND",
        "TRACE",
        "ARBITRARY",
    ];
    for method in methods {
        for path in [
            "/admin/users",
            "/Admin/users",
            "/admin;x/users",
            "/%2561dmin/users",
            "/x/..;/admin/users",
        ] {
            all.push(Spelling::new("methods", path).method(method));
        }
        for name in [
            "X-HTTP-Method-Override",
            "X-HTTP-Method",
            "X-Method-Override",
            "X_HTTP_Method_Override",
        ] {
            all.push(
                Spelling::new("methods", "/admin/users")
                    .method(method)
                    .header(name, "GET"),
            );
            all.push(
                Spelling::new("methods", "/Admin/users")
                    .method(method)
                    .header(name, "GET"),
            );
        }
    }
}

fn overrides(all: &mut Vec<Spelling>) {
    for name in [
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Original-URI",
        "X-Rewrite-URI",
        "X-Override-URL",
        "X_Original_URL",
        "x.rewrite.url",
        "X-Forwarded-Prefix",
        "X-Script-Name",
        "X-HTTP-Path-Override",
        "X-Forwarded-Uri",
    ] {
        for target in ["/", "/public", "/users", "/public?x"] {
            for value in ["/admin/users", "/admin", "//admin/users", "/ADMIN/users"] {
                all.push(Spelling::new("URL override", target).header(name, value));
            }
        }
    }
}

fn hosts(all: &mut Vec<Spelling>) {
    for path in ["/admin/users", "/Admin/users", "/admin;x/users"] {
        for host in [
            "APP.TEST",
            "App.Test",
            "app.test.",
            "app.test:80",
            "app.test:8080",
            "app.test.:80",
            "other.test",
            "app.test,other.test",
            "app.test other.test",
            "",
            "127.0.0.1",
            "user@app.test",
            "app.test/x",
            "[::1]",
            "app%2etest",
            "app.test:",
            "app.test:080",
            "app..test",
        ] {
            all.push(Spelling::new("host", path).host(host));
        }
        for name in [
            "X-Forwarded-Host",
            "X-Host",
            "X-Original-Host",
            "Forwarded",
            "X_Forwarded_Host",
            "X-Forwarded-Server",
        ] {
            let value = if name == "Forwarded" {
                "host=app.test"
            } else {
                GATED_HOST
            };
            all.push(Spelling::new("host", path).host("other.test").header(name, value));
        }
        all.push(Spelling::new("host", path).header("Host", "other.test"));
        all.push(
            Spelling::new("host", path)
                .host("other.test")
                .header("Host", GATED_HOST),
        );
        let mut none = Spelling::new("host", path);
        none.headers.clear();
        all.push(none);
    }
}

/// Adds combinations of all tricks, drawn by a fixed generator.
fn mixtures(all: &mut Vec<Spelling>) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = |bound: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    for _ in 0..1_200 {
        let mut target = String::from("/");
        for _ in 0..below(3) {
            let (name, climb) = (
                ["public", "x;y", "a%20b", ""][below(4)],
                CLIMBS[below(CLIMBS.len())],
            );
            target += &[
                name,
                SLASHES[below(SLASHES.len())],
                climb,
                SLASHES[below(SLASHES.len())],
            ]
            .concat();
        }
        for name in ["admin", "users"] {
            for c in name.chars() {
                target += &written(c, if below(4) == 0 { below(WAYS) } else { 0 });
            }
            target += match below(6) {
                0 | 1 => SUFFIXES[below(SUFFIXES.len())],
                2 => FORMATS[below(FORMATS.len())],
                _ => "",
            };
            if name == "admin" {
                target += SLASHES[below(SLASHES.len())];
            }
        }
        all.push(Spelling::new("mixtures", target));
    }
}
