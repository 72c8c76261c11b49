//! The codes of the proxy's own responses, each with its status and a sentence. Codes are part of the public
//! contract.

use tokens::Rejection;
use wire::InvalidHead;

/// A code of a response. Its texts are constants: they never contain data of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AnswerCode {
    /// The code, in capitals.
    pub(crate) name: &'static str,
    /// The status, unless a route sets another.
    pub(crate) status: u16,
    /// A sentence for people; empty where the status is sufficient.
    pub(crate) detail: &'static str,
}

const fn code(name: &'static str, status: u16, detail: &'static str) -> AnswerCode {
    AnswerCode { name, status, detail }
}

impl AnswerCode {
    pub(crate) const FRAMING: Self = code("FRAMING_INVALID", 400, "the length of the message is ambiguous");
    pub(crate) const HEAD: Self = code("HEAD_INVALID", 400, "the head of the request is malformed");
    pub(crate) const HEAD_TIMEOUT: Self = code(
        "HEAD_TIMEOUT",
        408,
        "the head of the request did not arrive in time",
    );
    pub(crate) const HEAD_TOO_LARGE: Self =
        code("HEAD_TOO_LARGE", 431, "the head of the request is too large");
    pub(crate) const HOST: Self = code("HOST_INVALID", 400, "the request does not name one valid host");
    pub(crate) const TARGET: Self = code("TARGET_INVALID", 400, "the target of the request is rejected");
    pub(crate) const REQUEST: Self = code("REQUEST_INVALID", 400, "the request can't be forwarded");
    pub(crate) const CONNECT: Self = code("METHOD_NOT_ALLOWED", 405, "CONNECT is not supported");
    pub(crate) const BODY: Self = code("BODY_INVALID", 400, "the body of the request is malformed");
    pub(crate) const BODY_TIMEOUT: Self = code(
        "BODY_TIMEOUT",
        408,
        "the body of the request did not arrive in time",
    );
    pub(crate) const BODY_TOO_LARGE: Self =
        code("BODY_TOO_LARGE", 413, "the body of the request is too large");
    pub(crate) const TOKEN_MISSING: Self = code("TOKEN_MISSING", 401, "a token is required");
    pub(crate) const TOKEN_REPEATED: Self = code("TOKEN_REPEATED", 401, "there is more than one token");
    pub(crate) const CERTIFICATE_EXPIRED: Self =
        code("CERTIFICATE_EXPIRED", 401, "the client's certificate has expired");
    pub(crate) const TENANT_MISSING: Self =
        code("TENANT_MISSING", 403, "the token or certificate names no tenant");
    pub(crate) const TENANT_UNKNOWN: Self = code("TENANT_UNKNOWN", 403, "the tenant is unknown");
    pub(crate) const NOT_FOUND: Self = code("NOT_FOUND", 404, "");
    pub(crate) const NO_ROUTE: Self = code("NO_ROUTE", 404, "");
    pub(crate) const FEATURE: Self = code(
        "FEATURE_NOT_ENABLED",
        403,
        "the feature is not enabled for this tenant",
    );
    pub(crate) const RATE_LIMITED: Self = code("RATE_LIMITED", 429, "too many requests");
    pub(crate) const CLIENT_LIMIT: Self =
        code("CLIENT_LIMIT", 429, "this client has too many requests in flight");
    pub(crate) const OVERLOADED: Self = code("OVERLOADED", 503, "the server is at its capacity");
    pub(crate) const INTERNAL: Self = code("INTERNAL", 500, "");
    pub(crate) const UNREACHABLE: Self = code(
        "UPSTREAM_UNREACHABLE",
        502,
        "the upstream did not accept the connection",
    );
    pub(crate) const UPSTREAM: Self = code("UPSTREAM_FAILED", 502, "the upstream broke off its response");
    pub(crate) const UPSTREAM_INVALID: Self = code(
        "UPSTREAM_INVALID",
        502,
        "the upstream's response is not valid HTTP",
    );
    pub(crate) const UPSTREAM_TLS: Self = code(
        "UPSTREAM_TLS_FAILED",
        502,
        "the TLS handshake with the upstream failed",
    );
    pub(crate) const UPSTREAM_OVERLOADED: Self = code(
        "UPSTREAM_OVERLOADED",
        503,
        "the upstream has too many requests in flight",
    );
    pub(crate) const UPSTREAM_UNAVAILABLE: Self =
        code("UPSTREAM_UNAVAILABLE", 503, "the upstream is not healthy");
    pub(crate) const UPSTREAM_UNRESOLVED: Self =
        code("UPSTREAM_UNRESOLVED", 503, "the upstream has no known address");
    pub(crate) const KEYS: Self = code("KEYS_UNAVAILABLE", 503, "tokens can't be verified now");
    pub(crate) const UNDECIDED: Self = code(
        "FEATURE_UNDECIDED",
        503,
        "whether the feature is enabled can't be decided",
    );
    pub(crate) const FLAG_NOT_FOUND: Self =
        code("FLAG_NOT_FOUND", 503, "the flag of this route does not exist yet");
    pub(crate) const CONNECT_TIMEOUT: Self = code(
        "UPSTREAM_CONNECT_TIMEOUT",
        504,
        "the upstream accepted no connection in time",
    );
    pub(crate) const TIMEOUT: Self = code("UPSTREAM_TIMEOUT", 504, "the upstream did not respond in time");

    /// Returns the code for an invalid head.
    pub(crate) fn of_head(why: InvalidHead) -> Self {
        match why {
            InvalidHead::TooLarge { .. } | InvalidHead::TooManyFields { .. } => Self::HEAD_TOO_LARGE,
            InvalidHead::TwoLengths | InvalidHead::ContentLength | InvalidHead::TransferEncoding => {
                Self::FRAMING
            }
            InvalidHead::Host | InvalidHead::HostMismatch => Self::HOST,
            InvalidHead::LineEnd
            | InvalidHead::RequestLine
            | InvalidHead::Version
            | InvalidHead::FieldName
            | InvalidHead::FieldValue => Self::HEAD,
        }
    }

    /// Returns the code for a rejected token.
    pub(crate) fn of_rejection(rejection: &Rejection) -> Self {
        let name = match rejection {
            Rejection::Malformed => "TOKEN_MALFORMED",
            Rejection::TooLarge => "TOKEN_TOO_LARGE",
            Rejection::RepeatedName => "TOKEN_REPEATED_NAME",
            Rejection::UnsupportedAlgorithm => "TOKEN_UNSUPPORTED_ALGORITHM",
            Rejection::CriticalHeader => "TOKEN_CRITICAL_HEADER",
            Rejection::UnknownIssuer => "TOKEN_UNKNOWN_ISSUER",
            Rejection::WrongType => "TOKEN_WRONG_TYPE",
            Rejection::AlgorithmNotAllowed => "TOKEN_ALGORITHM_NOT_ALLOWED",
            Rejection::UnknownKey { .. } => "TOKEN_UNKNOWN_KEY",
            Rejection::KeyNotNamed => "TOKEN_KEY_NOT_NAMED",
            Rejection::BadSignature => "TOKEN_BAD_SIGNATURE",
            Rejection::Expired => "TOKEN_EXPIRED",
            Rejection::NotYetValid => "TOKEN_NOT_YET_VALID",
            Rejection::TooOld => "TOKEN_TOO_OLD",
            Rejection::WrongAudience => "TOKEN_WRONG_AUDIENCE",
            Rejection::MissingClaim { .. } => "TOKEN_MISSING_CLAIM",
            Rejection::InvalidClaim { .. } => "TOKEN_INVALID_CLAIM",
        };
        code(name, 401, rejection.description())
    }
}
