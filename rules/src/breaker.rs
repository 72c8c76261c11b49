//! The circuit breaker of a flag: the settings by which the data plane turns the flag off for one tenant. The data plane
//! counts; a decision gets the open breakers with its subject.

use crate::Decimal;

/// The settings of a circuit breaker, which turns a flag off for a tenant whose requests fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// The percentage of a tenant's requests that must meet an error.
    pub errors: Decimal,
    /// The number of requests within 60 s from which it counts; default 20.
    pub requests: u32,
    /// The time that the flag is off for the tenant, in milliseconds; default 15 min.
    pub for_ms: u64,
    /// True if it only reports when it would open.
    pub dry_run: bool,
}

impl Breaker {
    /// Returns the share of requests that must meet an error, from 0 to 1.
    #[must_use]
    pub fn rate(&self) -> f64 {
        // The text of a decimal is a number. The largest share never opens the breaker too early.
        self.errors
            .to_string()
            .parse()
            .map_or(1.0, |percent: f64| percent / 100.0)
    }
}

/// The kind of an event of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerEventKind {
    /// The flag is off for the tenant.
    Opened,
    /// One request in ten of the tenant tries.
    HalfOpened,
    /// The flag is decided as before.
    Closed,
    /// A breaker with `dry_run` would have opened.
    WouldHaveOpened,
    /// A breaker did not open, because the largest number of them is open. Sent once until one closes.
    LimitReached,
}

impl BreakerEventKind {
    /// Returns the name, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::HalfOpened => "half_opened",
            Self::Closed => "closed",
            Self::WouldHaveOpened => "would_have_opened",
            Self::LimitReached => "limit_reached",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_a_share() {
        let rate = |errors: &str| {
            let breaker = Breaker {
                errors: Decimal::parse(errors).unwrap(),
                requests: 20,
                for_ms: 1_000,
                dry_run: false,
            };
            breaker.rate()
        };
        assert_eq!([rate("50"), rate("0.5"), rate("100")], [0.5, 0.005, 1.0]);
    }
}
