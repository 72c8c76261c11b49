//! Hostile values: markup, control characters, bidirectional marks and 1,000 characters are shown as text by every page that
//! shows them, and break no page on a phone.

use serde_json::json;

use super::company::Company;
use super::goldens::overflow;

/// Markup that would run, and marks that would hide or reorder the text around them.
const MARKUP: &str = "<script>window.ran=1</script><img src=x onerror=window.ran=1>\"'&amp;{{7*7}}";
const MARKS: &str = "a\u{202e}b\u{2066}c\u{200b}d";
/// The marks as pages show them.
const SHOWN_MARKS: &str = "a\\u{202e}b\\u{2066}c\\u{200b}d";
/// An id of a tenant: visible ASCII.
const TENANT: &str = "<svg/onload=window.ran=1>&#60;\"'`\\";
const ROUTES: &str = "routes: [{ name: board, match: /**, gate: board, upstream: new, otherwise: { reject: 404 } }]\nunmatched: { reject: 404 }\n";
/// Characters that a page must not have: they have no shape of their own.
const HIDDEN: &str = r"/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u206f]/";

/// Returns a hostile text of this length.
fn hostile(length: usize) -> String {
    let mut text = format!("{MARKUP}{MARKS}");
    while text.chars().count() < length {
        text.push('x');
    }
    text.chars().take(length).collect()
}

/// Returns markup of this length, without marks: some texts can't have them.
fn markup(length: usize) -> String {
    hostile(length).replace(MARKS, "")
}

/// Returns a text as a part of a URL.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Starts a company whose people, customers and documents are hostile.
fn found() -> Company {
    let flag = |more: serde_json::Value| {
        let mut flag = json!({ "description": hostile(1_000), "owner": hostile(200), "lifecycle": "ga" });
        flag.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        flag
    };
    let long_key = format!("{}{}", "k".repeat(100), ".board-".repeat(4));
    let document = json!({
        "version": 1,
        "tiers": ["a"],
        "flags": {
            "board": flag(json!({ "rules": [{ "name": hostile(64), "when": { "attribute": "note", "eq": hostile(200) }, "serve": "on" }] })),
            long_key: flag(json!({})),
        },
        "tenants": {
            TENANT: { "tier": "a", "attributes": { "note": hostile(200) } },
            "t".repeat(128): {},
        },
    });
    let company = Company::with_flags(&document.to_string(), ROUTES);
    let change = |path: &str, body: serde_json::Value| {
        company.call(
            "jonas.okafor",
            "POST",
            &format!("/platform/feature-flags/board/{path}"),
            &body,
        )
    };
    let plan = json!({
        "ticket": hostile(100),
        "stages": [{ "name": hostile(64), "percentage": 50, "for": "2d" }, { "name": "all", "percentage": 100, "for": "1d" }],
        "checks": [{ "name": hostile(64), "error_rate": { "above": "1%" }, "then": "notify" }],
        "checklist": [hostile(200)],
    });
    company.call(
        "jonas.okafor",
        "PUT",
        "/platform/feature-flags/board/rollout/plan",
        &plan,
    );
    change("kill", json!({ "reason": hostile(1_000) }));
    change(
        "incidents",
        json!({ "incident": markup(1_000), "reason": hostile(1_000) }),
    );
    change(
        "reports",
        json!({ "org": TENANT, "cause": markup(100), "ticket": markup(100), "text": markup(1_000) }),
    );
    company
}

#[test]
fn hostile_values_are_shown_as_text_on_every_page() {
    let company = found();
    let Some(browser) = company.browser("platform-admin") else {
        return;
    };
    browser.viewport(360, 640);
    let tenant = encoded(TENANT);
    let text = encoded(&hostile(200));
    // The paths, and what each of them must show.
    let pages = [
        ("/platform/feature-flags".to_owned(), MARKUP),
        (format!("/platform/feature-flags?search={text}"), ""),
        ("/platform/feature-flags/board".to_owned(), MARKUP),
        ("/platform/feature-flags/board/tenants".to_owned(), TENANT),
        ("/platform/feature-flags/board/definition".to_owned(), SHOWN_MARKS),
        ("/platform/feature-flags/board/audit".to_owned(), SHOWN_MARKS),
        ("/platform/feature-flags/board/rollout".to_owned(), SHOWN_MARKS),
        (format!("/platform/feature-flags/{text}"), ""),
        ("/platform/rollouts".to_owned(), SHOWN_MARKS),
        ("/platform/tenants".to_owned(), TENANT),
        (format!("/platform/tenants/{tenant}"), TENANT),
        (format!("/platform/tenants/{text}"), ""),
        ("/platform/audit".to_owned(), SHOWN_MARKS),
        (format!("/platform/audit?flag={text}&actor={text}"), ""),
        (
            format!("/platform/explain?tenant={tenant}&method=GET&path=%2F{text}"),
            "",
        ),
        (
            format!("/platform/explain?about=flag&flag=board&tenant={tenant}"),
            SHOWN_MARKS,
        ),
        (format!("/platform/requests?tenant={text}"), ""),
        (format!("/admin/feature-flags?org={tenant}"), MARKUP),
        (format!("/admin/feature-flags/board/report?org={tenant}"), ""),
    ];
    let mut problems = Vec::new();
    for (path, expected) in pages {
        browser.open(&path);
        let mut check = |is_right: bool, problem: &str| {
            if !is_right {
                problems.push(format!("{path:.80}: {problem}"));
            }
        };
        check(browser.shows(expected), &format!("does not show {expected}"));
        let ran = browser.evaluate(
            "'ran' in window || document.querySelector('main script, main img, main svg[onload]') !== null",
        );
        check(ran == false, "a value is markup");
        let hidden = browser.evaluate(&format!(
            "(document.body.innerText.match({HIDDEN}) || [''])[0].length"
        ));
        check(hidden == 0, "a hidden character is in the text");
        if let Some(problem) = overflow(&browser) {
            check(false, &problem);
        }
    }
    let foreign = browser.foreign_requests();
    assert!(
        problems.is_empty() && foreign.is_empty(),
        "{}\n{foreign:?}",
        problems.join("\n")
    );
    let errors = browser.console_errors();
    let unexpected: Vec<&String> = errors
        .iter()
        .filter(|error| !error.contains("status of 4"))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}
