//! `sluice tenants`: shows tenants, and changes the settings of staff and of the tenants themselves.

mod allow;
mod flag_of_tenant;
mod import;
mod import_losses;
mod import_mode;
mod list;
mod opt_choice;
mod org_flags;
mod override_flag;
mod remove;
mod set;
mod show;

use anyhow::Result;
use clap::{Args, Subcommand};

use self::flag_of_tenant::FlagOfTenant;
use super::exit::Exit;
use super::session::{ConnectionOptions, Session};

/// Shows and changes tenants: tier, channel, attributes, beta allowlist, overrides, opt-ins.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: ConnectionOptions,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Arguments),
    Show(show::Arguments),
    Flags(org_flags::Arguments),
    Set(set::Arguments),
    /// Adds a flag to a tenant's beta allowlist.
    Allow(FlagOfTenant),
    /// Removes a flag from a tenant's beta allowlist: a beta flag is off for the tenant at once.
    Disallow(FlagOfTenant),
    Override(override_flag::Arguments),
    /// Opts a tenant in to a flag, as its own admin can.
    OptIn(FlagOfTenant),
    /// Opts a tenant out of a flag, as its own admin can.
    OptOut(FlagOfTenant),
    Import(import::Arguments),
    Remove(remove::Arguments),
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let session = Session::open(&arguments.connection)?;
    match &arguments.command {
        Command::List(arguments) => list::run(&session, arguments),
        Command::Show(arguments) => show::run(&session, arguments),
        Command::Flags(arguments) => org_flags::run(&session, arguments),
        Command::Set(arguments) => set::run(&session, arguments),
        Command::Allow(arguments) => allow::run(&session, arguments, allow::AllowlistChange::Add),
        Command::Disallow(arguments) => allow::run(&session, arguments, allow::AllowlistChange::Remove),
        Command::Override(arguments) => override_flag::run(&session, arguments),
        Command::OptIn(arguments) => opt_choice::run(&session, arguments, opt_choice::OptChoice::In),
        Command::OptOut(arguments) => opt_choice::run(&session, arguments, opt_choice::OptChoice::Out),
        Command::Import(arguments) => import::run(&session, arguments),
        Command::Remove(arguments) => remove::run(&session, arguments),
    }
}
