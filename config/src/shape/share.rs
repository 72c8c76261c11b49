//! The form of a share of requests.

use crate::form::{Fraction, parsed};
use crate::validate::InvalidValue;

parsed! {
    /// A share of requests from 0 to 1, in millionths.
    Share: Fraction, "out-of-range", u32 = |share, field| {
        millionths(&share.value.to_string()).ok_or_else(|| {
            let title = format!("`{field}` must be from 0 to 1, with at most 6 decimals, not {}", share.value);
            InvalidValue::new(title, "write a number such as `0.01`")
        })
    };
}

/// Returns a number from 0 to 1 in millionths; none for another one, or one with more decimals.
fn millionths(text: &str) -> Option<u32> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let millionths = format!("{whole}{decimals:0<6}").parse().ok()?;
    Some(millionths).filter(|share| decimals.len() <= 6 && *share <= 1_000_000)
}
