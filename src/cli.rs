//! The command line: which commands there are, and what their outcome means to a shell.

mod answer;
mod check;
mod clock;
mod demo;
mod eval;
mod explain;
mod run;
mod schema;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Opens and closes HTTP routes by feature flag, per tenant, in front of applications that know nothing of flags.
#[derive(Debug, Parser)]
#[command(name = "sluice", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Arguments),
    Check(check::Arguments),
    Explain(explain::Arguments),
    Eval(eval::Arguments),
    Token(token::Arguments),
    Schema(schema::Arguments),
    Demo(demo::Arguments),
}

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It did what it was asked.
    Done,
    /// The answer is no, or the input is bad; it has said so.
    No,
}

/// Runs the command. 0: done; 1: the answer is no or the input bad; 2: the command line itself was wrong (clap
/// exits with that by itself).
pub(crate) fn run(cli: Cli) -> ExitCode {
    let outcome = match cli.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Token(arguments) => token::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
    };
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::FAILURE,
        // A reader that has seen enough (`sluice eval | head`) is no error.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            answer::complain(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
