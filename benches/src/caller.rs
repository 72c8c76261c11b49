//! The callers: tenants with a group, a country and a number of seats, the same for every evaluator.

const GROUPS: [&str; 3] = ["sales", "support", "drivers"];
const ABROAD: [&str; 4] = ["FR", "PL", "SE", "ES"];
/// Number of seats from which the second rule matches a tenant of its countries.
const LARGE: u32 = 50;

/// A caller that the flag is decided for.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant's id.
    pub tenant: String,
    /// The one group the user is in. One, because Unleash's context has no lists.
    pub group: &'static str,
    /// A country code.
    pub country: &'static str,
    /// The tenant's size.
    pub seats: u32,
}

/// Creates `count` callers that no rule matches, so that the rollout decides. Every second one is in a country of the
/// second rule and too small for it: the first clause of that rule holds for half of them.
#[must_use]
pub fn in_no_rule(count: u32) -> Vec<Caller> {
    let caller = |number: u32| {
        let (country, seats) = if number.is_multiple_of(2) {
            ("DE", number % LARGE)
        } else {
            (pick(&ABROAD, number / 2), number % 500)
        };
        Caller {
            tenant: format!("tenant-{number:06}"),
            group: pick(&GROUPS, number),
            country,
            seats,
        }
    };
    (0..count).map(caller).collect()
}

/// Creates `count` callers that a rule matches: the first rule and the second by turns.
#[must_use]
pub fn in_some_rule(count: u32) -> Vec<Caller> {
    let taken = |(number, caller): (usize, Caller)| {
        if number.is_multiple_of(2) {
            Caller {
                group: "staff",
                ..caller
            }
        } else {
            Caller {
                country: "AT",
                seats: LARGE,
                ..caller
            }
        }
    };
    in_no_rule(count).into_iter().enumerate().map(taken).collect()
}

fn pick(names: &[&'static str], number: u32) -> &'static str {
    names[number as usize % names.len()]
}
