use super::*;

fn methods(names: &[&str]) -> Methods {
    Methods::parse(names.iter().copied()).unwrap()
}

fn check(names: &[&str], taken: &[&str], others: &[&str]) {
    let methods = methods(names);
    assert!(
        taken.iter().all(|method| methods.is_match(method)),
        "{names:?} takes {taken:?}"
    );
    assert!(
        !others.iter().any(|method| methods.is_match(method)),
        "{names:?} takes none of {others:?}"
    );
}

#[test]
fn a_set_matches_the_methods_it_names() {
    check(&["GET"], &["GET"], &["POST", "get", "", "GETX", "PURGE"]);
    check(&["GET", "HEAD"], &["GET", "HEAD"], &["POST"]);
    check(&["PURGE", "POST"], &["PURGE", "POST"], &["purge", "GET", "PUR"]);
    check(&STANDARD, &STANDARD, &["PROPFIND"]);
}

#[test]
fn an_empty_set_matches_any_method() {
    check(&[], &["GET", "PURGE", "get", ""], &[]);
    assert!(methods(&[]).is_any() && !methods(&["GET"]).is_any() && !methods(&["PURGE"]).is_any());
}

#[test]
fn get_matches_head_and_head_does_not_match_get() {
    check(&["GET"], &["GET", "HEAD"], &["POST"]);
    check(&["HEAD"], &["HEAD"], &["GET"]);
}

#[test]
fn a_set_covers_the_sets_that_match_no_more() {
    for (first, second, expected) in [
        (&[][..], &["GET"][..], true),
        (&[], &[], true),
        (&["GET"], &[], false),
        (&STANDARD, &[], false),
        (&["GET", "POST"], &["POST"], true),
        (&["POST"], &["GET", "POST"], false),
        (&["GET"], &["HEAD"], true),
        (&["GET"], &["GET", "HEAD"], true),
        (&["HEAD"], &["GET"], false),
        (&["PURGE", "GET"], &["PURGE"], true),
        (&["GET"], &["PURGE"], false),
        (&["BAN", "PURGE"], &["PURGE", "BAN"], true),
    ] {
        assert_eq!(
            methods(first).covers(&methods(second)),
            expected,
            "{first:?} covers {second:?}"
        );
    }
}

#[test]
fn the_order_of_names_does_not_matter() {
    assert_eq!(
        methods(&["BAN", "PURGE", "GET", "PUT"]),
        methods(&["PUT", "PURGE", "BAN", "GET"])
    );
    assert_eq!(
        methods(&["PURGE", "PUT", "BAN", "GET"]).to_string(),
        "GET,PUT,BAN,PURGE"
    );
    assert_eq!(methods(&[]).to_string(), "*");
}

#[test]
fn invalid_method_name_is_rejected() {
    let duplicate = |method: &str| InvalidMethods::Duplicate {
        method: method.to_owned(),
    };
    for (names, expected) in [
        (&[""][..], InvalidMethods::Empty),
        (&["GE T"], InvalidMethods::Character { found: ' ' }),
        (&["GET,POST"], InvalidMethods::Character { found: ',' }),
        (&["PÜT"], InvalidMethods::Character { found: 'Ü' }),
        (
            &["get"],
            InvalidMethods::Case {
                found: "get".to_owned(),
                meant: "GET",
            },
        ),
        (&["GET", "GET"], duplicate("GET")),
        (&["BAN", "BAN"], duplicate("BAN")),
    ] {
        assert_eq!(Methods::parse(names.iter().copied()), Err(expected), "{names:?}");
    }
    let long = "A".repeat(MAX_METHOD + 1);
    assert_eq!(
        Methods::parse([&*long]),
        Err(InvalidMethods::TooLong {
            length: MAX_METHOD + 1
        })
    );
    let many: Vec<String> = (0..=MAX_EXTENSION_METHODS).map(|nth| format!("M{nth}")).collect();
    assert_eq!(
        Methods::parse(many.iter().map(|name| &**name)),
        Err(InvalidMethods::TooManyExtensions)
    );
    assert!(Methods::parse(many.iter().skip(1).map(|name| &**name)).is_ok());
}
