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
mod company;
#[allow(dead_code, reason = "shared with the suite `binary`, which uses all of it")]
#[path = "../binary/files.rs"]
mod files;
#[allow(dead_code, reason = "shared with the suite `binary`, which uses all of it")]
#[path = "../binary/gateway_document.rs"]
mod gateway_document;
mod golden;
mod harness;
mod kept_input;
mod keyboard;
mod keys_alone;
mod live_parts;
#[allow(dead_code, reason = "shared with the suite `binary`, which uses all of it")]
#[path = "../binary/managed_server.rs"]
mod managed_server;
mod observed;
#[allow(dead_code, reason = "shared with the suite `binary`, which uses all of it")]
#[path = "../binary/operator_tokens.rs"]
mod operator_tokens;
mod pages;
mod phone;
mod picture;
mod procedures;
#[allow(dead_code, reason = "shared with the suite `binary`, which uses all of it")]
#[path = "../binary/process.rs"]
mod process;
mod served;
mod two_operators;
mod webdriver;
mod windows;
mod without_scripts;
