//! Exact decimal numbers for attributes and clauses. A number takes 16 bytes, packed like an IEEE 754-2019
//! decimal128 (section 3.5.2): a sign, a power of ten and up to 34 digits. No operation rounds.
//! docs/decisions/0024-numbers.md explains why no crate is used.

use std::{cmp::Ordering, fmt, fmt::Write as _};

use arrayvec::ArrayString;

/// The most digits of a number, counted from the first that is not zero; zeros at the end count.
pub const MAX_DIGITS: usize = 34;

/// The largest power of ten of a number's first digit, that of the largest double.
pub const MAX_POWER: i32 = 308;

/// The smallest power of ten of a number's first digit, that of the smallest double.
pub const MIN_POWER: i32 = -324;

/// Bits of the digits that are in the upper half: `10^34 < 2^113`.
const HIGH_BITS: u32 = 113 - u64::BITS;
/// Bits of the power of ten.
const POWER_BITS: u32 = u64::BITS - 1 - HIGH_BITS;
/// The bias that is added to a power of ten, so that it is stored without a sign.
const BIAS: i32 = 1 << (POWER_BITS - 1);
/// From this value on, another digit is too many.
const FULL: u128 = 10_u128.pow(33);
/// A number below 1 has an exponent in its text when its first digit is further behind the point than this.
const MAX_ZEROS: i32 = 5;
/// Most characters of a number's text: a sign, `0.`, the zeros behind the point, the digits.
const MAX_TEXT: usize = 1 + 2 + MAX_ZEROS as usize + MAX_DIGITS;

/// An exact decimal number of up to [`MAX_DIGITS`] digits, with its first digit at a power of ten from
/// [`MIN_POWER`] to [`MAX_POWER`]. `1`, `1.0` and `10e-1` are one number, in the same bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// The sign, the power of ten, the upper bits of the digits.
    high: u64,
    /// The lower bits of the digits.
    low: u64,
}

/// Reasons for refusing a text as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDecimal {
    /// Not the text of a finite decimal number.
    #[error("not a finite decimal number")]
    Syntax,
    /// More than [`MAX_DIGITS`] digits.
    #[error("a number has at most {MAX_DIGITS} digits")]
    TooManyDigits,
    /// Its first digit is at a power of ten below [`MIN_POWER`] or above [`MAX_POWER`].
    #[error("without its sign a number is 0, or at least 1e{MIN_POWER} and below 1e{}", MAX_POWER + 1)]
    OutOfRange,
}

impl Decimal {
    /// Zero, which has no sign.
    pub const ZERO: Self = Self::packed(false, 0, 0);

    /// Reads digits with an optional sign, point and exponent: every number of JSON (RFC 8259 section 6), and the
    /// decimal ones of YAML (1.2.2 section 10.3.2), such as `+7`, `007` and `.5`. Time is linear in the text.
    ///
    /// # Errors
    /// Any other text, more than [`MAX_DIGITS`] digits, a power of ten out of range.
    pub fn parse(text: &str) -> Result<Self, InvalidDecimal> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, written_power(power)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = || whole.bytes().chain(fraction.bytes());
        if digits().next().is_none() || !digits().all(|digit| digit.is_ascii_digit()) {
            return Err(InvalidDecimal::Syntax);
        }
        // Leading zeros are no digits of the number; they are skipped without a limit.
        let significant = || digits().skip_while(|digit| *digit == b'0');
        if significant().count() > MAX_DIGITS {
            return Err(InvalidDecimal::TooManyDigits);
        }
        let value = significant().fold(0, |value, digit| value * 10 + u128::from(digit - b'0'));
        let behind_point = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        Self::ranged(text.starts_with('-'), value, power.saturating_sub(behind_point))
    }

    /// Returns the nearest double, ties to even; an infinity beyond the largest. Allocates nothing.
    pub(crate) fn nearest_double(self) -> f64 {
        // The standard library rounds texts correctly; a product with a power of ten would be rounded twice.
        let mut text = ArrayString::<MAX_TEXT>::new();
        match write!(text, "{self}") {
            Ok(()) => text.parse().unwrap_or(f64::NAN),
            Err(_) => f64::NAN,
        }
    }

    /// Returns the number times 1,000 where that is a whole number, not negative and within a `u32`.
    pub(crate) fn thousandths(self) -> Option<u32> {
        let scale = u32::try_from(self.power().checked_add(3)?).ok()?;
        let scaled = self.value().checked_mul(10_u128.checked_pow(scale)?)?;
        u32::try_from(scaled).ok().filter(|_| !self.is_negative())
    }

    /// Returns `value * 10^power` where its first digit is within the range.
    fn ranged(is_negative: bool, value: u128, power: i64) -> Result<Self, InvalidDecimal> {
        let Some(behind_first) = value.checked_ilog10() else {
            // All spellings of zero are one number, without a sign.
            return Ok(Self::ZERO);
        };
        let first = power.saturating_add(behind_first.into());
        match i32::try_from(power) {
            Ok(power) if (MIN_POWER.into()..=MAX_POWER.into()).contains(&first) => {
                Ok(Self::normalized(is_negative, value, power))
            }
            _ => Err(InvalidDecimal::OutOfRange),
        }
    }

    /// Returns `value * 10^power` in its canonical form: the one whose power is nearest to 0.
    fn normalized(is_negative: bool, mut value: u128, mut power: i32) -> Self {
        // One form for each number makes equality and hashing a comparison of bits.
        while power < 0 && value.is_multiple_of(10) {
            (value, power) = (value / 10, power + 1);
        }
        while power > 0 && value < FULL {
            (value, power) = (value * 10, power - 1);
        }
        Self::packed(is_negative, value, power)
    }

    /// Packs a value of at most 34 digits and a power within the range.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the value has 113 bits, and the biased power is from 0 to 2^14 - 1"
    )]
    const fn packed(is_negative: bool, value: u128, power: i32) -> Self {
        let (sign, power) = (is_negative as u64, (power + BIAS) as u64);
        Self {
            high: (sign << (u64::BITS - 1)) | (power << HIGH_BITS) | (value >> u64::BITS) as u64,
            low: value as u64,
        }
    }

    fn is_negative(self) -> bool {
        self.high >> (u64::BITS - 1) == 1
    }

    /// Returns the digits as a whole number, at most 34 of them.
    #[inline(always)]
    fn value(self) -> u128 {
        let upper = self.high & ((1 << HIGH_BITS) - 1);
        (u128::from(upper) << u64::BITS) | u128::from(self.low)
    }

    /// Returns the power of ten of the last digit.
    #[inline(always)]
    fn power(self) -> i32 {
        let biased = (self.high >> HIGH_BITS) & ((1 << POWER_BITS) - 1);
        biased as i32 - BIAS
    }

    /// Compares without the signs.
    #[inline(always)]
    fn compare_magnitude(self, other: Self) -> Ordering {
        let (value, other_value) = (self.value(), other.value());
        let (power, other_power) = (self.power(), other.power());
        // The power of every whole number of up to 34 digits is 0, so this is the common case.
        if power == other_power {
            return value.cmp(&other_value);
        }
        // Numbers with first digits at different powers are ordered by these; no multiplication is needed.
        let first = |value: u128, power: i32| Some(i64::from(value.checked_ilog10()?) + i64::from(power));
        let by_first_digit = first(value, power).cmp(&first(other_value, other_power));
        by_first_digit.then_with(|| {
            // The first digits have the same power. The value with fewer digits is multiplied until both have
            // the same power. It then has at most 34 digits, so nothing overflows or is lost.
            let filled =
                |value: u128| value.saturating_mul(10_u128.saturating_pow(power.abs_diff(other_power)));
            match power > other_power {
                true => filled(value).cmp(&other_value),
                false => value.cmp(&filled(other_value)),
            }
        })
    }
}

/// Reads the exponent behind an `e`. One that no `i64` holds becomes the nearest, which is out of range as well.
fn written_power(text: &str) -> Result<i64, InvalidDecimal> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(InvalidDecimal::Syntax);
    }
    // An exponent beyond `i64` is out of range in any case, so its exact value is irrelevant.
    let limit = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Ok(text.parse().unwrap_or(limit))
}

impl Ord for Decimal {
    #[inline(always)]
    fn cmp(&self, other: &Self) -> Ordering {
        // One sign, one power and the same upper digits: all whole numbers below 2^64.
        if self.high == other.high {
            let by_digits = self.low.cmp(&other.low);
            return if self.is_negative() {
                by_digits.reverse()
            } else {
                by_digits
            };
        }
        self.compare_unlike(*other)
    }
}

impl Decimal {
    /// Compares numbers of different signs, powers or upper digits.
    #[inline(never)]
    fn compare_unlike(self, other: Self) -> Ordering {
        match (self.is_negative(), other.is_negative()) {
            (false, false) => self.compare_magnitude(other),
            (true, true) => other.compare_magnitude(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    #[inline(always)]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<u64> for Decimal {
    fn from(number: u64) -> Self {
        Self::packed(false, number.into(), 0)
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Self::packed(number < 0, number.unsigned_abs().into(), 0)
    }
}

impl TryFrom<i128> for Decimal {
    type Error = InvalidDecimal;

    fn try_from(number: i128) -> Result<Self, InvalidDecimal> {
        match number.unsigned_abs() {
            value if value < FULL * 10 => Ok(Self::packed(number < 0, value, 0)),
            _ => Err(InvalidDecimal::TooManyDigits),
        }
    }
}

impl fmt::Display for Decimal {
    /// Writes a JSON number: `-7`, `0.25`, and with an exponent where the zeros would be many: `1.5e40`, `1e-9`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let power = self.power();
        let mut digits = ArrayString::<40>::new();
        write!(digits, "{}", self.value())?;
        let sign = if self.is_negative() { "-" } else { "" };
        let before_point = i32::try_from(digits.len())
            .unwrap_or(i32::MAX)
            .saturating_add(power);
        if power == 0 {
            return write!(f, "{sign}{digits}");
        }
        if power > 0 || before_point < -MAX_ZEROS {
            let digits = digits.trim_end_matches('0');
            let (first, rest) = digits.split_at_checked(1).unwrap_or((digits, ""));
            let point = if rest.is_empty() { "" } else { "." };
            return write!(f, "{sign}{first}{point}{rest}e{}", before_point - 1);
        }
        let whole = usize::try_from(before_point).unwrap_or(0);
        let (whole, fraction) = digits.split_at_checked(whole).unwrap_or((&digits, ""));
        let whole = if whole.is_empty() { "0" } else { whole };
        let decimals = usize::try_from(power.unsigned_abs()).unwrap_or(0);
        write!(f, "{sign}{whole}.{fraction:0>decimals$}")
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
