//! Requests and answers.

/// The host that every request names.
pub(crate) const HOST: &str = "load.example";

/// A request: `GET`, with or without a token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'r> {
    pub(crate) target: &'r str,
    pub(crate) token: Option<&'r str>,
}

/// The facts of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// True if the connection can't be used again.
    pub(crate) closes: bool,
}
