//! The reasons for refusing the head of a response.

/// A reason for refusing the head of a response. The connection can't be used further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum InvalidResponse {
    /// A head that is larger than the limit.
    #[error("the head has more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// More fields than the limit.
    #[error("the head has more than {limit} fields")]
    TooManyFields {
        /// The limit.
        limit: usize,
    },
    /// A line that ends in LF alone, or a CR that no LF follows.
    #[error("a line does not end in CR LF")]
    LineEnd,
    /// A status line that is not `VERSION SP STATUS SP REASON`.
    #[error("the status line is malformed")]
    StatusLine,
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
    /// A Content-Length that is not just digits, is more than fits, or differs from another one.
    #[error("Content-Length is malformed, or stated twice with different values")]
    ContentLength,
    /// A Transfer-Encoding that is repeated, or not just `chunked`, or of HTTP/1.0.
    #[error("Transfer-Encoding is not `chunked`, once, on HTTP/1.1")]
    TransferEncoding,
}
