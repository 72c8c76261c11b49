//! The harness itself, on pages of the tests: everything that tests of pages rely on is seen to succeed and to fail.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use testkit::eventually;

use crate::browser::{Browser, ColorScheme};
use crate::golden::compared;
use crate::managed_server::ManagedServer;
use crate::served::Site;

const FORM: &str = "
<p id=mode>No script ran</p>
<script>document.getElementById('mode').textContent = 'A script ran'</script>
<a href='/other'>Other page</a>
<form method=post action='/flags'>
  <p><label for=name>Flag</label> <input id=name name=name value=old></p>
  <p><label>Reason <textarea name=reason></textarea></label></p>
  <p><label>Tier <select name=tier><option>small</option><option value=l>large</option></select></label></p>
  <p><label><input type=checkbox name=sure> I am sure</label></p>
  <p><button>Promote</button> <button hidden>Revert</button></p>
</form>";

const CARD: &str = "
<p style='background: #e0f0e0; padding: 1em'>On for 9 of 214 tenants</p>
<p>Since <time data-volatile>12:04:07</time></p>";

/// Returns the message of the panic of `check`.
fn panic_of(check: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(check)).expect_err("a panic");
    panic.downcast_ref::<String>().unwrap().clone()
}

fn use_form(browser: &Browser) {
    browser.open("/form");
    browser.fill("Flag", "board & co");
    browser.fill("Reason", "two\nlines");
    browser.choose("Tier", "large");
    browser.click("I am sure");
    browser.click("Promote");
    browser.await_text("name=board+%26+co&reason=two%0D%0Alines&tier=l&sure=on");
    assert_eq!(browser.path(), "/flags");
}

#[test]
fn a_page_is_used_by_its_labels_and_names() {
    let site = Site::start(&[("/form", FORM), ("/other", "<p>Elsewhere</p>")]);
    let Some(browser) = Browser::start(&site.url()) else {
        return;
    };
    browser.open("/form");
    assert_eq!(browser.text("#mode"), "A script ran");
    assert_eq!(browser.text("[name=name]"), "old");
    browser.click("Other page");
    assert!(browser.shows("Elsewhere"));
    use_form(&browser);
}

#[test]
fn a_page_is_used_without_javascript() {
    let site = Site::start(&[("/form", FORM)]);
    let Some(browser) = Browser::start(&site.url()) else {
        return;
    };
    browser.disable_scripts();
    browser.open("/form");
    assert_eq!(browser.text("#mode"), "No script ran");
    use_form(&browser);
}

#[test]
fn a_form_is_sent_by_keyboard() {
    let site = Site::start(&[("/form", FORM)]);
    let Some(browser) = Browser::start(&site.url()) else {
        return;
    };
    browser.open("/form");
    browser.press(&["Tab"]);
    assert_eq!(browser.focused(), "Other page");
    browser.press(&["Tab"]);
    assert_eq!(browser.focused(), "Flag");
    browser.press(&["Control+a"]);
    browser.type_text("board");
    browser.press(&[
        "Tab",
        "x",
        "Tab",
        "ArrowDown",
        "Tab",
        "Space",
        "Shift+Tab",
        "Shift+Tab",
        "y",
    ]);
    browser.press(&["Tab", "Tab", "Tab"]);
    assert_eq!(browser.focused(), "Promote");
    browser.press(&["Enter"]);
    browser.await_text("name=board&reason=xy&tier=l&sure=on");
}

#[test]
fn an_ambiguous_or_missing_name_is_an_error() {
    let site = Site::start(&[(
        "/",
        "<button>Kill</button><button aria-label='Kill'>x</button><select aria-label=Tier></select>",
    )]);
    let Some(browser) = Browser::start(&site.url()) else {
        return;
    };
    browser.open("/");
    assert_eq!(panic_of(|| browser.click("Kill")), "2 elements are named `Kill`");
    assert_eq!(
        panic_of(|| browser.choose("Tier", "large")),
        "Tier has no option large"
    );
}

#[test]
fn a_contrast_fault_is_a_finding_of_axe() {
    let site = Site::start(&[
        ("/faint", "<p style='color: #999'>Hardly visible</p>"),
        ("/clear", "<p>Visible</p>"),
    ]);
    let Some(browser) = Browser::start(&site.url()) else {
        return;
    };
    browser.open("/clear");
    browser.assert_clean();
    browser.open("/faint");
    let findings = browser.accessibility_findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert!(findings[0].starts_with("color-contrast: p: "), "{findings:#?}");
    let message = panic_of(|| browser.assert_clean());
    assert!(message.starts_with("findings of axe on /faint"), "{message}");
}

#[test]
fn a_small_target_is_a_finding_of_axe() {
    let small = "<button style='all: unset; font-size: 8px'>a</button><button style='all: unset; font-size: 8px'>b</button>";
    let site = Site::start(&[("/", small)]);
    let Some(browser) = Browser::start(&site.url()) else {
        return;
    };
    browser.open("/");
    let findings = browser.accessibility_findings();
    assert!(
        findings.iter().any(|line| line.starts_with("target-size: ")),
        "{findings:#?}"
    );
}

#[test]
fn a_request_to_another_host_is_seen() {
    let site = Site::start(&[
        ("/own", "<link rel=stylesheet href=/own.css>"),
        ("/own.css", "<!doctype"),
        ("/cdn", "<img alt='' src='http://cdn.example/logo.png'>"),
        (
            "/script",
            "<script>fetch('https://api.example/x').catch(() => 0)</script>",
        ),
    ]);
    let Some(browser) = Browser::start(&site.url()) else {
        return;
    };
    browser.open("/own");
    browser.assert_clean();
    assert_eq!(
        browser.requests(),
        ["/own", "/own.css"].map(|path| site.url() + path)
    );
    browser.open("/cdn");
    assert_eq!(browser.foreign_requests(), ["http://cdn.example/logo.png"]);
    assert!(panic_of(|| browser.assert_clean()).contains("cdn.example"));
    browser.open("/script");
    browser.eventually("the second request", || {
        (browser.foreign_requests().last()? == "https://api.example/x").then_some(())
    });
    assert_eq!(site.requests().len(), 4, "a browser requests nothing by itself");
}

#[test]
fn errors_in_the_console_are_seen() {
    let site = Site::with_header(
        &[
            ("/inline", "<script>1</script>"),
            ("/gone", "<img alt='' src=/gone.png>"),
        ],
        "Content-Security-Policy: default-src 'self'; img-src 'self' data:",
    );
    let throwing = Site::start(&[("/", "<script>throw new Error('broken')</script>")]);
    let Some(browser) = Browser::start(&site.url()) else {
        return;
    };
    browser.open("/inline");
    let errors = browser.console_errors();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].contains("Content Security Policy"), "{errors:#?}");
    browser.open("/gone");
    let errors = browser.console_errors();
    assert!(errors.len() == 2 && errors[1].contains("404"), "{errors:#?}");
    assert!(panic_of(|| browser.assert_clean()).contains("errors in the console of /gone"));
    let browser = Browser::start(&throwing.url()).unwrap();
    browser.open("/");
    let errors = browser.console_errors();
    assert!(errors.len() == 1 && errors[0].contains("broken"), "{errors:#?}");
}

#[test]
fn a_strict_policy_does_not_hinder_the_harness() {
    let site = Site::with_header(
        &[("/form", FORM)],
        "Content-Security-Policy: default-src 'none'; img-src data:; form-action 'self'",
    );
    let Some(browser) = Browser::start(&site.url()) else {
        return;
    };
    browser.open("/form");
    assert_eq!(browser.text("#mode"), "No script ran");
    assert!(browser.accessibility_findings().is_empty());
    let errors = browser.console_errors();
    assert_eq!(
        errors.len(),
        1,
        "only the script of the page is blocked: {errors:#?}"
    );
    browser.screenshot();
    assert_eq!(browser.console_errors(), errors);
    use_form(&browser);
}

#[test]
fn a_changed_colour_differs_from_the_golden_picture() {
    let other_time = CARD.replace("12:04:07", "a later time with a longer text");
    let other_colour = CARD.replace("#e0f0e0", "#f0e0e0");
    let taller = CARD.replace("1em", "300px");
    let site = Site::start(&[
        ("/", CARD),
        ("/time", &other_time),
        ("/colour", &other_colour.replace("#f0e0e0", "#c0f0e0")),
        ("/taller", &taller),
    ]);
    let Some(browser) = Browser::start(&site.url()) else {
        return;
    };
    browser.viewport(600, 400);
    browser.open("/");
    browser.assert_golden("sample");
    browser.open("/time");
    browser.assert_golden("sample");
    browser.disable_scripts();
    browser.open("/time");
    browser.assert_golden("sample");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return;
    }
    browser.open("/colour");
    let problem = compared("sample", &browser.screenshot()).unwrap_err();
    assert!(
        problem.contains(" of 240000 pixels of sample differ: see "),
        "{problem}"
    );
    let file = problem.rsplit(' ').next().unwrap();
    assert!(Path::new(file).exists(), "{problem}");
    browser.open("/taller");
    let problem = compared("sample", &browser.screenshot()).unwrap_err();
    assert!(problem.contains("the golden picture 600x400"), "{problem}");
    assert!(
        compared("none", &browser.screenshot())
            .unwrap_err()
            .contains("no golden picture")
    );
}

#[test]
fn colour_scheme_and_width_are_those_that_are_set() {
    let page = "<style>
        @media (prefers-color-scheme: dark) { .light { display: none } }
        @media (prefers-color-scheme: light) { .dark { display: none } }
        @media (width > 360px) { .narrow { display: none } }
        @media (prefers-reduced-motion: no-preference) { .still { display: none } }
        </style><p class=light>light</p><p class=dark>dark</p><p class=narrow>narrow</p><p class=still>still</p>";
    let site = Site::start(&[("/", page)]);
    let Some(browser) = Browser::start(&site.url()) else {
        return;
    };
    browser.open("/");
    assert_eq!(browser.visible_text(), "Sample\n\nlight\n\nstill");
    browser.color_scheme(ColorScheme::Dark);
    browser.viewport(360, 800);
    browser.open("/");
    assert_eq!(browser.visible_text(), "Sample\n\ndark\n\nnarrow\n\nstill");
    assert_eq!(browser.screenshot().width, 360);
}

#[test]
fn browsers_share_no_cookies() {
    let site = Site::with_header(&[("/", "<p>Hello</p>")], "Set-Cookie: session=1; HttpOnly");
    let Some(first) = Browser::start(&site.url()) else {
        return;
    };
    let second = Browser::start(&site.url()).unwrap();
    for browser in [&first, &first, &second] {
        browser.open("/");
    }
    let cookies: Vec<bool> = site
        .requests()
        .iter()
        .map(|request| request.header("cookie").is_some())
        .collect();
    assert_eq!(cookies, [false, true, false]);
}

#[test]
fn chromium_ends_when_a_test_panics() {
    let Some(browser) = Browser::start("http://127.0.0.1:9") else {
        return;
    };
    let process = Path::new("/proc").join(browser.session.process_id().to_string());
    assert!(process.exists());
    let message = panic_of(move || {
        let dropped_by_the_panic = browser;
        panic!("a test of {}", dropped_by_the_panic.site);
    });
    assert_eq!(message, "a test of http://127.0.0.1:9");
    eventually("the end of Chromium", || (!process.exists()).then_some(()));
}

#[test]
fn the_built_binary_is_reached_by_a_browser() {
    let managed = ManagedServer::start();
    let Some(browser) = Browser::start(&format!("http://{}", managed.admin())) else {
        return;
    };
    browser.open("/api/v1/platform/feature-flags/board");
    browser.await_text("\"board\"");
    assert!(browser.foreign_requests().is_empty());
}
