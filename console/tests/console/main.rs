//! The tests of the pages without a browser, linked into one binary: requests to the router, and what the pages say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption of a test is reported as a panic"
)]

mod audit;
mod changes;
mod conflicts;
mod echo_explain;
mod explain;
mod fixed_traffic;
mod flags;
mod forms;
mod large_pages;
mod large_site;
mod measured_site;
mod org;
mod plan_conflicts;
mod receipts;
mod requests;
mod rollouts;
mod shadow;
mod sign_in;
mod site;
mod tenant_changes;
mod tenants;
