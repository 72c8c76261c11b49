//! Options of all commands that call a server, given before the command. They are moved behind it, because clap knows
//! them as options of the commands.

use std::ffi::{OsStr, OsString};

/// Options with a value.
const WITH_VALUE: [&str; 4] = ["--server", "--token-file", "--ca", "--timeout"];

/// Returns the command line with the leading options moved to its end, or before a `--`.
pub(crate) fn move_to_end(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = arguments.into_iter();
    let mut line: Vec<OsString> = arguments.next().into_iter().collect();
    let mut leading: Vec<OsString> = Vec::new();
    for argument in arguments.by_ref() {
        let text = argument.to_str().unwrap_or_default();
        let (name, has_value) = match text.split_once('=') {
            Some((name, _)) => (name, true),
            None => (text, false),
        };
        let awaits_value = leading.last().and_then(|last| last.to_str());
        let is_value = awaits_value.is_some_and(|last| WITH_VALUE.contains(&last));
        if !is_value && !WITH_VALUE.contains(&name) && (name != "--json" || has_value) {
            line.push(argument);
            break;
        }
        leading.push(argument);
    }
    let mut rest: Vec<OsString> = arguments.collect();
    let end = rest.iter().position(|argument| argument == OsStr::new("--"));
    rest.splice(end.unwrap_or(rest.len())..end.unwrap_or(rest.len()), leading);
    line.extend(rest);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_before_a_command_are_moved_after_it() {
        for (given, expected) in [
            ("sluice", "sluice"),
            ("sluice --version", "sluice --version"),
            ("sluice flags list --server a", "sluice flags list --server a"),
            ("sluice --server a whoami", "sluice whoami --server a"),
            (
                "sluice --server=a --json flags list",
                "sluice flags list --server=a --json",
            ),
            (
                "sluice --server whoami flags kill x",
                "sluice flags kill x --server whoami",
            ),
            ("sluice --json tenants set -- x", "sluice tenants set --json -- x"),
            ("sluice --server a", "sluice --server a"),
        ] {
            let line = move_to_end(given.split(' ').map(OsString::from));
            let line: Vec<&str> = line.iter().filter_map(|argument| argument.to_str()).collect();
            assert_eq!(line.join(" "), expected);
        }
    }
}
