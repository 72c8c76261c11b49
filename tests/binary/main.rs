//! The built binary as a separate process: the answers of each command, and a running proxy that reloads its files
//! without losing a request.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod answering;
mod audited;
mod break_glass;
mod breaker;
mod checking;
mod client_flags;
mod console;
mod console_load;
mod console_sign_in;
mod curl_examples;
mod demo;
mod deploy;
mod documents;
mod earlier_releases;
mod encrypted;
mod environment;
mod error_codes;
mod evaluating;
mod explained;
mod explained_as_served;
mod explaining;
mod failing_disk;
mod files;
mod fixed_texts;
mod fleet;
mod fragments;
mod gateway_document;
mod health;
mod help_pages;
mod installing;
mod invalid_answers;
mod json_output;
mod links;
mod log;
mod log_ins;
mod log_levels;
mod lost;
mod managed;
mod managed_server;
mod metrics;
mod node;
mod notifying;
mod numbers;
mod operating;
mod operator_tokens;
mod operators;
mod process;
mod reaching;
mod real_prometheus;
mod recipes;
mod rejected_tokens;
mod rollout_course;
mod rollout_kills;
mod rollouts;
mod running;
mod secrets;
mod security;
mod seeds;
mod service_manager;
mod signals;
mod signing_in;
mod tokens;
mod traces;
mod upgrading;
mod usage;
mod walkthrough;
mod watching;
mod why;
mod wrong_server;
