//! Sign-in, sessions and their end.

use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{Method, Request, StatusCode, header};
use console::{Audience, Origins};
use control::operators::{FAILURES_PER_MINUTE, Known, StaticToken, TokenHash};
use control::{Event, Role};
use rules::Timestamp;
use testkit::START;

use crate::site::{Received, Site};

const PAGE: &str = "/platform/feature-flags";
const FORM: &str = "application/x-www-form-urlencoded";

/// Returns a token, and its entry.
fn token(name: &str, role: Role) -> (String, StaticToken) {
    let (token, hash) = TokenHash::issue().unwrap();
    let org = (role == Role::OrgAdmin).then(|| "acme".to_owned());
    let known = StaticToken {
        name: name.to_owned(),
        role,
        org,
        hash,
        expires: None,
    };
    (token, known)
}

fn site(tokens: Vec<StaticToken>) -> Site {
    Site::of_operators(tokens, Audience::Everyone, Origins::default())
}

/// Returns a request of a page of the console.
fn request(method: Method, path: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("sec-fetch-site", "same-origin")
}

fn form(site: &Site, builder: Builder, fields: &[(&str, &str)]) -> Received {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let builder = builder.header(header::CONTENT_TYPE, FORM);
    site.send(builder.body(Body::from(body)).unwrap())
}

fn sign_in(site: &Site, token: &str, to: &str) -> Received {
    let builder = request(Method::POST, "/console/sign-in");
    form(site, builder, &[("token", token), ("to", to)])
}

/// Signs in, and returns the cookie as browsers send it.
fn cookie(site: &Site, token: &str) -> String {
    let answer = sign_in(site, token, "");
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    set.split(';').next().unwrap().to_owned()
}

fn get(site: &Site, path: &str, cookie: &str) -> Received {
    let builder = request(Method::GET, path).header(header::COOKIE, cookie);
    site.send(builder.body(Body::empty()).unwrap())
}

fn is_signed_in(site: &Site, cookie: &str) -> bool {
    let answer = get(site, PAGE, cookie);
    answer.status == StatusCode::OK || {
        assert_eq!(
            answer.location(),
            "/console/sign-in?to=%2Fplatform%2Ffeature-flags"
        );
        false
    }
}

fn refused_sign_ins(site: &Site) -> usize {
    let log = site.fixture.log();
    log.iter()
        .filter(|entry| entry.event == Event::SignInFailed)
        .count()
}

#[test]
fn a_token_is_exchanged_for_a_strict_cookie() {
    let (secret, ada) = token("ada", Role::Operator);
    let site = site(vec![ada]);
    let answer = sign_in(&site, &secret, "");
    assert_eq!(answer.location(), PAGE);
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    let (pair, attributes) = set.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; Max-Age=28800; HttpOnly; SameSite=Strict");
    let (name, value) = pair.split_once('=').unwrap();
    assert_eq!((name, value.len()), ("sluice_session", 43));
    assert!(!set.contains(&secret));
    get(&site, PAGE, pair).says(&["ada", "operator"]);
}

#[test]
fn a_cookie_over_https_is_secure_and_of_this_host() {
    let of_listener = Origins {
        is_encrypted: true,
        public_url: None,
    };
    let behind_a_proxy = Origins {
        is_encrypted: false,
        public_url: Some("https://127.0.0.1:9090/x".to_owned()),
    };
    for origins in [of_listener, behind_a_proxy] {
        let (secret, ada) = token("ada", Role::Operator);
        let site = Site::of_operators(vec![ada], Audience::Everyone, origins);
        let answer = sign_in(&site, &secret, "");
        let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
        assert!(set.starts_with("__Host-sluice_session="), "{set}");
        assert!(set.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{set}");
        let pair = set.split(';').next().unwrap();
        assert!(is_signed_in(&site, pair));
        assert!(!is_signed_in(&site, pair.strip_prefix("__Host-").unwrap()));
    }
}

#[test]
fn a_forged_session_is_not_signed_in() {
    let (secret, ada) = token("ada", Role::Operator);
    let site = site(vec![ada]);
    let cookie = cookie(&site, &secret);
    let (_, value) = cookie.split_once('=').unwrap();
    for forged in [
        String::new(),
        "A".repeat(43),
        value[1..].to_owned(),
        format!("{value}="),
        secret.clone(),
    ] {
        assert!(
            !is_signed_in(&site, &format!("sluice_session={forged}")),
            "{forged}"
        );
    }
    assert!(is_signed_in(&site, &cookie));
}

#[test]
fn sign_out_ends_the_session_and_needs_a_form_token() {
    let (secret, ada) = token("ada", Role::Operator);
    let site = site(vec![ada]);
    let (one, other) = (cookie(&site, &secret), cookie(&site, &secret));
    let post = |form_token: &str| {
        let builder = request(Method::POST, "/console/sign-out").header(header::COOKIE, &one);
        form(&site, builder, &[("form_token", form_token)])
    };
    let of_other = get(&site, PAGE, &other).value_of("form_token");
    for forged in ["", &of_other] {
        assert_eq!(post(forged).status, StatusCode::FORBIDDEN);
        assert!(is_signed_in(&site, &one));
    }
    let answer = post(&get(&site, PAGE, &one).value_of("form_token"));
    assert_eq!(answer.location(), "/console/sign-in?ended=1");
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.starts_with("sluice_session=; Path=/; Max-Age=0"), "{set}");
    assert!(!is_signed_in(&site, &one));
    assert!(is_signed_in(&site, &other));
}

#[test]
fn a_removed_token_ends_its_session() {
    let (secret, ada) = token("ada", Role::Operator);
    let site = site(vec![ada.clone()]);
    let cookie = cookie(&site, &secret);
    site.operators.replace(Some(Known::default()));
    assert!(!is_signed_in(&site, &cookie));
    // It does not come back with the token.
    let tokens = vec![ada];
    site.operators.replace(Some(Known {
        tokens,
        ..Known::default()
    }));
    assert!(!is_signed_in(&site, &cookie));
}

#[test]
fn an_open_page_ends_with_its_session() {
    let (secret, ada) = token("ada", Role::Operator);
    let site = site(vec![ada]);
    let cookie = cookie(&site, &secret);
    let events = request(Method::GET, "/platform/events").header(header::COOKIE, &cookie);
    let events = events.body(Body::empty()).unwrap();
    let received = site.stream(events, || site.operators.replace(Some(Known::default())));
    assert!(received.starts_with("event: revision\n"), "{received}");
    assert!(!is_signed_in(&site, &cookie));
}

#[test]
fn another_role_or_org_ends_the_session() {
    let (secret, ada) = token("ada", Role::OrgAdmin);
    let viewer = StaticToken {
        role: Role::Viewer,
        org: None,
        ..ada.clone()
    };
    let of_globex = StaticToken {
        org: Some("globex".to_owned()),
        ..ada.clone()
    };
    for changed in [viewer, of_globex] {
        let site = site(vec![ada.clone()]);
        let cookie = cookie(&site, &secret);
        assert_eq!(get(&site, "/console", &cookie).location(), "/admin/feature-flags");
        let tokens = vec![changed];
        site.operators.replace(Some(Known {
            tokens,
            ..Known::default()
        }));
        assert!(!is_signed_in(&site, &cookie));
    }
}

#[test]
fn a_session_ends_with_its_token() {
    let (secret, mut ada) = token("ada", Role::Operator);
    ada.expires = Some(Timestamp(START + 60_000));
    let site = site(vec![ada]);
    let answer = sign_in(&site, &secret, "");
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.contains("Max-Age=60;"), "{set}");
    let cookie = set.split(';').next().unwrap();
    assert!(is_signed_in(&site, cookie));
    site.now
        .store(START + 60_000, std::sync::atomic::Ordering::Relaxed);
    assert!(!is_signed_in(&site, cookie));
}

#[test]
fn a_platform_admin_ends_all_sessions() {
    let (secret, ada) = token("ada", Role::PlatformAdmin);
    let (other, bob) = token("bob", Role::Operator);
    let site = site(vec![ada, bob]);
    let (ada, bob) = (cookie(&site, &secret), cookie(&site, &other));
    let end = |cookie: &str| {
        let builder = request(Method::POST, "/platform/sessions/end").header(header::COOKIE, cookie);
        let form_token = get(&site, PAGE, cookie).value_of("form_token");
        form(&site, builder, &[("form_token", &form_token)])
    };
    get(&site, "/platform/sessions", &ada).says(&["ada", "bob", "End all sessions"]);
    assert_eq!(
        get(&site, "/platform/sessions", &bob).status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(end(&bob).status, StatusCode::FORBIDDEN);
    assert!(is_signed_in(&site, &ada));
    assert_eq!(end(&ada).location(), "/console/sign-in?ended=1");
    assert!(!is_signed_in(&site, &ada) && !is_signed_in(&site, &bob));
}

#[test]
fn a_platform_admin_ends_one_session() {
    let (secret, ada) = token("ada", Role::PlatformAdmin);
    let (other, bob) = token("bob", Role::Operator);
    let site = site(vec![ada, bob]);
    let (ada, bob) = (cookie(&site, &secret), cookie(&site, &other));
    let page = get(&site, "/platform/sessions", &ada);
    let row = page.text.split("<tr>").find(|row| row.contains("bob")).unwrap();
    let handle = row.split("name=\"session\" value=\"").nth(1).unwrap();
    let handle = handle.split('"').next().unwrap();
    let end = |handle: &str| {
        let builder = request(Method::POST, "/platform/sessions/end").header(header::COOKIE, &ada);
        let form_token = page.value_of("form_token");
        form(
            &site,
            builder,
            &[("form_token", &form_token), ("session", handle)],
        )
    };
    assert_eq!(end("of-nobody").location(), "/platform/sessions");
    assert!(is_signed_in(&site, &bob));
    assert_eq!(end(handle).location(), "/platform/sessions");
    assert!(is_signed_in(&site, &ada) && !is_signed_in(&site, &bob));
}

#[test]
fn the_sessions_are_the_current_page_alone() {
    let (secret, ada) = token("ada", Role::PlatformAdmin);
    let site = site(vec![ada]);
    let page = get(&site, "/platform/sessions", &cookie(&site, &secret));
    page.says(&["<a href=\"/platform/sessions\" aria-current=\"page\">"]);
    assert_eq!(page.text.matches("aria-current").count(), 1);
}

#[test]
fn a_page_without_navigation_has_the_name_of_the_product() {
    let (_, ada) = token("ada", Role::Operator);
    let page = site(vec![ada]).get("/console/sign-in");
    page.says(&["<p class=\"brand\"><svg", "<span>Sluice</span>"]);
}

#[test]
fn a_failed_sign_in_is_shown_and_audited() {
    let (_, ada) = token("ada", Role::Operator);
    let (unknown, _) = token("ada", Role::Operator);
    let site = site(vec![ada]);
    let answer = sign_in(&site, &unknown, "/platform/feature-flags/board");
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    answer.says(&["SIGN_IN_FAILED", "the token is unknown", "Operator token"]);
    assert_eq!(answer.value_of("to"), "/platform/feature-flags/board");
    assert!(!answer.text.contains(&unknown));
    assert!(!answer.headers.contains_key(header::SET_COOKIE));
    assert_eq!(refused_sign_ins(&site), 1);
}

#[test]
fn guesses_are_limited_and_a_valid_token_signs_in() {
    let (secret, ada) = token("ada", Role::Operator);
    let site = site(vec![ada]);
    let guess = || sign_in(&site, "sluice_op_guess", "").status;
    for _ in 0..FAILURES_PER_MINUTE {
        assert_eq!(guess(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(guess(), StatusCode::TOO_MANY_REQUESTS);
    // The failures of one caller lock no other one out.
    assert!(is_signed_in(&site, &cookie(&site, &secret)));
}

#[test]
fn a_sign_in_never_leads_to_another_site() {
    let (secret, ada) = token("ada", Role::Operator);
    let site = site(vec![ada]);
    let to = "/platform/feature-flags/board?x=1";
    assert_eq!(sign_in(&site, &secret, to).location(), to);
    for foreign in [
        "//evil.example/platform/",
        "https://evil.example/platform/",
        "/\\evil.example",
        "/platform/../console/sign-out",
    ] {
        assert_eq!(sign_in(&site, &secret, foreign).location(), PAGE, "{foreign}");
        let cookie = cookie(&site, &secret);
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("to", foreign)
            .finish();
        let shown = get(&site, &format!("/console/sign-in?{query}"), "");
        assert_eq!(shown.value_of("to"), "");
        let opened = get(&site, &format!("/console/sign-in?{query}"), &cookie);
        assert_eq!(opened.location(), PAGE);
    }
}

#[test]
fn forms_of_other_sites_are_rejected() {
    let (secret, ada) = token("ada", Role::PlatformAdmin);
    let site = site(vec![ada]);
    let cookie = cookie(&site, &secret);
    let form_token = get(&site, PAGE, &cookie).value_of("form_token");
    for path in ["/console/sign-in", "/console/sign-out", "/platform/changes"] {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "http://127.0.0.1:9091"),
            ("origin", "null"),
        ] {
            let builder = Request::post(path)
                .header(name, value)
                .header(header::COOKIE, &cookie);
            let fields = [("form_token", &*form_token), ("token", &*secret)];
            let answer = form(&site, builder, &fields);
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {name} {value}");
            answer.says(&["FOREIGN_ORIGIN"]);
        }
    }
    assert!(is_signed_in(&site, &cookie));
}

#[test]
fn a_link_of_another_site_opens_its_page() {
    let (secret, ada) = token("ada", Role::Operator);
    let site = site(vec![ada]);
    let path = "/platform/feature-flags/board";
    let builder = Request::get(path).header("sec-fetch-site", "cross-site");
    let answer = site.send(builder.body(Body::empty()).unwrap());
    let open = "/console/sign-in?to=%2Fplatform%2Ffeature-flags%2Fboard";
    answer.says(&[&format!("content=\"0; url={open}\"")]);
    assert!(!answer.text.contains("ada"));
    // The browser sends the cookie with the request of that page.
    assert_eq!(get(&site, open, &cookie(&site, &secret)).location(), path);
    get(&site, open, "").says(&["Operator token"]);
}

#[test]
fn a_link_of_another_site_opens_its_page_without_operators() {
    let site = Site::new("version: 1\nflags: { board: {} }\n");
    let path = "/platform/feature-flags/board?x=1";
    let opened = |mode: &str, more: Option<(&str, &str)>| {
        let builder = Request::get(path)
            .header("sec-fetch-site", "cross-site")
            .header("sec-fetch-mode", mode)
            .header(
                "sec-fetch-dest",
                if mode == "navigate" { "document" } else { "empty" },
            );
        let builder = match more {
            Some((name, value)) => builder.header(name, value),
            None => builder,
        };
        site.send(builder.body(Body::empty()).unwrap())
    };
    let answer = opened("navigate", None);
    assert_eq!(answer.status, StatusCode::OK);
    answer.says(&[&format!("content=\"0; url={path}\"")]);
    assert!(!answer.text.contains("form_token"), "{}", answer.text);
    assert_eq!(opened("cors", None).status, StatusCode::FORBIDDEN);
    let foreign = Some(("origin", "https://evil.example"));
    assert_eq!(opened("navigate", foreign).status, StatusCode::FORBIDDEN);
}

#[test]
fn a_form_of_an_earlier_session_keeps_its_input() {
    let (secret, ada) = token("ada", Role::Operator);
    let site = site(vec![ada]);
    let former = cookie(&site, &secret);
    let form_token = get(&site, PAGE, &former).value_of("form_token");
    // Signed in again, as after the end of a session; the form is of the page before.
    let cookie = cookie(&site, &secret);
    let send = |path: &str, form_token: &str| {
        let fields = [
            ("form_token", form_token),
            ("operation", "kill"),
            ("flag", "board"),
            ("incident", "INC-1"),
            ("reason", "payouts twice"),
            ("back", "/platform/feature-flags/board"),
        ];
        let builder = request(Method::POST, path).header(header::COOKIE, &cookie);
        form(&site, builder, &fields)
    };
    for path in ["/platform/changes", "/platform/changes/preview"] {
        let page = send(path, &form_token);
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        page.says(&[
            "FORM_EXPIRED",
            "of an earlier session",
            "INC-1",
            "payouts twice",
            "Preview again",
        ]);
        assert_ne!(page.value_of("form_token"), form_token);
        assert_eq!(page.value_of("flag"), "board");
        let again = send("/platform/changes/preview", &page.value_of("form_token"));
        assert_ne!(again.status, StatusCode::FORBIDDEN, "{}", again.text);
    }
    let fields = [
        ("form_token", &*form_token),
        ("about", "flag"),
        ("flag", "board"),
        ("tenant", "acme-of-the-form"),
    ];
    let builder = request(Method::POST, "/platform/explain").header(header::COOKIE, &cookie);
    form(&site, builder, &fields).says(&["FORM_EXPIRED", "acme-of-the-form"]);
}

#[test]
fn parts_of_pages_lead_to_the_sign_in() {
    let (_, ada) = token("ada", Role::Operator);
    let site = site(vec![ada]);
    let builder = request(Method::GET, PAGE).header("hx-request", "true").header(
        "hx-current-url",
        "http://127.0.0.1:9090/platform/feature-flags/board?x=1",
    );
    let answer = site.send(builder.body(Body::empty()).unwrap());
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let open = "/console/sign-in?to=%2Fplatform%2Ffeature-flags%2Fboard%3Fx%3D1";
    assert_eq!(answer.headers["hx-redirect"], open);
    let events = request(Method::GET, "/platform/events").header(header::ACCEPT, "text/event-stream");
    let answer = site.send(events.body(Body::empty()).unwrap());
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let answer = form(&site, request(Method::POST, "/platform/changes"), &[]);
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    answer.says(&["Your session has ended", "Operator token"]);
}

#[test]
fn pages_of_staff_do_not_exist_for_org_admins() {
    let (secret, ada) = token("ada", Role::OrgAdmin);
    let site = site(vec![ada]);
    let answer = sign_in(&site, &secret, PAGE);
    assert_eq!(answer.location(), "/admin/feature-flags");
    let cookie = cookie(&site, &secret);
    for path in [
        PAGE,
        "/platform/feature-flags/board",
        "/platform/sessions",
        "/platform/events",
    ] {
        let answer = get(&site, path, &cookie);
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!answer.text.contains("board"), "{}", answer.text);
    }
    let builder = request(Method::POST, "/platform/changes").header(header::COOKIE, &cookie);
    assert_eq!(form(&site, builder, &[]).status, StatusCode::NOT_FOUND);
}

#[test]
fn the_console_of_orgs_has_no_pages_of_staff() {
    let (staff, ada) = token("ada", Role::PlatformAdmin);
    let (org, bob) = token("bob", Role::OrgAdmin);
    let site = Site::of_operators(vec![ada, bob], Audience::Orgs, Origins::default());
    let answer = sign_in(&site, &staff, "");
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    answer.says(&["ORG_ADMINS_ONLY"]);
    assert!(!answer.headers.contains_key(header::SET_COOKIE));
    let cookie = cookie(&site, &org);
    assert_eq!(get(&site, "/console", &cookie).location(), "/admin/feature-flags");
    for path in [
        PAGE,
        "/platform/sessions",
        "/platform/events",
        "/platform/changes",
    ] {
        for cookie in ["", &cookie] {
            assert_eq!(get(&site, path, cookie).status, StatusCode::NOT_FOUND, "{path}");
        }
    }
}

#[test]
fn a_foreign_host_is_rejected_without_operators() {
    let site = Site::new("{ version: 1, tiers: [a], flags: { board: { lifecycle: ga } } }");
    for path in [PAGE, "/console/sign-in", "/console"] {
        let request = Request::get(path).header(header::HOST, "evil.example");
        let answer = site.send(request.body(Body::empty()).unwrap());
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(site.get("/console/sign-in").location(), PAGE);
}
