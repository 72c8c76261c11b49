//! The codes of problems that are the API's own; those of changes are in [`crate::Code`].

/// A code and the status of its answer.
pub(crate) type ApiCode = (&'static str, u16);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal,)*) => {
        $($(#[$doc])* pub(crate) const $name: ApiCode = (stringify!($name), $status);)*
        /// Every code of the API's own, with its status.
        pub const API_CODES: &[(&str, u16)] = &[$($name,)*];
    };
}

codes! {
    /// The body is not what the route takes.
    MALFORMED_BODY = 400,
    /// A header can't be read: `If-Match`, `X-Request-Id`.
    MALFORMED_HEADER = 400,
    /// A name in the path can be nobody's.
    INVALID_NAME = 400,
    /// The query has a parameter that the route does not know.
    UNKNOWN_PARAMETER = 400,
    /// A parameter of the query is not of its kind.
    INVALID_PARAMETER = 400,
    /// No credentials were sent.
    NOT_SIGNED_IN = 401,
    /// They are nobody's.
    SIGN_IN_FAILED = 401,
    /// They are somebody's who has no role here.
    NO_ROLE = 403,
    /// The role may not do this, or not in this org.
    ROLE_MISSING = 403,
    /// No credentials are configured, and the request is not from this machine.
    NOT_LOCAL = 403,
    /// No credentials are configured, and the request is for a name that anybody could point here.
    FOREIGN_HOST = 403,
    /// No credentials are configured, and a page of another site sent the request.
    FOREIGN_ORIGIN = 403,
    /// There is no such path.
    NOT_FOUND = 404,
    /// The path does not know the method; `Allow` says which it knows.
    METHOD_NOT_ALLOWED = 405,
    /// The body did not arrive in time. Nothing was changed.
    BODY_TIMED_OUT = 408,
    /// There is no store, and so no copy of it and no audit log: files manage the flags.
    NO_STORE = 409,
    /// The body is longer than the route takes.
    BODY_TOO_LARGE = 413,
    /// The body is of another media type than the route takes.
    UNSUPPORTED_MEDIA_TYPE = 415,
    /// What is asked about can't be: a sender by two names.
    INVALID_QUESTION = 422,
    /// Too many requests, or too many failed sign-ins; `Retry-After` says how long to wait.
    TOO_MANY_REQUESTS = 429,
    /// A defect: it is in the log of the process, by the request's id.
    DEFECT = 500,
    /// Committed and audited, but publishing failed; active after the next start.
    PUBLISH_FAILED = 500,
    /// The issuer's keys can't be had now.
    SIGN_IN_UNAVAILABLE = 503,
    /// The answer took too long. The member `change` says whether a change may have been applied.
    TIMED_OUT = 503,
}
