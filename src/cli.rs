//! The command line: its commands and their exit codes.

mod announce;
mod apply;
mod atomic_file;
mod attribute;
mod audit;
mod backup;
mod change;
mod check;
mod client;
mod command_hints;
mod completion;
mod config_path;
mod confirmation;
mod console;
mod demo;
mod document;
mod duration;
mod eval;
mod exit;
mod expected_command;
mod explain;
mod export;
mod flags;
mod global_options;
mod health;
mod log_level;
mod man;
mod operators;
mod output;
mod pages;
mod rejection;
mod render;
mod report;
mod required_members;
mod restore;
mod rollout;
mod route;
mod run;
mod schema;
mod session;
mod tenants;
mod token;
mod urgent;
mod whoami;
mod why;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::client::ClientError;
use self::exit::Exit;
use self::output::OutputFormat;
use self::rejection::ServerRejection;

/// Opens and closes HTTP routes by feature flag, per tenant, in front of applications that have no feature flags.
#[derive(Debug, Parser)]
#[command(name = "sluice", version = env!("SLUICE_VERSION"), max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Arguments),
    #[command(alias = "validate", alias = "lint")]
    Check(check::Arguments),
    Health(health::Arguments),
    Explain(explain::Arguments),
    Why(why::Arguments),
    Eval(eval::Arguments),
    Token(token::Arguments),
    Schema(schema::Arguments),
    Demo(demo::Arguments),
    Console(console::Arguments),
    Flags(flags::Arguments),
    Rollout(rollout::Arguments),
    Report(report::Arguments),
    Announce(announce::Arguments),
    Tenants(tenants::Arguments),
    Apply(apply::Arguments),
    Export(export::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Audit(audit::Arguments),
    Operators(operators::Arguments),
    #[command(name = "log-level")]
    LogLevel(log_level::Arguments),
    Whoami(whoami::Arguments),
    Completion(completion::Arguments),
    Man(man::Arguments),
    /// Prints the version, like `sluice --version`.
    Version,
}

impl Cli {
    /// Parses the command line of this process. Ends the process if it is invalid, or asks for help or the version.
    pub(crate) fn from_process() -> Self {
        let parsed = Self::try_parse_from(global_options::move_to_end(std::env::args_os()));
        parsed.unwrap_or_else(|error| {
            // clap quotes invalid arguments, which may be tokens.
            let message = error.render().to_string();
            let masked = redact::masked_hosts(&redact::masked(&message));
            let hint = expected_command::hint(&error);
            if error.use_stderr() && (masked != message || hint.is_some()) {
                output::print_stderr(masked.trim_end());
                if let Some(hint) = hint {
                    output::print_stderr(format_args!("\nhelp: {hint}"));
                }
                std::process::exit(error.exit_code());
            }
            error.exit()
        })
    }
}

/// Exit code if no valid answer of a server arrived.
const NO_ANSWER_CODE: u8 = 3;
/// Exit code of a command that Ctrl-C ended: 128 and the number of SIGINT.
const INTERRUPTED_CODE: u8 = 130;

/// Runs the command and returns its exit code. 0: success; 1: the answer is no, or the input is invalid; 2: the command
/// line is invalid (`Cli::from_process` exits with it); 3: no valid answer of a server arrived; 130: ended by Ctrl-C.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Health(arguments) => health::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Why(arguments) => why::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Token(arguments) => token::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Console(arguments) => console::run(&arguments),
        Command::Flags(arguments) => flags::run(&arguments),
        Command::Rollout(arguments) => rollout::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Announce(arguments) => announce::run(&arguments),
        Command::Tenants(arguments) => tenants::run(&arguments),
        Command::Apply(arguments) => apply::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Operators(arguments) => operators::run(&arguments),
        Command::LogLevel(arguments) => log_level::run(&arguments),
        Command::Whoami(arguments) => whoami::run(&arguments),
        Command::Completion(arguments) => completion::run(&arguments, &mut Cli::command()),
        Command::Man(arguments) => man::run(&arguments, Cli::command()),
        Command::Version => print_version(),
    };
    match result {
        Ok(Exit::Success) => ExitCode::SUCCESS,
        Ok(Exit::Failure) => ExitCode::FAILURE,
        Ok(Exit::Interrupted) => ExitCode::from(INTERRUPTED_CODE),
        // A reader that stops reading (`sluice eval | head`) is not an error.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => match error.downcast_ref::<ServerRejection>() {
            Some(rejection) => print_rejection(rejection),
            None => {
                output::print_last_error(&error);
                let Some(client_error) = error.downcast_ref::<ClientError>() else {
                    return ExitCode::FAILURE;
                };
                if let Some(hint) = client_error.hint() {
                    output::print_stderr(format_args!("help: {hint}"));
                }
                ExitCode::from(NO_ANSWER_CODE)
            }
        },
    }
}

/// Prints a rejection: its JSON body to standard output for scripts, or its text to standard error for people.
fn print_rejection(rejection: &ServerRejection) -> ExitCode {
    match rejection.format {
        OutputFormat::Json => drop(output::print_json(&rejection.body)),
        OutputFormat::Text => output::print_stderr(rejection),
    }
    ExitCode::FAILURE
}

fn print_version() -> anyhow::Result<Exit> {
    output::print(Cli::command().render_version().trim_end())?;
    Ok(Exit::Success)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
