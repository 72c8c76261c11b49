//! The period of validity of a token, by its `exp`, `nbf` and `iat` (RFC 7519 section 4.1).

use serde_json::{Number, Value};

use crate::issuer::Issuer;
use crate::rejection::{Claim, Rejection};

/// Latest time that a claim may hold: the last second of the year 9999. Milliseconds since 1970, a common
/// mistake, are beyond it.
pub const MAX_NUMERIC_DATE: u64 = 253_402_300_799;

/// The seconds since 1970 between which a token counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    /// The first second at which it no longer counts: `exp`, or `iat` plus the maximum age if that is sooner.
    pub(crate) expires_at: u64,
    /// The first second at which it counts.
    pub(crate) not_before: Option<u64>,
}

/// The rounding of fractions of a second. It never makes a token valid for longer.
#[derive(Debug, Clone, Copy)]
enum Rounding {
    Down,
    Up,
}

impl Validity {
    /// Reads the times in `claims` and compares them with `now`. `iat` is read only if the issuer has a
    /// maximum age.
    pub(crate) fn check(claims: &Value, issuer: &Issuer, now: u64) -> Result<Self, Rejection> {
        let leeway = issuer.leeway_seconds;
        let mut expires_at = required(claims, Claim::ExpiresAt, "exp", Rounding::Down)?;
        let not_before = optional(claims, Claim::NotBefore, "nbf", Rounding::Up)?;
        if now >= expires_at.saturating_add(leeway) {
            return Err(Rejection::Expired);
        }
        if not_before.is_some_and(|start| now.saturating_add(leeway) < start) {
            return Err(Rejection::NotYetValid);
        }
        if let Some(max_age) = issuer.max_age_seconds {
            let issued_at = required(claims, Claim::IssuedAt, "iat", Rounding::Down)?;
            if now.saturating_add(leeway) < issued_at {
                return Err(Rejection::NotYetValid);
            }
            let too_old_at = issued_at.saturating_add(max_age);
            if now >= too_old_at.saturating_add(leeway) {
                return Err(Rejection::TooOld);
            }
            // A cached identity must expire when the token would be too old, even if `exp` is later.
            expires_at = expires_at.min(too_old_at);
        }
        Ok(Self {
            expires_at,
            not_before,
        })
    }
}

fn required(claims: &Value, claim: Claim, name: &str, rounding: Rounding) -> Result<u64, Rejection> {
    optional(claims, claim, name, rounding)?.ok_or(Rejection::MissingClaim { claim })
}

fn optional(claims: &Value, claim: Claim, name: &str, rounding: Rounding) -> Result<Option<u64>, Rejection> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => numeric_date(number, rounding)
            .map(Some)
            .ok_or(Rejection::InvalidClaim { claim }),
        Some(_) => Err(Rejection::InvalidClaim { claim }),
    }
}

/// Returns a time in whole seconds, from 1970 to [`MAX_NUMERIC_DATE`]. Fractions are valid (RFC 7519 section
/// 2).
fn numeric_date(number: &Number, rounding: Rounding) -> Option<u64> {
    let seconds = match number.as_u64() {
        Some(seconds) => seconds,
        None => {
            let fraction = number.as_f64()?;
            if !(0.0..=1e12).contains(&fraction) {
                return None;
            }
            let whole = match rounding {
                Rounding::Down => fraction.floor(),
                Rounding::Up => fraction.ceil(),
            };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number between 0 and 1e12 is a u64"
            )]
            let seconds = whole as u64;
            seconds
        }
    };
    (seconds <= MAX_NUMERIC_DATE).then_some(seconds)
}
