use rules::RejectBody;
use wire::ResponseHead;

use super::{Answer, AnswerCode, AnswerFormat, Pages};
use crate::request_id::{RequestId, RequestIdSource};

/// An answer as it is sent.
struct Rendered {
    head: ResponseHead,
    body: Vec<u8>,
}

fn render(answer: &Answer, format: AnswerFormat) -> (RequestId, Rendered) {
    let id = RequestIdSource::new().next();
    let mut head = ResponseHead::default();
    let body: Vec<u8> = answer
        .render(&id, format, &mut head)
        .parts()
        .flatten()
        .copied()
        .collect();
    (id, Rendered { head, body })
}

fn text(rendered: &Rendered) -> &str {
    std::str::from_utf8(&rendered.body).unwrap()
}

#[track_caller]
fn check_header(rendered: &Rendered, name: &str, expected: &str) {
    let values: Vec<&[u8]> = rendered.head.fields.values(name).collect();
    assert_eq!(values, [expected.as_bytes()], "{name}");
}

#[test]
fn an_answer_is_a_problem_document() {
    let (id, rendered) = render(
        &Answer::new(AnswerCode::TENANT_MISSING, &Pages::new()),
        AnswerFormat::Problem,
    );
    let problem: serde_json::Value = serde_json::from_str(text(&rendered)).unwrap();
    let expected = serde_json::json!({
        "type": "urn:sluice:problem:tenant-missing",
        "title": "Forbidden",
        "status": 403,
        "detail": "the token or certificate names no tenant",
        "code": "TENANT_MISSING",
        "request_id": id.as_str(),
    });
    assert_eq!(problem, expected);
    check_header(&rendered, "content-type", "application/problem+json");
    check_header(&rendered, "content-length", &rendered.body.len().to_string());
    check_header(&rendered, "cache-control", "no-store");
    check_header(&rendered, "vary", "Authorization");
}

#[test]
fn additional_member_is_escaped() {
    let answer = Answer::new(AnswerCode::FEATURE, &Pages::new()).with_member("flag", &"a\"b".into());
    let problem: serde_json::Value =
        serde_json::from_str(text(&render(&answer, AnswerFormat::Problem).1)).unwrap();
    assert_eq!(problem["flag"], "a\"b");
}

#[test]
fn a_browser_gets_a_page_with_the_same_facts() {
    let (id, rendered) = render(
        &Answer::new(AnswerCode::NOT_FOUND, &Pages::new()),
        AnswerFormat::Html,
    );
    check_header(&rendered, "content-type", "text/html; charset=utf-8");
    assert!(text(&rendered).contains("404 Not Found") && text(&rendered).contains(id.as_str()));
    assert!(!text(&rendered).contains("<p></p>"), "{}", text(&rendered));
    let answer = Answer::new(AnswerCode::FEATURE, &Pages::new())
        .with_member("flag", &"a<b&c".into())
        .with_member("opt_in", &true.into());
    let page = render(&answer, AnswerFormat::Html).1;
    assert!(
        text(&page).contains(AnswerCode::FEATURE.detail),
        "{}",
        text(&page)
    );
    assert!(
        text(&page).contains("<p>\"flag\":\"a&lt;b&amp;c\",\"opt_in\":true</p>"),
        "{}",
        text(&page)
    );
}

#[test]
fn a_head_that_is_rendered_once_is_the_same() {
    let answer = Answer::new(AnswerCode::NOT_FOUND, &Pages::new()).with_header("allow", "GET".to_owned());
    let often = answer.clone().with_rendered_head();
    for format in [AnswerFormat::Problem, AnswerFormat::Html, AnswerFormat::Grpc] {
        let (once, often) = (render(&answer, format).1, render(&often, format).1);
        assert_eq!(often.head.status(), once.head.status());
        assert_eq!(often.head.reason(), once.head.reason());
        assert_eq!(often.head.fields, once.head.fields);
    }
}

#[test]
fn an_operators_body_replaces_the_default_for_all_clients() {
    let own = RejectBody {
        content_type: "text/plain".into(),
        bytes: (*b"gone fishing").into(),
    };
    let pages: Pages = [(404, own.clone())].into();
    for answer in [
        Answer::new(AnswerCode::NOT_FOUND, &pages),
        Answer::new(AnswerCode::FEATURE, &Pages::new()).with_body(&own),
    ] {
        for format in [AnswerFormat::Problem, AnswerFormat::Html] {
            let (_, rendered) = render(&answer, format);
            check_header(&rendered, "content-type", "text/plain");
            assert_eq!(text(&rendered), "gone fishing");
        }
    }
}

#[test]
fn a_redirect_has_a_location_and_no_body() {
    let (_, rendered) = render(
        &Answer::redirect(307, "https://a.example/b"),
        AnswerFormat::Problem,
    );
    check_header(&rendered, "location", "https://a.example/b");
    check_header(&rendered, "content-length", "0");
    assert_eq!((rendered.head.status(), rendered.body.len()), (307, 0));
}

#[test]
fn a_grpc_client_gets_a_status_and_no_location() {
    let (_, rendered) = render(
        &Answer::new(AnswerCode::NOT_FOUND, &Pages::new()),
        AnswerFormat::Grpc,
    );
    check_header(&rendered, "content-type", "application/grpc");
    check_header(&rendered, "grpc-status", "12");
    check_header(&rendered, "grpc-message", "NOT_FOUND: Not Found");
    check_header(&rendered, "cache-control", "no-store");
    assert_eq!((rendered.head.status(), rendered.body.len()), (200, 0));
    let redirect = Answer::redirect(307, "/b");
    let (_, rendered) = render(&redirect, AnswerFormat::Grpc);
    check_header(&rendered, "grpc-status", "2");
    assert_eq!(rendered.head.fields.value("location"), None);
    assert_eq!(redirect.location(AnswerFormat::Grpc), None);
    assert_eq!(redirect.location(AnswerFormat::Problem), Some("/b"));
}
