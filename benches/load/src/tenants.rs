//! The 1,000 tenants of every contestant's table, and the result that the gate has for each of them.

/// The number of tenants.
pub(crate) const TENANTS: u32 = 1_000;

/// The result of the gate for a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GateResult {
    /// The request is forwarded with the headers of the decision.
    Allowed,
    /// 404: the feature is hidden.
    Hidden,
    /// 403.
    Forbidden,
    /// The request is forwarded to the other upstream.
    Fallback,
}

impl GateResult {
    /// Every result.
    pub(crate) const ALL: [Self; 4] = [Self::Allowed, Self::Hidden, Self::Forbidden, Self::Fallback];

    /// Returns the numbers of the tenants with this result.
    pub(crate) fn tenants(self) -> std::ops::Range<u32> {
        match self {
            Self::Allowed => 0..700,
            Self::Hidden => 700..800,
            Self::Forbidden => 800..900,
            Self::Fallback => 900..TENANTS,
        }
    }

    /// Returns its word in the tables of the peers.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allow",
            Self::Hidden => "hide",
            Self::Forbidden => "forbid",
            Self::Fallback => "fallback",
        }
    }

    /// Returns the status of the answer.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Allowed | Self::Fallback => 200,
            Self::Hidden => 404,
            Self::Forbidden => 403,
        }
    }
}

/// Returns the id of a tenant.
pub(crate) fn tenant_id(number: u32) -> String {
    format!("tenant-{number:04}")
}

/// Returns every tenant with its result, one line each, rendered by `line`.
pub(crate) fn table(line: impl Fn(String, GateResult) -> String) -> String {
    let rows = GateResult::ALL
        .into_iter()
        .flat_map(|result| result.tenants().map(move |number| (number, result)));
    rows.map(|(number, result)| line(tenant_id(number), result))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{TENANTS, table};

    #[test]
    fn every_tenant_has_exactly_one_result() {
        let ids = table(|id, _| format!("{id}\n"));
        let expected: String = (0..TENANTS)
            .map(|number| format!("tenant-{number:04}\n"))
            .collect();
        assert_eq!(ids, expected);
    }
}
