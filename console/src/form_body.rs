//! Submitted forms. Their length has a limit, and a longer one is answered with a page.

use axum::extract::{FromRequest, Request};
use axum::response::Response;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::form::Form;
use crate::page;
use crate::problem::Problem;

/// The limits of a form, in KiB.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// The longest form as it is sent.
    sent: usize,
    /// The longest form as a page shows it again, with its escapes. A page stays below 200 KiB.
    shown: usize,
}

/// The limits of forms of staff. Rollout plans and lists of tenants are the long ones.
const OF_STAFF: Limits = Limits {
    sent: 256,
    shown: 112,
};
/// The limits of other forms.
const OF_OTHERS: Limits = Limits { sent: 64, shown: 48 };

/// A submitted form.
pub(crate) struct FormBody(pub(crate) Form);

impl<S: Send + Sync> FromRequest<S> for FormBody {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let limits = match request.uri().path().starts_with("/platform/") {
            true => OF_STAFF,
            false => OF_OTHERS,
        };
        let limited = Limited::new(request.into_body(), limits.sent.saturating_mul(1_024));
        let problem = match limited.collect().await {
            Ok(body) => match Form::read(&body.to_bytes()) {
                Ok(form) if form.shown_bytes() <= limits.shown.saturating_mul(1_024) => {
                    return Ok(Self(form));
                }
                Ok(_) => Problem::form_too_large("form-too-large-to-show", limits.shown),
                Err(problem) => problem,
            },
            Err(error) if error.is::<LengthLimitError>() => {
                Problem::form_too_large("form-too-large", limits.sent)
            }
            Err(_) => Problem::invalid_form("the form is incomplete".to_owned()),
        };
        Err(page::rejected(&problem))
    }
}
