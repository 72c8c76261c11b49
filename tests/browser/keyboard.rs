//! Keys that a person presses.

use serde_json::{Value, json};

use crate::browser::Browser;

/// Code points of keys without a character (W3C WebDriver, section 17.4.2).
const KEYS: &[(&str, char)] = &[
    ("Tab", '\u{e004}'),
    ("Enter", '\u{e007}'),
    ("Shift", '\u{e008}'),
    ("Control", '\u{e009}'),
    ("Alt", '\u{e00a}'),
    ("Escape", '\u{e00c}'),
    ("Space", ' '),
    ("End", '\u{e010}'),
    ("Home", '\u{e011}'),
    ("ArrowLeft", '\u{e012}'),
    ("ArrowUp", '\u{e013}'),
    ("ArrowRight", '\u{e014}'),
    ("ArrowDown", '\u{e015}'),
];

fn code(key: &str) -> char {
    let named = KEYS.iter().find(|(name, _)| *name == key);
    let mut characters = key.chars();
    match (named, characters.next(), characters.next()) {
        (Some((_, code)), ..) => *code,
        (None, Some(character), None) => character,
        _ => panic!("no key is named {key}"),
    }
}

impl Browser {
    /// Presses keys one after the other: a character, a name such as `Enter`, or several at once such as `Shift+Tab`.
    #[track_caller]
    pub(crate) fn press(&self, keys: &[&str]) {
        let mut actions = Vec::new();
        for key in keys {
            let together: Vec<char> = match *key {
                "+" => vec!['+'],
                several => several.split('+').map(code).collect(),
            };
            let action = |kind: &str, key: &char| json!({ "type": kind, "value": key });
            actions.extend(together.iter().map(|key| action("keyDown", key)));
            actions.extend(together.iter().rev().map(|key| action("keyUp", key)));
        }
        let actions = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] });
        self.session.command("POST", "actions", &actions);
    }

    /// Types a text into the focused element.
    #[track_caller]
    pub(crate) fn type_text(&self, text: &str) {
        let keys: Vec<String> = text.chars().map(String::from).collect();
        self.press(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Returns the accessible name of the focused element; of the page, if there is none.
    #[track_caller]
    pub(crate) fn focused(&self) -> String {
        let element = self.session.command("GET", "element/active", &Value::Null);
        let id = element
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .as_str()
            .unwrap();
        let label = self
            .session
            .command("GET", &format!("element/{id}/computedlabel"), &Value::Null);
        label.as_str().unwrap_or_default().to_owned()
    }
}
