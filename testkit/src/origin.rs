//! Simulated applications, each with its own way to read paths; slow and obvious. Written without the code of
//! the proxy, so that it can't share its mistakes.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::message::MessageHead;
use crate::spellings::{GATED_HOST, GATED_PATH};

/// A step of a server that changes a path, besides resolving it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// `%XX`, and after that a `?` begins a query.
    Decode,
    /// `%XX` until there is none.
    DecodeFully,
    /// `;x` of each segment.
    Params,
    /// `\` to `/`.
    Backslash,
    /// `%uXXXX`, overlong forms of ASCII, and full-width forms.
    Unicode,
    /// Dots, spaces and NUL at the end of each segment.
    Trailing,
    /// A NUL and the rest of the path.
    Nul,
    /// `::$DATA` and its like.
    Streams,
    /// `.json` at the end of the last segment.
    Suffix,
    /// Upper case to lower case.
    Fold,
}

impl Habit {
    /// All habits.
    pub const ALL: [Self; 10] = [
        Self::Decode,
        Self::DecodeFully,
        Self::Params,
        Self::Backslash,
        Self::Unicode,
        Self::Trailing,
        Self::Nul,
        Self::Streams,
        Self::Suffix,
        Self::Fold,
    ];
}

/// A server with its habits, in the order in which it follows them. It decodes once at the end if it never did,
/// and resolves slashes and dots after each step.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Its steps.
    pub habits: Vec<Habit>,
    /// True if it obeys headers that name another URL or host.
    pub obeys_headers: bool,
}

impl Origin {
    /// Returns a server that decodes each escape once, those of slashes included, merges slashes, resolves
    /// dots, and obeys no header.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            habits: Vec::new(),
            obeys_headers: false,
        }
    }

    /// Servers of every kind: plain ones, ones with each habit, with each two and three in each order, and with
    /// more at random.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut lists: Vec<Vec<Habit>> = vec![Vec::new()];
        for first in Habit::ALL {
            lists.push(vec![first]);
            for second in Habit::ALL {
                lists.push(vec![first, second]);
                lists.push(vec![Habit::Decode, first, second]);
                lists.push(vec![Habit::Decode, first, Habit::Decode, second]);
            }
        }
        let mut state = 1_u64;
        for length in (3..9).cycle().take(150) {
            let mut next = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(state >> 33).unwrap()
            };
            lists.push(
                (0..length)
                    .map(|_| Habit::ALL[next() % Habit::ALL.len()])
                    .collect(),
            );
        }
        // No server decodes more than three times, except until nothing changes.
        let decodes = |list: &Vec<Habit>| list.iter().filter(|habit| **habit == Habit::Decode).count();
        lists.retain(|list| decodes(list) <= 3);
        lists
            .into_iter()
            .map(|habits| Self {
                habits,
                obeys_headers: true,
            })
            .collect()
    }

    /// Returns true if it would serve the gated resource for this request.
    #[must_use]
    pub fn serves(&self, target: &str, head: &MessageHead) -> bool {
        let overriding = |names: &[&str]| {
            let folded = |name: &str| {
                name.to_ascii_lowercase()
                    .replace(|c: char| !c.is_ascii_alphanumeric(), "-")
            };
            let found = head
                .headers
                .iter()
                .find(|(name, _)| names.contains(&folded(name).as_str()));
            found
                .map(|(_, value)| value.clone())
                .filter(|_| self.obeys_headers)
        };
        let host = overriding(&[
            "x-forwarded-host",
            "x-host",
            "x-original-host",
            "x-forwarded-server",
        ])
        .or_else(|| head.header("host").map(str::to_owned))
        .unwrap_or_default();
        let url = overriding(&[
            "x-original-url",
            "x-rewrite-url",
            "x-original-uri",
            "x-rewrite-uri",
            "x-override-url",
            "x-http-path-override",
            "x-forwarded-uri",
        ]);
        let prefix = overriding(&["x-forwarded-prefix", "x-script-name"]).unwrap_or_default();
        let asked = format!("{prefix}{}", url.as_deref().unwrap_or(target));
        is_gated_host(&host) && self.path_of(&asked).trim_end_matches('/') == GATED_PATH
    }

    /// Returns the path that it serves for a target.
    #[must_use]
    pub fn path_of(&self, target: &str) -> String {
        let mut path = until(target, &['?', '#']).to_owned();
        if let Some((_, rest)) = path.split_once("://") {
            path = rest.find('/').map_or("/", |at| &rest[at..]).to_owned();
        }
        let decodes = |habit: &Habit| matches!(habit, Habit::Decode | Habit::DecodeFully);
        for habit in &self.habits {
            path = resolve(&follow(*habit, &path));
        }
        if !self.habits.iter().any(decodes) {
            path = resolve(&decode(&path));
        }
        path
    }
}

fn is_gated_host(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.trim_end_matches('.').eq_ignore_ascii_case(GATED_HOST)
}

fn until<'t>(text: &'t str, ends: &[char]) -> &'t str {
    text.split(ends).next().unwrap_or_default()
}

fn follow(habit: Habit, path: &str) -> String {
    let each = |cut: &dyn Fn(&str) -> String| path.split('/').map(cut).collect::<Vec<_>>().join("/");
    match habit {
        Habit::Decode => until(&decode(path), &['?', '#']).to_owned(),
        Habit::DecodeFully => {
            let mut path = path.to_owned();
            while decode(&path) != path {
                path = decode(&path);
            }
            path
        }
        Habit::Params => each(&|segment| until(segment, &[';']).to_owned()),
        Habit::Backslash => path.replace('\\', "/"),
        Habit::Unicode => unicode(path),
        Habit::Trailing => each(&|segment| match segment.trim_end_matches([' ', '\0']) {
            dots @ ("." | "..") => dots.to_owned(),
            _ => segment.trim_end_matches([' ', '.', '\0']).to_owned(),
        }),
        Habit::Nul => until(path, &['\0']).to_owned(),
        Habit::Streams => each(&|segment| {
            let upper = segment.to_ascii_uppercase();
            let typed = upper.ends_with(":$DATA") || upper.ends_with(":$INDEX_ALLOCATION");
            if typed {
                until(segment, &[':']).to_owned()
            } else {
                segment.to_owned()
            }
        }),
        Habit::Suffix => match path.trim_end_matches('/').rsplit_once('.') {
            Some((name, format)) if !format.contains('/') && (1..=16).contains(&format.chars().count()) => {
                name.to_owned()
            }
            _ => path.to_owned(),
        },
        // The path is UTF-8 read as Latin-1: these two characters are `ſ`.
        Habit::Fold => path.to_ascii_lowercase().replace("\u{C5}\u{BF}", "s"),
    }
}

/// Decodes each escape once, to Latin-1.
fn decode(path: &str) -> String {
    let (mut decoded, mut rest) = (String::new(), path);
    while let Some(first) = rest.chars().next() {
        let byte = rest
            .get(1..3)
            .filter(|_| first == '%')
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(byte.map_or(first, char::from));
        rest = &rest[if byte.is_some() { 3 } else { first.len_utf8() }..];
    }
    decoded
}

/// The forms of ASCII characters, each with its character.
static FORMS: LazyLock<HashMap<String, char>> = LazyLock::new(|| {
    let mut forms = HashMap::from([("%u2215".to_owned(), '/')]);
    for code in 1_u8..0x80 {
        let next = char::from(0x80 | code & 0x3F);
        let wide = char::from_u32(u32::from(code) + 0xFEE0).filter(|_| code > 0x20);
        let wide = wide.map(|wide| wide.to_string().bytes().map(char::from).collect());
        let long = [
            format!("{}{next}", char::from(0xC0 | code >> 6)),
            format!("\u{E0}{}{next}", char::from(0x80 | code >> 6)),
            format!("%u{code:04x}"),
            format!("%u{code:04X}"),
        ];
        forms.extend(long.into_iter().chain(wide).map(|form| (form, char::from(code))));
    }
    forms
});

fn unicode(path: &str) -> String {
    if path.is_ascii() && !path.contains("%u") {
        return path.to_owned();
    }
    let characters: Vec<char> = path.chars().collect();
    let (mut read, mut at) = (String::new(), 0);
    while let Some(&first) = characters.get(at) {
        let form = |length: usize| {
            let text: String = characters.get(at..at + length)?.iter().collect();
            Some((*FORMS.get(&text)?, length))
        };
        let begins = first == '%' || first >= '\u{C0}';
        let found = [6, 3, 2].into_iter().filter(|_| begins).find_map(form);
        let (character, length) = found.unwrap_or((first, 1));
        read.push(character);
        at += length;
    }
    read
}

/// Resolves a path like a file system: merges slashes, then removes dots.
fn resolve(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}
