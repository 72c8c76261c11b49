//! Authorized requests: the parts that handlers read, and the parsers of these parts.

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::RawPathParams;
use axum::http::{HeaderMap, header};
use changes::{Actor, Revision};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use rules::{FlagKey, TenantId, Timestamp};
use serde::de::DeserializeOwned;

use super::codes;
use super::problem::ApiProblem;
use super::query::Query;
use super::schema::RequestSchema;
use super::unique_keys::UniqueKeys;

/// The longest body of most requests, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// The longest body of an import of tenants, in bytes.
pub const MAX_IMPORT_BYTES: usize = 16 * 1024 * 1024;
/// The longest rollout plan, in bytes.
pub const MAX_PLAN_BYTES: usize = 1024 * 1024;
/// The longest flags document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 32 * 1024 * 1024;

/// A request whose actor is known and may use the route.
pub(crate) struct ApiRequest {
    pub(crate) actor: Actor,
    /// The time from which the credentials of the actor are rejected.
    pub(crate) credentials_expire: Option<Timestamp>,
    pub(crate) request_id: String,
    pub(crate) at: Timestamp,
    pub(crate) query: Query,
    /// The revision in `If-Match`.
    pub(crate) expected: Option<Revision>,
    pub(crate) names: PathNames,
    pub(crate) body: Bytes,
    pub(crate) format: BodyFormat,
    pub(crate) answer_part: AnswerPart,
}

/// The part of an answer that the client requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerPart {
    /// The head only.
    Head,
    Whole,
}

/// The format of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFormat {
    Json,
    Yaml,
}

/// The names in the path of a request, validated.
#[derive(Debug, Default)]
pub(crate) struct PathNames {
    pub(crate) flag: Option<FlagKey>,
    pub(crate) org: Option<TenantId>,
    /// The id of a report.
    pub(crate) report: Option<u64>,
    /// The id of a request of the data plane.
    pub(crate) request: Option<String>,
}

impl PathNames {
    pub(crate) fn read(parameters: &RawPathParams) -> Result<Self, ApiProblem> {
        let mut names = Self::default();
        for (name, value) in parameters {
            match name {
                "flag" => names.flag = Some(FlagKey::parse(value).map_err(invalid_name)?),
                "org" => names.org = Some(TenantId::parse(value).map_err(invalid_name)?),
                "report" => names.report = Some(value.parse().map_err(|_| unknown_report(value))?),
                "request" if is_request_id(value) => names.request = Some(value.to_owned()),
                "request" => return Err(invalid_request_id()),
                _ => {
                    let detail = format!("`{name}` in a path is not read");
                    return Err(ApiProblem::new(codes::DEFECT, detail));
                }
            }
        }
        Ok(names)
    }

    /// Returns the pattern and the description of a name in the OpenAPI document; `None` for a name that is not read.
    pub(crate) fn described(name: &str) -> Option<(&'static str, &'static str)> {
        match name {
            "flag" => Some(("^[A-Za-z][A-Za-z0-9._-]{0,127}$", "A flag's key.")),
            "org" => Some(("^[!-~]{1,128}$", "A tenant's id.")),
            "report" => Some(("^[0-9]{1,19}$", "The id of a report.")),
            "request" => Some(("^[0-9a-f]{32}$", "The id of a request, as in its answer.")),
            _ => None,
        }
    }
}

fn is_request_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The text is not repeated: it may be a token.
fn invalid_request_id() -> ApiProblem {
    ApiProblem::new(
        codes::INVALID_NAME,
        "the id of a request has 32 digits, 0 to 9 and a to f",
    )
    .help("it is `request_id` in the answer and in the access log")
}

fn unknown_report(written: &str) -> ApiProblem {
    let detail = format!("`{written}` is not the id of a report");
    ApiProblem::new(codes::INVALID_NAME, detail)
        .help("an id is a number; list the reports of the flag to find it")
}

pub(crate) fn invalid_name(reason: impl std::fmt::Display) -> ApiProblem {
    ApiProblem::new(codes::INVALID_NAME, reason.to_string())
        .help("list the flags or orgs to find the name; in a path, `%` begins an escape")
}

impl ApiRequest {
    /// The flag that the path names.
    pub(crate) fn flag(&self) -> &str {
        self.names.flag.as_ref().map_or("", FlagKey::as_str)
    }

    /// The org that the path names.
    pub(crate) fn org(&self) -> &str {
        self.names.org.as_ref().map_or("", TenantId::as_str)
    }

    /// The id of a request that the path names.
    pub(crate) fn request(&self) -> &str {
        self.names.request.as_deref().unwrap_or_default()
    }

    /// The report that the path names.
    pub(crate) fn report(&self) -> u64 {
        self.names.report.unwrap_or_default()
    }

    /// Reads an absent body as an empty object.
    ///
    /// # Errors
    /// The type has a required field.
    pub(crate) fn empty_object<T: DeserializeOwned>(&self) -> Result<T, ApiProblem> {
        serde_json::from_str("{}").map_err(|error| ApiProblem::new(codes::MALFORMED_BODY, error.to_string()))
    }

    /// Parses the body.
    ///
    /// # Errors
    /// The body is not a JSON object of this type, or one of its objects has a key twice.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, ApiProblem> {
        // serde accepts a list as the fields of a struct in their order.
        if self.body.trim_ascii_start().first() == Some(&b'[') {
            return Err(
                ApiProblem::new(codes::MALFORMED_BODY, "the body is a list, not an object")
                    .help("send a JSON object, at least `{}`"),
            );
        }
        let read = serde_json::from_slice::<UniqueKeys>(&self.body);
        let read = read.and_then(|_| serde_json::from_slice(&self.body));
        read.map_err(|error| {
            let (detail, help) = match self.body.is_empty() {
                true => (
                    "the body is empty".to_owned(),
                    "send a JSON object, at least `{}`",
                ),
                false => (error.to_string(), "GET /api/v1/openapi.json describes the body"),
            };
            ApiProblem::new(codes::MALFORMED_BODY, detail).help(help)
        })
    }
}

/// Returns the revision in `If-Match: "1042"`, if there is one; the quotes are optional.
pub(crate) fn expected(headers: &HeaderMap) -> Result<Option<Revision>, ApiProblem> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return match headers.contains_key(header::IF_MATCH) {
            true => Err(malformed_match()),
            false => Ok(None),
        };
    };
    let digits = value
        .to_str()
        .ok()
        .map(|text| {
            text.strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'))
                .unwrap_or(text)
        })
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok());
    digits
        .map(|digits| Some(Revision(digits)))
        .ok_or_else(malformed_match)
}

fn malformed_match() -> ApiProblem {
    ApiProblem::new(codes::MALFORMED_HEADER, "`If-Match` is not one revision")
        .help("send the `ETag` of an answer, such as \"1042\"")
}

/// Reads the body of this form, up to its limit.
pub(crate) async fn body(
    form: RequestSchema,
    headers: &HeaderMap,
    body: HttpBody,
) -> Result<(Bytes, BodyFormat), ApiProblem> {
    let (limit, format) = match form {
        RequestSchema::None => (0, BodyFormat::Json),
        RequestSchema::OptionalJson(_, limit) => return optional(limit, headers, body).await,
        RequestSchema::Json(_, limit) | RequestSchema::Record(_, limit) => (
            limit,
            media_type(headers, &[("application/json", BodyFormat::Json)])?,
        ),
        RequestSchema::Document(_, limit) => {
            let known = [
                ("application/json", BodyFormat::Json),
                ("application/yaml", BodyFormat::Yaml),
            ];
            (limit, media_type(headers, &known)?)
        }
    };
    let bytes = collect(body, limit).await?;
    Ok((bytes, format))
}

/// Reads a body that may be empty, whose content type then does not matter. That a page of another site can send an empty
/// one without a preflight request is harmless: the caller needs a token, or the check of the origin has passed.
async fn optional(
    limit: usize,
    headers: &HeaderMap,
    body: HttpBody,
) -> Result<(Bytes, BodyFormat), ApiProblem> {
    let bytes = collect(body, limit).await?;
    if !bytes.is_empty() {
        media_type(headers, &[("application/json", BodyFormat::Json)])?;
    }
    Ok((bytes, BodyFormat::Json))
}

async fn collect(body: HttpBody, limit: usize) -> Result<Bytes, ApiProblem> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let (detail, help) = match limit {
                0 => ("this operation has no body".to_owned(), "send no body"),
                limit => (
                    format!("the body is longer than {limit} bytes"),
                    "send a shorter body; tenants can be imported in several requests",
                ),
            };
            Err(ApiProblem::new(codes::BODY_TOO_LARGE, detail).help(help))
        }
        Err(_) => {
            Err(ApiProblem::new(codes::MALFORMED_BODY, "the body is incomplete")
                .help("send the request again"))
        }
    }
}

/// Returns the format for the content type of the request. The content type is mandatory: a browser sends these types
/// from a page of another site only after a preflight request.
fn media_type(headers: &HeaderMap, known: &[(&str, BodyFormat)]) -> Result<BodyFormat, ApiProblem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let given = match (types.next().map(|kind| kind.to_str()), types.next()) {
        (Some(Ok(kind)), None) => kind.split(';').next().unwrap_or_default().trim(),
        _ => "",
    };
    let found = known.iter().find(|(kind, _)| given.eq_ignore_ascii_case(kind));
    found.map(|(_, format)| *format).ok_or_else(|| {
        let kinds: Vec<&str> = known.iter().map(|(kind, _)| *kind).collect();
        ApiProblem::new(
            codes::UNSUPPORTED_MEDIA_TYPE,
            match given {
                "" => "the content type of the body is missing".to_owned(),
                given => format!("the content type of the body is `{given}`"),
            },
        )
        .help(format!("send `content-type: {}`", kinds.join("` or `")))
    })
}
