//! Who asks: tenants with a group, a country and a number of seats, the same ones for every contestant.

const GROUPS: [&str; 3] = ["sales", "support", "drivers"];
const ABROAD: [&str; 4] = ["FR", "PL", "SE", "ES"];
/// Seats from which the second rule takes a tenant of its countries.
const LARGE: u32 = 50;

/// Somebody who asks about the flag.
#[derive(Debug, Clone)]
pub struct Asker {
    /// The tenant's id.
    pub tenant: String,
    /// The one group the user is in. One, because Unleash's context has no lists.
    pub group: &'static str,
    /// A country code.
    pub country: &'static str,
    /// The tenant's size.
    pub seats: u32,
}

/// `count` askers that neither rule takes, so that the rollout decides. Every second one is in a country of the
/// second rule and too small for it: that rule's first clause holds for half of them.
#[must_use]
pub fn in_no_rule(count: u32) -> Vec<Asker> {
    let asker = |number: u32| {
        let (country, seats) = if number.is_multiple_of(2) {
            ("DE", number % LARGE)
        } else {
            (pick(&ABROAD, number / 2), number % 500)
        };
        Asker {
            tenant: format!("tenant-{number:06}"),
            group: pick(&GROUPS, number),
            country,
            seats,
        }
    };
    (0..count).map(asker).collect()
}

/// `count` askers that a rule takes: the first rule and the second by turns.
#[must_use]
pub fn in_some_rule(count: u32) -> Vec<Asker> {
    let taken = |(number, asker): (usize, Asker)| {
        if number.is_multiple_of(2) {
            Asker {
                group: "staff",
                ..asker
            }
        } else {
            Asker {
                country: "AT",
                seats: LARGE,
                ..asker
            }
        }
    };
    in_no_rule(count).into_iter().enumerate().map(taken).collect()
}

fn pick(names: &[&'static str], number: u32) -> &'static str {
    names[number as usize % names.len()]
}
