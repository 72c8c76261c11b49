//! The request that is told about, as the routes see it.

use control::RequestQuestion;
use rules::RequestHead;

/// The head of the request.
pub(super) struct Head<'r> {
    pub(super) host: &'r str,
    pub(super) path: &'r str,
    pub(super) question: &'r RequestQuestion,
}

/// Whether it is a CORS preflight, as the proxy knows them; without a body, which is not told about.
pub(super) fn is_preflight(question: &RequestQuestion) -> bool {
    let says = |name| {
        question
            .header_values(name)
            .next()
            .is_some_and(|value| !value.is_empty())
    };
    let upgrades = question.header_values("upgrade").next().is_some();
    question.method == "OPTIONS" && says("origin") && says("access-control-request-method") && !upgrades
}

impl RequestHead for Head<'_> {
    fn host(&self) -> &str {
        self.host
    }

    fn path(&self) -> &str {
        self.path
    }

    fn method(&self) -> &str {
        &self.question.method
    }

    fn header_values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let lines = self.question.headers.iter();
        let named = lines.filter(move |(given, _)| given.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_bytes())
    }
}
