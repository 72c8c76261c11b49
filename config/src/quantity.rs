//! Durations, sizes and rates as operators write them: `10s`, `250ms`, `4KiB`, `100/s`.

/// The units of durations, in milliseconds.
pub(crate) const DURATION_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];
/// The units of sizes, in bytes.
pub(crate) const SIZE_UNITS: [(&str, u64); 4] =
    [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
/// The units of rates.
const RATE_UNITS: [&str; 3] = ["s", "m", "h"];

/// Returns a duration in milliseconds. It is written as a whole number and a unit: `250ms`, `10s`, `5m`, `1h`, `14d`.
pub(crate) fn duration_ms(text: &str) -> Option<u64> {
    quantity(text, &DURATION_UNITS)
}

/// Returns the text of a duration with the largest unit of which it is a multiple: `2d`, `90m`.
pub(crate) fn duration_text(ms: u64) -> String {
    let divides = |(_, factor): &&(&str, u64)| ms > 0 && ms.is_multiple_of(*factor);
    let unit = DURATION_UNITS.iter().rev().find(divides);
    let (unit, factor) = unit.unwrap_or(&("ms", 1));
    format!("{}{unit}", ms / factor)
}

/// Returns a size in bytes. It is written as a whole number and a unit: `512B`, `4KiB`, `10MiB`, `1GiB`.
pub(crate) fn size_bytes(text: &str) -> Option<u64> {
    quantity(text, &SIZE_UNITS)
}

/// Returns a rate: a number of requests, and their period in milliseconds. It is written like `100/s`, `600/m`,
/// `5000/h`.
pub(crate) fn rate(text: &str) -> Option<(u32, u64)> {
    let (count, unit) = text.split_once('/')?;
    let digits = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    let per_ms = factor(unit, &DURATION_UNITS).filter(|_| RATE_UNITS.contains(&unit))?;
    Some((count.parse().ok().filter(|_| digits)?, per_ms))
}

fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    number.parse::<u64>().ok()?.checked_mul(factor(unit, units)?)
}

fn factor(unit: &str, units: &[(&str, u64)]) -> Option<u64> {
    let known = units.iter().find(|(known, _)| *known == unit);
    known.map(|(_, factor)| *factor)
}

/// Returns the name in a text that is a reference, `${NAME}`, as a whole.
pub(crate) fn reference(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    is_variable_name(name).then_some(name)
}

/// Returns true for the name of an environment variable: letters, digits and `_`, no digit first.
pub(crate) fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let start = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    start && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests;
