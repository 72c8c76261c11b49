use wire::Fields;

use rules::{Decimal, Value};

use super::{AttributePlace, ParsedAs, RequestAttribute, TokenLookup, TokenPlace};

fn fields(lines: &[(&str, &str)]) -> Fields {
    lines
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .collect()
}

/// `-` for nothing, `several`, or the token in brackets.
#[track_caller]
fn check(place: &TokenPlace, lines: &[(&str, &str)], expected: &str) {
    let found = match place.find(&fields(lines)) {
        TokenLookup::Nothing => "-".to_owned(),
        TokenLookup::Several => "several".to_owned(),
        TokenLookup::Token(token) => format!("[{}]", token.as_str()),
    };
    assert_eq!(found, expected, "{lines:?}");
}

#[test]
fn the_scheme_of_an_authorization_is_read_in_any_case() {
    let place = TokenPlace::Authorization;
    for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c"] {
        check(&place, &[("authorization", value)], "[a.b.c]");
    }
    check(&place, &[("authorization", "Bearer")], "[]");
    check(&place, &[("authorization", "Bearer ")], "[]");
}

#[test]
fn other_schemes_are_no_token_and_two_headers_are_repeated() {
    let place = TokenPlace::Authorization;
    for value in ["Basic dTpw", "Bearera.b.c", "a.b.c", ""] {
        check(&place, &[("authorization", value)], "-");
    }
    check(&place, &[], "-");
    check(
        &place,
        &[("authorization", "Bearer a"), ("authorization", "Bearer a")],
        "several",
    );
    check(
        &place,
        &[("authorization", "Basic a"), ("authorization", "Bearer a")],
        "several",
    );
}

#[test]
fn a_header_holds_the_bare_token() {
    let place = TokenPlace::Header("x-token".into());
    check(
        &place,
        &[("x-token", "a.b.c"), ("authorization", "Bearer d")],
        "[a.b.c]",
    );
    check(&place, &[("x-token", "a"), ("x-token", "b")], "several");
    check(&place, &[("authorization", "Bearer d")], "-");
}

#[test]
fn a_cookie_is_found_among_others_and_refused_if_repeated() {
    let place = TokenPlace::Cookie("session".into());
    check(&place, &[("cookie", "a=b; session=a.b.c; c=d")], "[a.b.c]");
    check(
        &place,
        &[("cookie", "a=b"), ("cookie", "session=\"a.b.c\"")],
        "[a.b.c]",
    );
    check(&place, &[("cookie", "session=a; session=b")], "several");
    check(
        &place,
        &[("cookie", "session=a"), ("cookie", "session=a")],
        "several",
    );
    check(&place, &[("cookie", "Session=a; xsession=b; session")], "-");
}

/// Checks like [`check`], with values of these bytes in the place's header.
#[track_caller]
fn check_bytes(place: &TokenPlace, lines: &[&[u8]], expected: &str) {
    let fields: Fields = lines.iter().map(|line| (place.header(), *line)).collect();
    let found = match place.find(&fields) {
        TokenLookup::Nothing => "-".to_owned(),
        TokenLookup::Several => "several".to_owned(),
        TokenLookup::Token(token) => format!("[{}]", token.as_str()),
    };
    assert_eq!(found, expected, "{lines:?}");
}

#[test]
fn a_cookie_beside_bytes_that_are_not_ascii_is_found() {
    let place = TokenPlace::Cookie("session".into());
    check_bytes(&place, &[b"session=a", b"x=\xff; session=b"], "several");
    check_bytes(&place, &[b"x=\xff; session=a.b.c"], "[a.b.c]");
    check_bytes(&place, &[b"session=\xc3\xa4"], "[]");
    check_bytes(&place, &[b"session\xff=a", b"\xff"], "-");
}

#[test]
fn an_authorization_that_is_not_ascii_is_an_empty_token() {
    let place = TokenPlace::Authorization;
    for value in [&b"Bearer a\xff"[..], b"Bearer\xff", b"Basic \xc3\xa4", b"\xff"] {
        check_bytes(&place, &[value], "[]");
    }
}

#[test]
fn an_attribute_is_the_only_header_or_the_first_cookie() {
    let fields = fields(&[
        ("cf-ipcountry", "DE"),
        ("x-twice", "DE"),
        ("x-twice", "DE"),
        ("cookie", "theme=dark; theme=light"),
    ]);
    let place = AttributePlace::Header("cf-ipcountry".into());
    assert_eq!(place.find(&fields, None), Some("DE"));
    let twice = AttributePlace::Header("x-twice".into());
    assert_eq!(twice.find(&fields, None), None);
    assert_eq!(
        AttributePlace::Cookie("theme".into()).find(&fields, None),
        Some("dark")
    );
    assert_eq!(AttributePlace::Cookie("none".into()).find(&fields, None), None);
}

#[test]
fn an_attribute_of_another_type_is_missing() {
    let id = rules::AttributeId::from_index(0).unwrap();
    let value = |parsed, text: &str| {
        let fields = fields(&[("x-seats", text)]);
        let place = AttributePlace::Header("x-seats".into());
        let attribute = RequestAttribute { id, place, parsed };
        attribute.value(&fields, None).map(|value| format!("{value:?}"))
    };
    let number = |text: &str| Some(format!("{:?}", Value::Number(Decimal::parse(text).unwrap())));
    assert_eq!(value(ParsedAs::Text, "080"), Some(r#"String("080")"#.to_owned()));
    assert_eq!(value(ParsedAs::Number, "080"), number("80"));
    assert_eq!(value(ParsedAs::Number, "-1.50"), number("-1.5"));
    assert_eq!(
        value(ParsedAs::Number, "9007199254740993"),
        number("9007199254740993")
    );
    let long = "1".repeat(35);
    for text in [
        "", "many", "0x1F", "1 000", "1,5", "1e999", "NaN", "Infinity", &long,
    ] {
        assert_eq!(value(ParsedAs::Number, text), None, "{text}");
    }
    assert_eq!(value(ParsedAs::Boolean, "true"), Some("Boolean(true)".to_owned()));
    assert_eq!(
        value(ParsedAs::Boolean, "false"),
        Some("Boolean(false)".to_owned())
    );
    for text in ["", "1", "True", "on"] {
        assert_eq!(value(ParsedAs::Boolean, text), None, "{text}");
    }
}
