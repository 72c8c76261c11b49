//! The pictures of docs/console.md: written by `SLUICE_DOCS=write`, otherwise compared with the pages.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::company::Company;
use super::is_long;
use crate::browser::Browser;
use crate::golden::compared_with;

/// Width of the pictures, and their largest height.
const WIDTH: u32 = 1280;
const MAX_HEIGHT: u64 = 900;

/// Returns the height of the page, and the places of the elements that may differ between runs: left, top, right, bottom.
const PLACES: &str = r"
[document.documentElement.scrollHeight, [...document.querySelectorAll('[data-volatile]')]
  .map(element => element.getBoundingClientRect()).filter(place => place.width > 0)
  .map(place => [place.left, place.top, place.right, place.bottom].map(Math.round))]
";

/// A picture: its name, and the steps to its page.
type Scene = (&'static str, fn(&Browser));

const SCENES: [Scene; 8] = [
    ("flags", |browser| browser.open("/platform/feature-flags")),
    ("flag", |browser| {
        browser.open("/platform/feature-flags/dispatch.board")
    }),
    ("tenants", |browser| {
        browser.open("/platform/feature-flags/dispatch.autoAssign/tenants")
    }),
    ("preview", |browser| {
        browser.open("/platform/feature-flags/reports.scheduled/tiers");
        browser.choose("Default for free", "off");
        browser.click("Preview");
        browser.await_text("tenants change");
        browser.fill("Reason (optional)", "SUP-4702: the trial of small firms ends");
    }),
    ("refusal", |browser| {
        browser.open("/platform/feature-flags/dispatch.board");
        browser.click("Promote to ga");
        browser.await_text("Refused, nothing was changed");
    }),
    ("rollout", |browser| {
        browser.open("/platform/feature-flags/routing.smartEta/rollout")
    }),
    ("audit", |browser| browser.open("/platform/audit")),
    ("org", |browser| browser.open("/admin/feature-flags")),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/console")
}

/// Takes the picture of a page, and compares it with that of the documentation, or writes it.
fn check(browser: &Browser, name: &str) -> Result<(), String> {
    browser.evaluate("document.activeElement.blur(); 0");
    browser.fix_texts();
    let page = browser.evaluate(PLACES);
    let height = page[0].as_u64().unwrap().min(MAX_HEIGHT);
    // The side bar is as high as the window.
    browser.viewport(WIDTH, u32::try_from(height).unwrap());
    let actual = browser.captured(&json!([WIDTH, height]), 1.0);
    let file = folder().join(format!("{name}.png"));
    let places: Vec<[i64; 4]> = serde_json::from_value(page[1].clone()).unwrap();
    let is_current = match fs::read(&file) {
        Ok(_) => compared_with(&file, name, &actual, &places),
        Err(_) => Err(format!("there is no picture {}", file.display())),
    };
    if is_current.is_err() && std::env::var("SLUICE_DOCS").as_deref() == Ok("write") {
        fs::write(file, actual.encode()).unwrap();
        return Ok(());
    }
    is_current
}

#[test]
fn the_pictures_in_the_documentation_are_current() {
    let company = Company::found();
    let Some(admin) = company.browser("platform-admin") else {
        return;
    };
    let org_admin = company.browser("org-admin").unwrap();
    company.await_verdicts();
    let mut problems = Vec::new();
    for (name, open) in SCENES {
        let browser = if name == "org" { &org_admin } else { &admin };
        browser.viewport(WIDTH, 720);
        open(browser);
        // In the long form, as the golden pictures are; the short form only opens each scene.
        if is_long() || std::env::var_os("SLUICE_DOCS").is_some() {
            problems.extend(check(browser, name).err());
        }
    }
    assert!(
        problems.is_empty(),
        "{}\nSLUICE_DOCS=write writes the pictures: look at them before you commit them",
        problems.join("\n")
    );
}

#[test]
fn the_page_of_the_console_shows_every_picture() {
    let page = fs::read_to_string(folder().with_extension("md")).unwrap();
    let shown = |name: &str| page.contains(&format!("](console/{name}.png)"));
    for (name, _) in SCENES {
        assert!(shown(name), "docs/console.md does not show {name}.png");
    }
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let files: BTreeSet<String> = files
        .map(|file| file.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(files, SCENES.map(|(name, _)| name.to_owned()).into());
}
