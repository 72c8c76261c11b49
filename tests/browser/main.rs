//! Web pages in a real Chromium, which `scripts/install-chromium` provides: use by mouse and keyboard, with and without
//! JavaScript, golden screenshots, accessibility, and every request that a page makes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says that it is skipped"
)]

mod accessibility;
mod browser;
#[allow(dead_code, reason = "shared with the suite `binary`, which uses all of it")]
#[path = "../binary/files.rs"]
mod files;
mod golden;
mod harness;
mod keyboard;
#[allow(dead_code, reason = "shared with the suite `binary`, which uses all of it")]
#[path = "../binary/managed_server.rs"]
mod managed_server;
mod observed;
#[allow(dead_code, reason = "shared with the suite `binary`, which uses all of it")]
#[path = "../binary/operator_tokens.rs"]
mod operator_tokens;
mod picture;
#[allow(dead_code, reason = "shared with the suite `binary`, which uses all of it")]
#[path = "../binary/process.rs"]
mod process;
mod served;
mod webdriver;
