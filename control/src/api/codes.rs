//! Codes of problems that only the API has; [`crate::Code`] has those of changes.

/// A code and the HTTP status of its answer.
pub(crate) type ApiCode = (&'static str, u16);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal,)*) => {
        $($(#[$doc])* pub(crate) const $name: ApiCode = (stringify!($name), $status);)*
        /// Every code that only the API has, with its status.
        pub const API_CODES: &[(&str, u16)] = &[$($name,)*];
    };
}

codes! {
    /// The body is not what the operation expects.
    MALFORMED_BODY = 400,
    /// The header `If-Match` is malformed.
    MALFORMED_HEADER = 400,
    /// A name in the path is malformed.
    INVALID_NAME = 400,
    /// The query has a parameter that the operation does not have.
    UNKNOWN_PARAMETER = 400,
    /// A parameter of the query is malformed.
    INVALID_PARAMETER = 400,
    /// No credentials were sent.
    NOT_SIGNED_IN = 401,
    /// The credentials are not valid.
    SIGN_IN_FAILED = 401,
    /// The credentials are valid, but their owner has no role.
    NO_ROLE = 403,
    /// The role of the actor does not include the operation, or not for this org.
    ROLE_MISSING = 403,
    /// No operators are configured, and the request is not from this machine.
    NOT_LOCAL = 403,
    /// No operators are configured, and the request is for a host that is neither an address nor `localhost`.
    FOREIGN_HOST = 403,
    /// No operators are configured, and a page of another site sent the request.
    FOREIGN_ORIGIN = 403,
    /// The path does not exist.
    NOT_FOUND = 404,
    /// No receipt of the request is kept on this node, or the actor may not see it.
    RECEIPT_NOT_FOUND = 404,
    /// The path does not have this method; `Allow` lists those it has.
    METHOD_NOT_ALLOWED = 405,
    /// The body was not complete within the time limit. Nothing was changed.
    BODY_TIMED_OUT = 408,
    /// Files manage the flags, so there is no store to copy and no audit log.
    NO_STORE = 409,
    /// The body is longer than the limit of the operation.
    BODY_TOO_LARGE = 413,
    /// The media type of the body is not one that the operation accepts.
    UNSUPPORTED_MEDIA_TYPE = 415,
    /// The question contradicts itself: it has a token and also a tenant, or a user without a tenant. Or it names a
    /// listener that does not exist.
    INVALID_QUESTION = 422,
    /// The parameters of the query are well-formed, but contradict each other.
    CONTRADICTORY_PARAMETERS = 422,
    /// The directives of the log can't be followed, or the time is out of range.
    INVALID_LOG_LEVEL = 422,
    /// Too many requests, failed sign-ins or sign-ins that wait; `Retry-After` has the seconds to wait.
    TOO_MANY_REQUESTS = 429,
    /// A defect of the server; the log of the process has the cause under the id of the request.
    DEFECT = 500,
    /// Committed and audited, but publishing failed; active after the next start.
    PUBLISH_FAILED = 500,
    /// The change gave way to kills until its time was over. Nothing was changed.
    GAVE_WAY = 503,
    /// The keys of the issuer can't be fetched now.
    SIGN_IN_UNAVAILABLE = 503,
    /// The request was not answered within the time limit. The member `change` has the effect of a change.
    TIMED_OUT = 503,
}
