//! The `sluice` binary: reads the command line and runs the command, which has a file of its own in `cli`.
#![forbid(unsafe_code)]

mod activation;
mod active_config;
mod admin_routes;
mod break_glass;
mod cli;
mod client_flags;
mod clock;
mod config_audit;
mod control_listeners;
mod control_plane;
mod environment;
mod flag_uses;
mod fleet_follow;
mod fleet_store;
mod issuer_keys;
mod last_good;
mod last_reload;
mod lock_holder;
mod log_levels;
mod metric_thread;
mod node_reader;
mod notification_thread;
mod operators;
mod parent_directory;
mod port_holder;
mod printable;
mod process_log;
mod proxy_observer;
mod rejection_reason;
mod request_explainer;
mod rollout_thread;
mod service_manager;
mod signals;
mod startup;
mod store_watch;
mod story;
mod terminal;
mod traffic_reader;
mod upgrade;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tokens::install_crypto_provider();
    let _flush = process_log::FlushOnExit;
    cli::run(cli::Cli::from_process())
}
