//! Random gateway documents: routes of every kind over a few paths, so that spellings of one path match several of
//! them.

use testkit::Dice;

/// The upstreams, one for each way to read paths.
pub(crate) const UPSTREAMS: [(&str, &str); 3] = [
    ("app", ""),
    ("exact", ", reads: exact"),
    ("old", ", reads: [fold, suffix, trailing]"),
];

/// The listeners; the limits of a head differ.
pub(crate) const LISTENERS: [&str; 2] = ["public", "narrow"];

const FLAGS: &str = "\
version: 1
tiers: [free, paid]
unknown_tenant: UNKNOWN
flags:
  never: { kind: permission }
  always: { kind: ops, default: on }
  staff: { kind: permission, rules: [ { when: { attribute: groups, any_of: [staff] }, serve: on } ] }
  alone: { kind: ops, rules: [ { when: { attribute: groups, none_of: [staff] }, serve: on } ] }
  person: { kind: ops, rules: [ { when: { attribute: user, exists: true }, serve: on } ] }
  german: { kind: ops, rules: [ { when: { attribute: country, eq: DE }, serve: on } ] }
  local: { kind: ops, rules: [ { when: { attribute: addr, ip_in: [127.0.0.0/8] }, serve: on } ] }
  remote: { kind: ops, rules: [ { when: { attribute: addr, ip_in: [203.0.113.0/24, '2001:db8::/32'] }, serve: on } ] }
  large: { kind: ops, rules: [ { when: { attribute: seats, gte: 50 }, serve: on } ] }
  paid: { kind: permission, tiers: { paid: on } }
  killed: { kind: ops, default: on, enabled: false }
  alpha: { lifecycle: alpha, default: on }
  half: { lifecycle: ga, rollout: { percentage: 50, by: user } }
  theme:
    kind: experiment
    lifecycle: ga
    variants: { off: null, blue: 1, green: 2 }
    default: { split: { blue: 50, green: 50 }, by: tenant }
tenants:
  acme: { tier: paid, overrides: { alpha: on } }
  globex: { tier: free }
  initech: { internal: true }
";

/// The settings of `trusted_proxies`. Every connection of the test comes from 127.0.0.1.
const TRUSTED_PROXIES: [&str; 6] = [
    "",
    "",
    "trusted_proxies: [127.0.0.0/8]\n",
    "trusted_proxies: [127.0.0.1, 198.51.100.1]\n",
    "trusted_proxies: { networks: [127.0.0.0/8], header: forwarded }\n",
    "trusted_proxies: { networks: [127.0.0.1], headers: [x-real-ip, CF-Connecting-IP] }\n",
];

const PATHS: [&str; 16] = [
    "/**",
    "/admin",
    "/admin/**",
    "/admin/users",
    "/admin/{id}",
    "/admin/users/{id}",
    "/Admin",
    "/ADMIN/users",
    "/a",
    "/a/b",
    "/a/{x}/c",
    "/app.js",
    "/app",
    "/files/**",
    "/files/a",
    "/q",
];
const HOSTS: [&str; 6] = ["", "", "", "", "host: app.test, ", "host: '*.test', "];
const METHODS: [&str; 6] = [
    "",
    "",
    "",
    ", methods: [GET]",
    ", methods: [POST, OPTIONS]",
    ", methods: [BREW]",
];
const MATCHES: [&str; 6] = [
    "",
    "",
    "",
    "",
    ", headers: { X-Client: mobile }",
    ", headers: { Accept: { matches: html } }",
];
const GATES: [&str; 21] = [
    "never",
    "never",
    "always",
    "staff",
    "alone",
    "person",
    "german",
    "local",
    "local",
    "remote",
    "large",
    "paid",
    "killed",
    "alpha",
    "half",
    "theme",
    "{ flag: theme, is: blue }",
    "{ all: [always, paid] }",
    "{ any: [german, staff] }",
    "{ not: paid }",
    "{ not: { any: [person, german] } }",
];
/// The answers of closed gates.
pub(crate) const OTHERWISE: [&str; 10] = [
    "",
    "",
    "reject: 404",
    "reject: 403",
    "reject: 403, reveal: true",
    "reject: 402",
    "redirect: /elsewhere",
    "redirect: 'https://other.test/x', status: 307",
    "upstream: old",
    "reject: 404, causes: { default: { reject: 403, reveal: true }, tier: { upstream: exact }, killed: { redirect: /off } }",
];

/// Returns the flags document.
pub(crate) fn flags(dice: &mut Dice) -> String {
    FLAGS.replace(
        "UNKNOWN",
        dice.pick(&["{ tier: free }", "{ tier: free }", "reject"]),
    )
}

/// Returns a random gateway document; `${ADDRESS_OF_name}` stands for the address of an upstream.
pub(crate) fn gateway(dice: &mut Dice, addresses: &[std::net::SocketAddr]) -> String {
    let mut text = String::from(
        "version: 1
listeners:
  - { name: public, address: '127.0.0.1:0', limits: { head_size: 8KiB, head_fields: 40 } }
  - { name: narrow, address: '127.0.0.1:0', limits: { head_size: 1KiB, head_fields: 5 } }
admin: { address: '127.0.0.1:0' }
flags: { file: flags.yaml }
body_limit: 64
access_log: { output: off }
issuers:
  - issuer: https://login.example
    audiences: [api]
    algorithms: [HS256]
    keys: { secret_file: secret }
    claims: { tenant: tenant, groups: groups, attributes: { seats: seats, country: country } }
",
    );
    let place = match dice.below(4) {
        0 => "token: { cookie: session }, ",
        1 => "token: { header: X-Token }, ",
        _ => "",
    };
    let country = dice.pick(&["header: X-Country", "header: X-Country", "cookie: country"]);
    text.push_str(&format!(
        "identity: {{ {place}attributes: {{ country: {{ {country} }}, addr: {{ client: address }} }} }}\n"
    ));
    text.push_str(dice.pick(&TRUSTED_PROXIES));
    text.push_str("upstreams:\n");
    for ((name, reads), address) in UPSTREAMS.iter().zip(addresses) {
        text.push_str(&format!("  {name}: {{ endpoints: ['{address}']{reads} }}\n"));
    }
    let slash = dice.pick(&["reject", "reject", "keep", "decode"]);
    text.push_str(&format!("target: {{ encoded_slash: {slash} }}\n"));
    if dice.one_in(2) {
        text.push_str("unmatched: { upstream: exact }\n");
    } else if dice.one_in(2) {
        text.push_str("unmatched: { reject: 410 }\n");
    }
    let flags = dice.pick(&["X-Feature-Flags", "X-Feature-Flags", "{ include: route }"]);
    let baggage = dice.pick(&["", "", ", baggage: true"]);
    text.push_str(&format!(
        "headers: {{ flags: {flags}, per_flag: [theme, always]{baggage} }}\nroutes:\n"
    ));
    let mut taken = Vec::new();
    for number in 0..=3 + dice.below(6) {
        let path = dice.pick(&PATHS);
        let asks = [dice.pick(&HOSTS), dice.pick(&METHODS), dice.pick(&MATCHES)];
        // Two routes that match the same requests are rejected.
        if !taken.contains(&(path, asks)) {
            text.push_str(&route(dice, number, path, asks));
            taken.push((path, asks));
        }
    }
    text
}

fn route(dice: &mut Dice, number: u64, path: &str, [host, methods, headers]: [&str; 3]) -> String {
    let mut text = format!("  - {{ name: r{number}, match: {{ {host}path: '{path}'{methods}{headers} }}");
    let auth = dice.pick(&["", "none", "lenient", "optional", "required"]);
    if !auth.is_empty() {
        text.push_str(&format!(", auth: {auth}"));
    }
    if dice.one_in(6) {
        text.push_str(", preflight: open");
    }
    if dice.one_in(8) {
        text.push_str(", body_limit: 4");
    }
    if dice.one_in(5) {
        text.push_str(", limit: { rate: 1000000/s, by: client }");
    }
    if dice.one_in(4) {
        return text + &format!(", upstream: {} }}\n", dice.pick(&["app", "exact", "old"]));
    }
    let gate = dice.pick(&GATES);
    text.push_str(&format!(", gate: {gate}"));
    if gate == "theme" {
        text.push_str(", variants: { blue: exact }");
    }
    text.push_str(&format!(
        ", upstream: {}",
        dice.pick(&["app", "app", "exact", "old"])
    ));
    if dice.one_in(5) {
        return text + ", mode: shadow }\n";
    }
    if dice.one_in(8) {
        text.push_str(", on_error: open");
    }
    let otherwise = dice.pick(&OTHERWISE);
    if !otherwise.is_empty() {
        text.push_str(&format!(", otherwise: {{ {otherwise} }}"));
    }
    text + " }\n"
}
