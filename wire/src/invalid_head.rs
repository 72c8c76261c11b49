//! Reasons for refusing a request head.

/// Reasons for refusing a head (RFC 9112, sections 2 to 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum InvalidHead {
    /// Longer than [`HeadLimits::bytes`](crate::HeadLimits::bytes).
    #[error("the head has more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// More fields than [`HeadLimits::fields`](crate::HeadLimits::fields).
    #[error("the head has more than {limit} fields")]
    TooManyFields {
        /// The limit.
        limit: usize,
    },
    /// A line that ends in LF alone, or a CR that no LF follows.
    #[error("a line does not end in CR LF")]
    LineEnd,
    /// A request line that is not `METHOD SP TARGET SP VERSION`.
    #[error("the request line is malformed")]
    RequestLine,
    /// A version other than HTTP/1.0 and HTTP/1.1.
    #[error("the version is neither HTTP/1.0 nor HTTP/1.1")]
    Version,
    /// A field name that is no token, is followed by a space, or is missing (a folded line).
    #[error("a field name is malformed")]
    FieldName,
    /// A control character in a field value.
    #[error("a field value has a control character")]
    FieldValue,
    /// Both Content-Length and Transfer-Encoding.
    #[error("both Content-Length and Transfer-Encoding are present")]
    TwoLengths,
    /// A Content-Length that is repeated, or not just digits, or more than fits.
    #[error("Content-Length is repeated or malformed")]
    ContentLength,
    /// A Transfer-Encoding that is repeated, or not just `chunked`, or of HTTP/1.0.
    #[error("Transfer-Encoding is not `chunked`, once, on HTTP/1.1")]
    TransferEncoding,
    /// No Host on HTTP/1.1, or several.
    #[error("the request does not have exactly one Host")]
    Host,
    /// A Host that differs from the authority of an absolute target.
    #[error("Host differs from the target's authority")]
    HostMismatch,
}
