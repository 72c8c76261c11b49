//! Random requests: those that browsers send, and those that an attacker would send.

use serde_json::{Value, json};
use testkit::{Dice, Issuer, Spelling};

use super::documents::LISTENERS;

/// A random request, as sent to the proxy and as given to `explain`.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    /// The listener's name, and true if `explain` gets it.
    pub(crate) listener: (&'static str, bool),
    pub(crate) method: String,
    pub(crate) target: String,
    /// The host; empty for an HTTP/1.0 request without a host.
    pub(crate) host: String,
    pub(crate) headers: Vec<(String, String)>,
    /// The token that `explain` gets as an option, and the header line that contains it.
    token: Option<(String, (String, String))>,
    pub(crate) body: String,
}

/// The header or cookie that a gateway reads tokens from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenLocation {
    Authorization,
    Header,
    Cookie,
}

const METHODS: [&str; 20] = [
    "GET", "GET", "GET", "GET", "GET", "GET", "POST", "HEAD", "OPTIONS", "OPTIONS", "PUT", "BREW", "brew",
    "get", "Get", "CONNECT", "TRACE", "DELETE", "PATCH", "post",
];
const PATHS: [&str; 26] = [
    "/",
    "/admin",
    "/admin/users",
    "/admin/users/7",
    "/ADMIN",
    "/Admin/Users",
    "/a",
    "/a/b",
    "/a/x/c",
    "/app.js",
    "/app",
    "/files/a",
    "/files/a%2Fb",
    "/files/../admin",
    "/q",
    "/nowhere",
    "/admin/",
    "//admin",
    "/admin.json",
    "/admin;x=1",
    "/%61dmin",
    "/adm%69n/users",
    "/files/%2e%2e/admin",
    "/admin%2Fusers",
    "\\admin",
    "/a%5cb",
];
const ODD_TARGETS: [&str; 30] = [
    "*",
    "",
    "admin",
    "http://app.test/admin",
    "http://other.test/admin",
    "http://APP.test/admin",
    "https://app.test/",
    "http://app.test",
    "http://app.test?x",
    "http://u@app.test/admin",
    "app.test:80",
    "/ad`min",
    "/ad<min",
    "/ad>min",
    "/ad\"min",
    "/admin#x",
    "/admin?a=\"b\"",
    "/admin?<b>",
    "/admin?`",
    "/a{b}",
    "/a|b",
    "/a^b",
    "/ä",
    "/a b",
    "/%",
    "/%zz",
    "/%00",
    "/a%0d%0ab",
    "///",
    "/./admin",
];
const HOSTS: [&str; 14] = [
    "app.test",
    "app.test",
    "app.test",
    "app.test",
    "app.test",
    "APP.TEST",
    "app.test:80",
    "app.test.",
    "other.test",
    "x.test",
    "[::1]",
    "",
    "127.0.0.1:80",
    "a b",
];
/// Header lines that are added to some requests.
const LINES: [(&str, &str); 60] = [
    ("X-Client", "mobile"),
    ("X-Client", "desktop"),
    ("Accept", "text/html"),
    ("X-Country", "DE"),
    ("X-Country", "FR"),
    ("X-Country", "DE, FR"),
    ("x_country", "DE"),
    ("Cookie", "country=DE"),
    ("Cookie", "country=\"DE\""),
    ("Cookie", "country= DE ; b=c"),
    ("Cookie", " country =DE"),
    ("Cookie", "a=b; country=FR"),
    ("Cookie", "country=ä"),
    ("Connection", "X-Country"),
    ("Connection", "x-client, close"),
    ("Connection", "Cookie"),
    ("Connection", "Authorization"),
    ("Connection", "X-Token"),
    ("Connection", "keep-alive"),
    ("Connection", "X-Forwarded-For"),
    ("Connection", "Host"),
    ("Connection", "a b"),
    ("Connection", "a,b,c,d,e,f,g,h,i,j,k"),
    ("Connection", "Accept, X-Client"),
    ("Origin", "https://page.test"),
    ("Access-Control-Request-Method", "PUT"),
    ("Access-Control-Request-Method", ""),
    ("X-Tenant-Id", "initech"),
    ("X-Feature-Flags", "never"),
    ("X_Feature_Theme", "blue"),
    ("X-Feature-Other", "on"),
    ("X-Original-URL", "/admin"),
    ("X-HTTP-Method-Override", "PUT"),
    ("X-Forwarded-Host", "other.test"),
    ("X-Real-IP", "10.0.0.1"),
    ("X-Forwarded-For", "203.0.113.7"),
    ("X-Forwarded-For", "203.0.113.7, 198.51.100.1"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Forwarded-For", "unknown"),
    ("Forwarded", "for=203.0.113.7;proto=https"),
    ("Forwarded", "for=\"[2001:db8::1]:80\""),
    ("Forwarded", "for=203.0.113.7, for=_hidden"),
    ("Authorization", "Basic dTpw"),
    ("Authorization", "Bearer"),
    ("Authorization", "Bearer a.b.c"),
    ("X-Token", "a.b.c"),
    ("Cookie", "session=a.b.c"),
    ("Cookie", "session="),
    ("Content-Length", "0"),
    ("Content-Length", "100000"),
    ("Content-Length", "3, 3"),
    ("Content-Length", "-1"),
    ("baggage", "own=1"),
    ("baggage", "sluice.always=on"),
    ("Host", "app.test"),
    ("Content-Type", "application/grpc"),
    ("Content-Type", "application/grpc+proto"),
    ("Content-Type", "application/grpc-web"),
    ("Content-Type", "text/plain"),
    ("Connection", "Content-Type"),
];

/// Returns a random request to a gateway that reads tokens from `place`.
pub(crate) fn draw(dice: &mut Dice, issuer: &Issuer, place: TokenLocation) -> Drawn {
    let method = dice.pick(&METHODS);
    let target = match dice.below(5) {
        0 => dice.pick(&ODD_TARGETS).to_owned(),
        1 => dice.pick(&PATHS).to_owned() + dice.pick(&["?a=b", "?", "?x=%2F", "/"]),
        _ => dice.pick(&PATHS).to_owned(),
    };
    let mut drawn = Drawn {
        method: method.to_owned(),
        target,
        host: dice.pick(&HOSTS).to_owned(),
        headers: lines(dice),
        listener: listener(dice),
        token: None,
        body: String::new(),
    };
    if dice.one_in(12) {
        let preflight = [
            ("Origin", "https://page.test"),
            ("Access-Control-Request-Method", "PUT"),
        ];
        "OPTIONS".clone_into(&mut drawn.method);
        let preflight = preflight.map(|(name, value)| (name.to_owned(), value.to_owned()));
        drawn.headers.extend(preflight);
    }
    if dice.one_in(6) {
        let line = ("content-type".to_owned(), "application/grpc".to_owned());
        drawn.headers.push(line);
    }
    if dice.one_in(20) {
        drawn.headers.push(("X-Long".to_owned(), "x".repeat(1_000)));
    }
    drawn.body(dice);
    drawn.credentials(dice, issuer, place);
    drawn
}

/// Returns a spelling of the bypass suite as a request, with a token in the place that the gateway reads.
pub(crate) fn of_spelling(
    spelling: &Spelling,
    dice: &mut Dice,
    issuer: &Issuer,
    place: TokenLocation,
) -> Drawn {
    let mut headers = spelling.headers.clone();
    let host = headers.iter().position(|(name, _)| name == "Host");
    let host = host.map_or_else(String::new, |index| headers.remove(index).1);
    let mut drawn = Drawn {
        method: spelling.method.clone(),
        target: spelling.target.clone(),
        host,
        headers,
        listener: listener(dice),
        token: None,
        body: String::new(),
    };
    drawn.credentials(dice, issuer, place);
    drawn
}

/// Draws a listener. `explain` assumes the first one if it gets none.
fn listener(dice: &mut Dice) -> (&'static str, bool) {
    match dice.below(5) {
        0 => (LISTENERS[1], true),
        1 => (LISTENERS[0], true),
        _ => (LISTENERS[0], false),
    }
}

fn lines(dice: &mut Dice) -> Vec<(String, String)> {
    let count = match dice.below(4) {
        0 => 0,
        1 => 1 + dice.below(5),
        _ => 1,
    };
    let mut line = || {
        let (name, value) = LINES[dice.index(LINES.len())];
        (name.to_owned(), value.to_owned())
    };
    (0..count).map(|_| line()).collect()
}

impl Drawn {
    /// Adds a body in a few cases.
    fn body(&mut self, dice: &mut Dice) {
        let has_length = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-length");
        if self.headers.iter().any(has_length) {
            return;
        }
        let line = match dice.below(24) {
            0 => {
                "seats".clone_into(&mut self.body);
                ("Content-Length", "5")
            }
            1 => {
                "3\r\nabc\r\n0\r\n\r\n".clone_into(&mut self.body);
                ("Transfer-Encoding", "chunked")
            }
            _ => return,
        };
        self.headers.push((line.0.to_owned(), line.1.to_owned()));
    }

    /// Adds a token, in most cases in the place that the gateway reads.
    fn credentials(&mut self, dice: &mut Dice, issuer: &Issuer, place: TokenLocation) {
        if dice.one_in(4) {
            return;
        }
        let mut claims = issuer.claims(dice.pick(&["acme", "globex", "initech", "unknown"]));
        match dice.below(4) {
            0 => claims["groups"] = json!(["staff"]),
            1 => claims["groups"] = json!([]),
            2 => claims["seats"] = json!(80),
            _ => claims["country"] = json!("DE"),
        }
        if dice.one_in(5) {
            claims["sub"] = Value::Null;
        }
        if dice.one_in(10) {
            claims["exp"] = json!(1);
        }
        if dice.one_in(20) {
            claims["tenant"] = json!("");
        }
        let token = issuer.sign(&claims);
        let (name, value) = match place {
            TokenLocation::Authorization => ("Authorization", format!("Bearer {token}")),
            TokenLocation::Header => ("X-Token", token.clone()),
            TokenLocation::Cookie => ("Cookie", format!("session={token}")),
        };
        let line = (name.to_owned(), value);
        if dice.one_in(3) {
            let (name, value) = match place {
                TokenLocation::Authorization => ("authorization", format!("bearer   {token}")),
                TokenLocation::Header => ("x-token", token),
                TokenLocation::Cookie => ("cookie", format!("a=b; session=\"{token}\"; c=d")),
            };
            let line = match dice.one_in(4) {
                // A header that the gateway does not read, unless `place` names it.
                true => ("Authorization".to_owned(), format!("Bearer {value}")),
                false => (name.to_owned(), value),
            };
            self.headers.push(line);
        } else {
            self.token = Some((token, line));
        }
    }

    /// Returns the bytes of the request.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let names_host = !self.host.is_empty() || self.has_host();
        let version = if names_host { "1.1" } else { "1.0" };
        let mut text = format!("{} {} HTTP/{version}\r\n", self.method, self.target);
        if !self.host.is_empty() {
            text.push_str(&format!("Host: {}\r\n", self.host));
        }
        let token = self.token.iter().map(|(_, line)| line);
        for (name, value) in self.headers.iter().chain(token) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.push_str(&self.body);
        text.into_bytes()
    }

    fn has_host(&self) -> bool {
        self.headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
    }

    /// Returns the request in the form of the admin API.
    pub(crate) fn question(&self) -> Value {
        let lines: Vec<String> = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let mut request = json!({
            "method": self.method, "path": self.target, "host": self.host, "headers": lines,
            "client": "127.0.0.1",
        });
        if let Some((token, _)) = &self.token {
            request["token"] = json!(token);
        }
        if let (listener, true) = self.listener {
            request["listener"] = json!(listener);
        }
        json!({ "request": request })
    }
}
