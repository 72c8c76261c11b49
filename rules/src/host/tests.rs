use proptest::prelude::*;

use super::*;

fn check(authority: &str, expected: Result<(&str, Option<u16>), InvalidHost>) {
    let parsed = Host::parse(authority);
    let seen = parsed
        .as_ref()
        .map(|host| (&*host.name, host.port))
        .map_err(|error| *error);
    assert_eq!(seen, expected, "{authority}");
}

#[test]
fn a_host_is_read_without_case_port_and_trailing_dot() {
    check("example.com", Ok(("example.com", None)));
    check("EXAMPLE.com:8080", Ok(("example.com", Some(8080))));
    check("example.com.", Ok(("example.com", None)));
    check("example.com.:80", Ok(("example.com", Some(80))));
    check("example.com:", Ok(("example.com", None)));
    check("my_service-1", Ok(("my_service-1", None)));
    check("127.0.0.1:65535", Ok(("127.0.0.1", Some(65_535))));
    check("xn--bcher-kva.example", Ok(("xn--bcher-kva.example", None)));
}

#[test]
fn an_ipv6_address_has_one_spelling() {
    check("[::1]", Ok(("[::1]", None)));
    check("[::1]:443", Ok(("[::1]", Some(443))));
    check("[0:0:0:0:0:0:0:1]", Ok(("[::1]", None)));
    check("[2001:DB8::A]", Ok(("[2001:db8::a]", None)));
    for bad in [
        "[::1",
        "[]",
        "[example.com]",
        "[fe80::1%25eth0]",
        "[v1.x]",
        "[1.2.3.4]",
    ] {
        check(bad, Err(InvalidHost::Address));
    }
    for bad in ["[::1]x", "[::1]443", "[::1]:x"] {
        check(bad, Err(InvalidHost::Port));
    }
}

#[test]
fn ambiguous_host_is_rejected() {
    check("", Err(InvalidHost::Empty));
    check(".", Err(InvalidHost::Empty));
    check(":80", Err(InvalidHost::Empty));
    check("user@example.com", Err(InvalidHost::UserInfo));
    check("user:pass@example.com", Err(InvalidHost::UserInfo));
    check("@[::1]", Err(InvalidHost::UserInfo));
    check("a..b", Err(InvalidHost::EmptyLabel));
    check(".a", Err(InvalidHost::EmptyLabel));
    check("a..", Err(InvalidHost::EmptyLabel));
    for port in ["a:x", "a:65536", "a:+1", "a:-1", "a:000080", "a:1:2", "a: 1"] {
        check(port, Err(InvalidHost::Port));
    }
    for found in [' ', '/', '\\', '%', '?', '#', ',', '*', '\t', '\0', 'é', '<'] {
        check(&format!("a{found}b"), Err(InvalidHost::Character { found }));
    }
}

#[test]
fn host_has_a_maximum_length() {
    let label = "a".repeat(MAX_LABEL);
    let longest = [&*label, &*label, &*label, &label[..MAX_HOST - 3 * MAX_LABEL - 3]].join(".");
    check(&longest, Ok((&longest, None)));
    check(
        &format!("{longest}a"),
        Err(InvalidHost::TooLong { length: MAX_HOST + 1 }),
    );
    check(
        &format!("{label}a.b"),
        Err(InvalidHost::LabelTooLong {
            length: MAX_LABEL + 1,
        }),
    );
}

#[test]
fn a_host_that_is_canonical_is_borrowed() {
    for authority in ["example.com", "example.com:80", "example.com.", "[::1]:80"] {
        assert!(
            matches!(Host::parse(authority).unwrap().name, Cow::Borrowed(_)),
            "{authority}"
        );
    }
}

fn check_pattern(pattern: &str, hosts: &[&str], others: &[&str]) {
    let parsed = HostPattern::parse(pattern).unwrap();
    assert!(
        hosts.iter().all(|host| parsed.is_match(host)),
        "{pattern} takes {hosts:?}"
    );
    assert!(
        !others.iter().any(|host| parsed.is_match(host)),
        "{pattern} takes none of {others:?}"
    );
}

#[test]
fn a_pattern_matches_the_hosts_it_describes() {
    check_pattern(
        "example.com",
        &["example.com"],
        &["a.example.com", "example.org", "", "xexample.com"],
    );
    check_pattern("Example.COM.", &["example.com"], &["com"]);
    check_pattern(
        "*.example.com",
        &["a.example.com", "a.b.example.com"],
        &[
            "example.com",
            "aexample.com",
            ".example.com",
            "",
            "a.example.com.org",
        ],
    );
    check_pattern("*.com", &["example.com", "a.example.com"], &["com"]);
    check_pattern("*", &["example.com", "", "[::1]"], &[]);
    check_pattern("[::1]", &["[::1]"], &["::1"]);
}

#[test]
fn host_pattern_is_shown_in_canonical_form() {
    for (text, shown) in [
        ("A.b", "a.b"),
        ("*.A.b", "*.a.b"),
        ("*", "*"),
        ("[0::1]", "[::1]"),
    ] {
        assert_eq!(HostPattern::parse(text).unwrap().to_string(), shown);
    }
}

#[test]
fn a_pattern_that_could_never_match_is_refused() {
    let cases = [
        ("", InvalidHostPattern::Host(InvalidHost::Empty)),
        ("a:80", InvalidHostPattern::Port { port: 80 }),
        ("*.a:80", InvalidHostPattern::Port { port: 80 }),
        ("a.*", InvalidHostPattern::Star),
        ("*a.b", InvalidHostPattern::Star),
        ("*.*.b", InvalidHostPattern::Star),
        ("**", InvalidHostPattern::Star),
        ("*.[::1]", InvalidHostPattern::Star),
        ("*.", InvalidHostPattern::Host(InvalidHost::Empty)),
        ("http://a", InvalidHostPattern::Host(InvalidHost::Port)),
        (
            "bücher.example",
            InvalidHostPattern::Host(InvalidHost::Character { found: 'ü' }),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(HostPattern::parse(text), Err(expected), "{text}");
    }
}

proptest! {
    #[test]
    fn parsing_a_canonical_host_is_idempotent(authority in "[A-Za-z0-9.:\\[\\]@*_-]{0,24}|\\PC{0,12}|\\[[0-9a-fA-F:]{2,12}\\](:[0-9]{0,5})?") {
        if let Ok(host) = Host::parse(&authority) {
            let again = Host::parse(&host.name).unwrap();
            prop_assert_eq!(&again.name, &host.name);
            prop_assert_eq!(again.port, None);
            prop_assert!(!host.name.contains(|c: char| c.is_ascii_uppercase()) && !host.name.ends_with('.'));
        }
    }
    #[test]
    fn one_pass_accepts_the_names_that_the_checks_do(name in "[aZ0.:@ _-]{0,8}|[a.]{0,140}|(a{1,65}\\.){0,5}a{0,65}") {
        prop_assert_eq!(is_name(&name), check_parts(&name).is_ok());
    }
}
