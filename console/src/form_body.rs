//! Submitted forms. Their length has a limit, and a longer one is answered with a page.

use axum::extract::{FromRequest, Request};
use axum::response::Response;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::form::Form;
use crate::page;
use crate::problem::Problem;

/// The longest form of staff, in KiB. Rollout plans and lists of tenants are the long ones.
const MAX_STAFF_KIB: usize = 256;
/// The longest other form, in KiB.
const MAX_OTHER_KIB: usize = 64;

/// A submitted form.
pub(crate) struct FormBody(pub(crate) Form);

impl<S: Send + Sync> FromRequest<S> for FormBody {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let kib = match request.uri().path().starts_with("/platform/") {
            true => MAX_STAFF_KIB,
            false => MAX_OTHER_KIB,
        };
        let limited = Limited::new(request.into_body(), kib.saturating_mul(1_024));
        let problem = match limited.collect().await {
            Ok(body) => match Form::read(&body.to_bytes()) {
                Ok(form) => return Ok(Self(form)),
                Err(problem) => problem,
            },
            Err(error) if error.is::<LengthLimitError>() => Problem::form_too_large(kib),
            Err(_) => Problem::invalid_form("the form is incomplete".to_owned()),
        };
        Err(page::rejected(&problem))
    }
}
