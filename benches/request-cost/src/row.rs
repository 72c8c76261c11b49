//! The rows of the table: a program, its configuration, and the traffic that is sent through it.

/// The size of a large body, in bytes.
const LARGE: usize = 64 * 1024;

/// A program with a configuration, and the requests that it is measured with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// The name in the table, in the baseline and on the command line.
    pub(crate) name: &'static str,
    pub(crate) program: Program,
    pub(crate) protocol: Protocol,
    pub(crate) token: Token,
    /// The size of each request's body, in bytes.
    pub(crate) request_body: usize,
    /// The size of each response's body, in bytes. Zero: the few bytes of a small answer.
    pub(crate) response_body: usize,
    /// The name of the row of bare pingora that this row is divided by.
    pub(crate) beside: &'static str,
    pub(crate) judgement: Judgement,
    /// The number of threads that work for requests.
    pub(crate) serving_threads: usize,
    /// A limit of its own; none for most rows.
    pub(crate) limit: Option<Limit>,
}

/// The limit of a row's instructions beside those of another row. Both are measured in the same run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limit {
    /// The name of the row to compare with.
    pub(crate) row: &'static str,
    /// The instructions of this row may be at most this multiple of those of the other.
    pub(crate) most: f64,
}

/// A program under measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    BarePingora,
    Sluice(Routing),
}

/// The route that requests take in Sluice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Routing {
    /// No route and no gate: `unmatched` forwards.
    Ungated,
    /// A gate that is open for everyone, and this number of flags in the flags header.
    Gate { flags: usize },
    /// The same with 20 flags in a store. With `is_planned`, the flag of the gate has a rollout plan whose only stage admits
    /// everyone.
    Stored { is_planned: bool },
    /// The same with 20 flags in a file and the access log, which other rows do without as bare pingora does.
    Logged,
    /// A gate that is closed for everyone, with the default answer.
    Closed,
    /// A gate that is closed for everyone, with another upstream.
    Fallback,
}

/// The protocol between the client and the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    /// HTTP/2 without TLS, with prior knowledge.
    Http2,
    /// HTTP/1.1 over TLS 1.3.
    Tls,
}

/// The token of each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    None,
    /// The same RS256 token in all requests.
    Cached,
    /// Another RS256 token in each request.
    New,
}

/// The use of a row's ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// A denominator of other rows.
    Denominator,
    /// Compared with the baseline.
    Gated,
    /// Recorded and shown only.
    Reported,
}

const BARE: Row = Row {
    name: "bare",
    program: Program::BarePingora,
    protocol: Protocol::Http1,
    token: Token::None,
    request_body: 0,
    response_body: 0,
    beside: "bare",
    judgement: Judgement::Denominator,
    serving_threads: 1,
    limit: None,
};

/// The gate with 20 flags, which other rows vary.
const GATE: Row = Row {
    name: "gate-20-flags",
    program: Program::Sluice(Routing::Gate { flags: 20 }),
    token: Token::Cached,
    judgement: Judgement::Gated,
    ..BARE
};

/// All rows, in the order of the table.
pub(crate) const ROWS: &[Row] = &[
    BARE,
    Row {
        name: "ungated",
        program: Program::Sluice(Routing::Ungated),
        token: Token::None,
        ..GATE
    },
    Row {
        name: "ungated-token",
        program: Program::Sluice(Routing::Ungated),
        ..GATE
    },
    Row {
        name: "gate-1-flag",
        program: Program::Sluice(Routing::Gate { flags: 1 }),
        ..GATE
    },
    GATE,
    Row {
        name: "gate-200-flags",
        program: Program::Sluice(Routing::Gate { flags: 200 }),
        ..GATE
    },
    Row {
        name: "unplanned-flag",
        program: Program::Sluice(Routing::Stored { is_planned: false }),
        judgement: Judgement::Reported,
        ..GATE
    },
    Row {
        name: "planned-flag",
        program: Program::Sluice(Routing::Stored { is_planned: true }),
        judgement: Judgement::Reported,
        limit: Some(Limit {
            row: "unplanned-flag",
            most: 1.03,
        }),
        ..GATE
    },
    Row {
        name: "access-log",
        program: Program::Sluice(Routing::Logged),
        // One serves, and one writes the log.
        serving_threads: 2,
        ..GATE
    },
    Row {
        name: "closed-404",
        program: Program::Sluice(Routing::Closed),
        ..GATE
    },
    Row {
        name: "fallback",
        program: Program::Sluice(Routing::Fallback),
        ..GATE
    },
    Row {
        name: "bare-http2",
        protocol: Protocol::Http2,
        beside: "bare-http2",
        ..BARE
    },
    Row {
        name: "http2",
        protocol: Protocol::Http2,
        beside: "bare-http2",
        ..GATE
    },
    Row {
        name: "bare-response-64k",
        response_body: LARGE,
        beside: "bare-response-64k",
        ..BARE
    },
    Row {
        name: "response-64k",
        response_body: LARGE,
        beside: "bare-response-64k",
        ..GATE
    },
    Row {
        name: "bare-request-64k",
        request_body: LARGE,
        beside: "bare-request-64k",
        ..BARE
    },
    Row {
        name: "request-64k",
        request_body: LARGE,
        beside: "bare-request-64k",
        ..GATE
    },
    Row {
        name: "tls",
        protocol: Protocol::Tls,
        judgement: Judgement::Reported,
        ..GATE
    },
    Row {
        name: "new-token",
        token: Token::New,
        judgement: Judgement::Reported,
        ..GATE
    },
];

impl Row {
    /// Returns the status of every response.
    pub(crate) fn status(&self) -> u16 {
        match self.program {
            Program::Sluice(Routing::Closed) => 404,
            _ => 200,
        }
    }

    /// Returns the number of flags in the header that the origin must see. Without a gate only a request with a token has
    /// it.
    pub(crate) fn flags(&self) -> usize {
        match self.program {
            Program::Sluice(Routing::Gate { flags }) => flags,
            Program::Sluice(Routing::Logged | Routing::Stored { .. }) => 20,
            Program::Sluice(Routing::Ungated) => usize::from(self.token != Token::None),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_divided_by_a_bare_row_of_its_traffic() {
        for row in ROWS {
            let bare = ROWS.iter().find(|bare| bare.name == row.beside).unwrap();
            assert_eq!(bare.program, Program::BarePingora, "{}", row.name);
            assert_eq!(bare.judgement, Judgement::Denominator, "{}", row.name);
            assert_eq!(bare.request_body, row.request_body, "{}", row.name);
            assert_eq!(bare.response_body, row.response_body, "{}", row.name);
            let is_http2 = |row: &Row| row.protocol == Protocol::Http2;
            assert_eq!(is_http2(bare), is_http2(row), "{}", row.name);
        }
    }

    #[test]
    fn a_limit_is_by_a_row_before_it() {
        for (place, row) in ROWS.iter().enumerate() {
            let other = row.limit.map(|limit| limit.row);
            let is_before = |name| ROWS[..place].iter().any(|before| before.name == name);
            assert!(other.is_none_or(is_before), "{}", row.name);
        }
    }

    #[test]
    fn row_names_are_unique() {
        let names: std::collections::BTreeSet<_> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROWS.len());
    }
}
