//! Endpoint that identifies the admin API: the service and the version. A client calls it before it sends a token. It
//! needs no credentials, so it returns nothing else.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, Uri, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::codes;
use super::common_headers::REQUEST_ID;
use super::handler::Reply;
use super::problem::ApiProblem;
use super::query::Query;
use super::request_id::request_id;
use super::response::ApiResponse;
use super::schema::{SchemaDefinitions, schema_of};

/// The name of the service that answers at [`PREFIX`](super::PREFIX).
pub const SERVICE: &str = "sluice-admin";
/// The version of the API, as in its paths.
pub const VERSION: &str = "v1";

/// The service and the version of its API.
#[derive(Serialize, ToSchema)]
struct ApiIdentity {
    /// The name of the service: always `sluice-admin`.
    service: &'static str,
    /// The version of the API, as in its paths.
    api: &'static str,
}

/// Answers a request for [`PREFIX`](super::PREFIX) itself. Ignores credentials.
pub(crate) fn identify(request: &Request) -> Response {
    let id = request_id(request.headers());
    match answer(request.method(), request.uri()) {
        Ok(answer) => answer.into_response(&id),
        Err(problem) => problem.without_operation(request.method()).into_response(&id),
    }
}

fn answer(method: &Method, uri: &Uri) -> Result<ApiResponse, ApiProblem> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let problem = ApiProblem::new(codes::METHOD_NOT_ALLOWED, "this path supports only GET, HEAD");
        return Err(problem.header(header::ALLOW, HeaderValue::from_static("GET, HEAD")));
    }
    Query::read(uri, std::iter::empty())?;
    Reply::new(ApiIdentity {
        service: SERVICE,
        api: VERSION,
    })
    .into_response()
}

/// Returns the path item for the OpenAPI document.
pub(crate) fn path(definitions: &mut SchemaDefinitions) -> Value {
    let problem = json!({ "$ref": "#/components/responses/Problem" });
    json!({ "get": {
        "operationId": "identify",
        "tags": ["service"],
        "summary": "Identifies the service and the version of its API.",
        "description": "Requires no credentials: a client calls this before it sends a token.",
        "security": [],
        "parameters": [],
        "responses": {
            "200": {
                "description": "Success.",
                "headers": { REQUEST_ID.as_str(): { "schema": { "type": "string" } } },
                "content": { "application/json": { "schema": schema_of::<ApiIdentity>(definitions) } },
            },
            "400": problem,
        },
    }})
}

#[cfg(test)]
mod tests {
    use super::super::PREFIX;
    use super::*;

    #[test]
    fn api_version_equals_the_version_of_the_paths() {
        assert_eq!(PREFIX.rsplit('/').next(), Some(VERSION));
    }
}
