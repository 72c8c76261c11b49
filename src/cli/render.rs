//! How answers are told to people: tables, times, and texts of others made harmless. Pure.

pub(super) mod difference;
pub(super) mod json;
mod local_kill;
pub(super) mod moment;
pub(super) mod preview;
mod table;

pub(super) use local_kill::local_kill;
pub(super) use table::Table;

/// A text of somebody else, fit for a terminal: characters that would steer it are written out.
pub(super) fn printable(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            printable.extend(c.escape_default());
        } else {
            printable.push(c);
        }
    }
    printable
}

/// `1 tenant`, `2 tenants`.
pub(super) fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_written_out() {
        assert_eq!(printable("Größe 3 → 4"), "Größe 3 → 4");
        assert_eq!(
            printable("a\u{1b}[31m\u{7}\r\n\u{202e}b"),
            "a\\u{1b}[31m\\u{7}\\r\\n\\u{202e}b"
        );
    }
}
