//! The reasons why a request has no caller, and the answers that follow from them.

use crate::answer::{Answer, AnswerCode};
use crate::decider::Decider;
use crate::issuer_keys::Unproven;
use crate::outcome::RequestOutcome;
use crate::refusal::RequestRefusal;

/// Retry delay when keys are not available, in seconds.
const RETRY_SECONDS: u32 = 5;

/// The reason why a request has no caller.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unidentified {
    /// Nothing proves who the caller is, or no longer.
    Unproven(AnswerCode),
    /// The token is invalid.
    InvalidToken(AnswerCode),
    /// The keys of the token's issuer are not available.
    NoKeys,
    /// The caller's tenant is missing or not admitted.
    Forbidden(AnswerCode),
    /// No more signatures are verified for this client at present.
    OverBudget,
}

impl Unidentified {
    /// Returns the reason for a token that proves nothing.
    pub(crate) fn of(unproven: Unproven) -> Self {
        match unproven {
            Unproven::Rejected(rejection) => Self::InvalidToken(AnswerCode::of_rejection(&rejection)),
            Unproven::NoKeys => Self::NoKeys,
        }
    }

    /// Returns the code of the reason.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Unproven(code) | Self::InvalidToken(code) | Self::Forbidden(code) => code.name,
            Self::NoKeys => AnswerCode::KEYS.name,
            Self::OverBudget => "SIGNATURE_BUDGET",
        }
    }

    /// Returns the answer to the request (RFC 6750 section 3.1).
    pub(crate) fn refusal(self, decider: &Decider) -> RequestRefusal {
        let unauthenticated = |code, error: &str| {
            let challenge = format!("{}{error}", decider.credentials.challenge);
            let answer = Answer::new(code, &decider.pages).with_header("www-authenticate", challenge);
            RequestRefusal::new(RequestOutcome::Unauthenticated, answer)
        };
        match self {
            Self::Unproven(code) => unauthenticated(code, ""),
            Self::InvalidToken(code) => {
                let description = code.detail;
                let error = format!(", error=\"invalid_token\", error_description=\"{description}\"");
                unauthenticated(code, &error)
            }
            Self::NoKeys | Self::OverBudget => {
                let answer = Answer::new(AnswerCode::KEYS, &decider.pages);
                let answer = answer.with_header("retry-after", RETRY_SECONDS.to_string());
                RequestRefusal::new(RequestOutcome::Undecided, answer)
            }
            Self::Forbidden(code) => {
                RequestRefusal::new(RequestOutcome::Forbidden, Answer::new(code, &decider.pages))
            }
        }
    }
}
