//! Measured values of checks and arms as text.

use serde_json::Value;

/// Formats the value of a check in its unit: `0.4 %`, `1.83 s`, `+12 %` against control. Without a value, `-`.
pub(super) fn value(check: &Value) -> String {
    formatted(check, "value")
}

/// Formats the bound of a check in its unit.
pub(super) fn bound(check: &Value) -> String {
    formatted(check, "bound")
}

fn formatted(check: &Value, field: &str) -> String {
    let unit = check.get("unit").and_then(Value::as_str).unwrap_or_default();
    match check.get(field).and_then(Value::as_f64) {
        Some(value) => match unit {
            "share" => percent(value),
            "seconds" => milliseconds(value * 1_000.0),
            "ratio" => format!("{:+.0} %", (value - 1.0) * 100.0),
            _ => trimmed(value, 3),
        },
        None => "-".to_owned(),
    }
}

/// Returns the part of the way from 0 to the bound that the value has come, at least 0; above 1 it is beyond the bound.
/// A comparison with control starts at no difference. None without a value.
pub(super) fn way_to_bound(check: &Value) -> Option<f64> {
    let number = |field: &str| check.get(field).and_then(Value::as_f64);
    let unit = check.get("unit").and_then(Value::as_str).unwrap_or_default();
    let (value, bound) = match unit {
        "ratio" => (number("value")? - 1.0, number("bound")? - 1.0),
        _ => (number("value")?, number("bound")?),
    };
    Some(match (value <= 0.0, bound <= 0.0) {
        (true, _) => 0.0,
        (false, true) => f64::INFINITY,
        (false, false) => value / bound,
    })
}

/// Formats a share as a percentage: 0.004 is `0.4 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", trimmed(share * 100.0, 2))
}

/// Formats milliseconds: `84 ms`, `1.83 s`.
pub(super) fn milliseconds(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{} ms", trimmed(ms, 1)),
        ms if ms < 1_000.0 => format!("{ms:.0} ms"),
        ms => format!("{} s", trimmed(ms / 1_000.0, 2)),
    }
}

/// Formats a number with at most this many decimals.
fn trimmed(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_has_the_unit_of_its_bound() {
        for (unit, found, limit, shown, way) in [
            ("share", 0.004, 0.01, ("0.4 %", "1 %"), 0.4),
            ("seconds", 0.084, 2.0, ("84 ms", "2 s"), 0.042),
            ("ratio", 1.12, 1.2, ("+12 %", "+20 %"), 0.6),
            ("ratio", 0.9, 1.2, ("-10 %", "+20 %"), 0.0),
            ("number", 0.95, 0.9, ("0.95", "0.9"), 1.056),
            ("orgs", 1.0, 2.0, ("1", "2"), 0.5),
        ] {
            let check = json!({ "unit": unit, "value": found, "bound": limit });
            assert_eq!((value(&check).as_str(), bound(&check).as_str()), shown);
            assert!((way_to_bound(&check).unwrap() - way).abs() < 0.001, "{check}");
        }
        let unmeasured = json!({ "unit": "share", "bound": 0.01 });
        assert_eq!(
            (value(&unmeasured).as_str(), way_to_bound(&unmeasured)),
            ("-", None)
        );
    }
}
