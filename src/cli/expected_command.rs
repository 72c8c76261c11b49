//! Hints for commands that do not exist here, but do in similar tools.

use clap::error::{ContextKind, ContextValue, ErrorKind};

const TURN_OFF: &str = "`sluice flags kill FLAG` turns a flag off for everyone; `sluice tenants override TENANT FLAG off` \
                        for one tenant";
const TURN_ON: &str = "`sluice flags promote FLAG STATE` makes a flag available; `sluice tenants override TENANT FLAG on` turns \
                       it on for one tenant; `sluice flags restore FLAG` ends a kill";
const TOGGLE: &str = "`sluice flags kill FLAG` turns a flag off for everyone, `sluice flags restore FLAG` ends that; \
                      `sluice flags show FLAG` shows its state";
const RELOAD: &str = "a running server reads its files again when they change; SIGHUP (`kill -HUP PID`) makes it read them at \
                      once; `sluice check` reports problems first";
const SERVE: &str = "`sluice run` starts the server";
const STOP: &str = "SIGTERM (`kill PID`) stops a server after the requests that it serves";
const STATUS: &str =
    "`GET /readyz?verbose` of the admin listener shows the state of a server; `sluice flags list` the flags";
const LIST: &str = "`sluice flags list` lists the flags, `sluice tenants list` the tenants";
const ROLL_BACK: &str = "`sluice flags revert FLAG STATE` goes back to an earlier state; `sluice flags kill FLAG` turns a flag off; \
                         `sluice rollout rollback FLAG` rolls a rollout plan back";
const ROLLOUT: &str = "`sluice rollout` operates the rollout plan of a flag; `sluice flags rollout FLAG PERCENTAGE` sets a percentage";
const LOG_IN: &str = "set a token with --token-file or in SLUICE_TOKEN; `sluice whoami` shows whose it is";
const IMPORT: &str =
    "`sluice apply -f FILE` applies a flags document, `sluice tenants import FILE` imports tenants";
const LOGS: &str = "`sluice run` writes its log to standard error, and the access log to standard output or to \
                    `access_log.output` of sluice.yaml; `sluice audit list` lists the changes of flags";
const EVAL: &str = "subjects are JSON lines on standard input: echo '{\"flag\":\"board.v2\",\"tenant\":\"acme\"}' | sluice \
                    eval --flags flags.yaml";

/// Returns the hint for the unknown command of a usage error, if there is one.
pub(super) fn hint(error: &clap::Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::InvalidSubcommand => {}
        ErrorKind::UnknownArgument if is_of_eval(error) => return Some(EVAL),
        _ => return None,
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    hint_for(word)
}

/// Returns true for a usage error of `sluice eval`.
fn is_of_eval(error: &clap::Error) -> bool {
    match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string().contains("sluice eval"),
        _ => false,
    }
}

fn hint_for(word: &str) -> Option<&'static str> {
    Some(match word {
        "disable" | "off" | "deactivate" | "kill" | "close" => TURN_OFF,
        "enable" | "on" | "activate" | "open" => TURN_ON,
        "toggle" | "flip" | "switch" | "set" => TOGGLE,
        "reload" | "refresh" => RELOAD,
        "start" | "serve" | "server" | "up" | "proxy" => SERVE,
        "stop" | "down" | "quit" => STOP,
        "status" | "ps" | "health" | "info" => STATUS,
        "list" | "ls" | "get" => LIST,
        "rollback" | "undo" | "revert" => ROLL_BACK,
        "rollouts" | "release" | "canary" | "pause" | "resume" | "advance" => ROLLOUT,
        "login" | "auth" => LOG_IN,
        "logs" | "log" | "tail" => LOGS,
        "import" | "load" | "push" => IMPORT,
        _ => return None,
    })
}
