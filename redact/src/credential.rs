//! Texts that look as if a machine had drawn them.

/// From this length on, a run of mixed characters looks drawn at random.
const RANDOM: usize = 16;

/// Returns true if a text has a run of 16 or more letters and digits that looks random: upper-case,
/// lower-case and digits. Only for places that may hold a secret, because class names look alike.
#[must_use]
pub fn looks_random(text: &str) -> bool {
    let runs = text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '_' | '='));
    let mut long = runs.filter(|run| run.len() >= RANDOM);
    long.any(|run| {
        let has = |kind: fn(&u8) -> bool| run.as_bytes().iter().any(kind);
        has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)
    })
}

#[cfg(test)]
mod tests;
