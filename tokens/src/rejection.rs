//! Reasons for rejecting a token, with texts and codes that hold nothing of the token.

use std::fmt;

/// Reasons for rejecting a token. Each is answered with 401 and `error="invalid_token"`.
///
/// Only `Debug` shows text that came with the token (`kid`). The rest is safe in headers, logs and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// Not three parts of base64url, or the first two are not JSON objects with members of their types.
    Malformed,
    /// More than [`MAX_TOKEN_BYTES`](crate::MAX_TOKEN_BYTES).
    TooLarge,
    /// A name occurs twice in one object of the header or of the claims.
    RepeatedName,
    /// `alg` is `none`, or not one of [`Algorithm`](crate::Algorithm).
    UnsupportedAlgorithm,
    /// The header has `crit`: extensions that must be understood, and none is.
    CriticalHeader,
    /// `iss` is not the name of the issuer, or of no known issuer.
    UnknownIssuer,
    /// `typ` is not what the issuer's tokens must have.
    WrongType,
    /// The issuer, or the key that was named, doesn't allow `alg`.
    AlgorithmNotAllowed,
    /// `kid` names no key of the set, or the set has no key: perhaps a newer set has it.
    UnknownKey {
        /// The `kid`, at most [`MAX_KID_BYTES`](crate::MAX_KID_BYTES), chosen by the sender of the token;
        /// empty if there is none.
        kid: Box<str>,
    },
    /// There is no `kid`, and the set has several keys.
    KeyNotNamed,
    /// The signature is missing, of the wrong length, or not made with the key.
    BadSignature,
    /// `exp` has passed.
    Expired,
    /// `nbf` is in the future, or `iat` is where the issuer has a maximum age.
    NotYetValid,
    /// `iat` is further back than the issuer's `max_age`.
    TooOld,
    /// `aud` names none of the issuer's audiences.
    WrongAudience,
    /// A claim that is required is absent.
    MissingClaim {
        /// The missing claim.
        claim: Claim,
    },
    /// A claim is of the wrong type, out of range, or over its bound.
    InvalidClaim {
        /// The invalid claim.
        claim: Claim,
    },
}

/// A claim that a token can be refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Claim {
    /// `iss`
    Issuer,
    /// `aud`
    Audience,
    /// `exp`
    ExpiresAt,
    /// `nbf`
    NotBefore,
    /// `iat`
    IssuedAt,
    /// Wherever the issuer's mapping finds the groups.
    Groups,
    /// Wherever the issuer's mapping finds an attribute.
    Attribute,
}

impl Rejection {
    /// Returns a stable name in snake case, for logs and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::RepeatedName => "repeated_name",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::CriticalHeader => "critical_header",
            Self::UnknownIssuer => "unknown_issuer",
            Self::WrongType => "wrong_type",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::UnknownKey { .. } => "unknown_key",
            Self::KeyNotNamed => "key_not_named",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::TooOld => "too_old",
            Self::WrongAudience => "wrong_audience",
            Self::MissingClaim { .. } => "missing_claim",
            Self::InvalidClaim { .. } => "invalid_claim",
        }
    }

    /// Returns a sentence for the caller, in the characters that `error_description` allows (RFC 6750 section
    /// 3).
    #[must_use]
    pub fn description(&self) -> &'static str {
        match self {
            Self::Malformed => "the token is not a signed JSON web token",
            Self::TooLarge => "the token is too large",
            Self::RepeatedName => "a name occurs twice in the token",
            Self::UnsupportedAlgorithm => "the token's algorithm is not supported",
            Self::CriticalHeader => "the token asks for extensions that are not supported",
            Self::UnknownIssuer => "the token's issuer is not known here",
            Self::WrongType => "the token has the wrong type",
            Self::AlgorithmNotAllowed => "the token's algorithm is not allowed for its issuer or key",
            Self::UnknownKey { .. } => "the token's key is not known here",
            Self::KeyNotNamed => "the token does not say which key signed it",
            Self::BadSignature => "the token's signature is not valid",
            Self::Expired => "the token has expired",
            Self::NotYetValid => "the token is not valid yet",
            Self::TooOld => "the token was issued too long ago",
            Self::WrongAudience => "the token is meant for another audience",
            Self::MissingClaim { claim } => claim.missing(),
            Self::InvalidClaim { claim } => claim.invalid(),
        }
    }
}

impl Claim {
    fn missing(self) -> &'static str {
        match self {
            Self::Issuer => "the token has no iss claim",
            Self::Audience => "the token has no aud claim",
            Self::ExpiresAt => "the token has no exp claim",
            Self::NotBefore => "the token has no nbf claim",
            Self::IssuedAt => "the token has no iat claim",
            Self::Groups => "the token has no groups",
            Self::Attribute => "the token lacks an attribute",
        }
    }

    fn invalid(self) -> &'static str {
        match self {
            Self::Issuer => "the token's iss claim is not a string",
            Self::Audience => "the token's aud claim is neither a string nor a list of strings",
            Self::ExpiresAt => "the token's exp claim is not a time in seconds since 1970",
            Self::NotBefore => "the token's nbf claim is not a time in seconds since 1970",
            Self::IssuedAt => "the token's iat claim is not a time in seconds since 1970",
            Self::Groups => "the token has too many groups, or one that is too long",
            Self::Attribute => "the token has an attribute that is too long",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl std::error::Error for Rejection {}
