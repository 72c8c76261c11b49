//! Pages over a large store, and many open windows. The measurement in `console/examples/measure_pages.rs` requests the same pages of a larger
//! one, from a release build.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use testkit::LargeDocument;

use crate::large_site::{LargeSize, MAX_PAGE_BYTES, large_site, visits};
use crate::site::Site;

/// The time for a page in a debug build on a busy machine. A page that reads all tenants for each of its rows needs more.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn every_page_of_a_large_store_is_small() {
    let size = LargeSize {
        document: LargeDocument {
            flags: 1_000,
            tenants: 10_000,
        },
        changes: 600,
        changed: 60,
    };
    let site = large_site(size);
    let mut faults = Vec::new();
    for visit in visits(size, &site) {
        let begun = Instant::now();
        let received = visit.request(&site);
        let (taken, bytes) = (begun.elapsed(), received.text.len());
        if taken > PATIENCE || bytes > MAX_PAGE_BYTES {
            faults.push(format!(
                "{} {}: {taken:.0?}, {bytes} bytes",
                visit.page, visit.path
            ));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn ten_open_windows_are_not_throttled() {
    let site = Site::new("{ version: 1, tiers: [a], flags: { board: { lifecycle: ga } } }");
    // A minute of ten visible windows: each requests its page every five seconds.
    for _ in 0..12 {
        for _ in 0..10 {
            let page = site.get("/platform/feature-flags/board");
            assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        }
    }
}
