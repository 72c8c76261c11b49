//! Handlers of operations. The schemas in the OpenAPI document are those of the body types in a handler's signature, so
//! that the compiler keeps them equal to what is read and sent.

use axum::body::Body as HttpBody;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::json;
use utoipa::{PartialSchema, ToSchema};

use changes::Revision;

use super::problem::ApiProblem;
use super::request::{ApiRequest, MAX_BODY_BYTES};
use super::response::ApiResponse;
use super::schema::{RequestSchema, ResponseSchema, SchemaDefinitions, any_object, schema_of};
use super::{Api, codes};

/// A type that the body of a request is read into.
pub(crate) trait RequestBody: Sized {
    /// Its media type, size limit and schema.
    const SCHEMA: RequestSchema;

    /// Reads the body.
    ///
    /// # Errors
    /// The body is not of this type.
    fn read(request: &ApiRequest) -> Result<Self, ApiProblem>;
}

/// A type that is read from a JSON object by its `Deserialize`, and described by its `ToSchema`.
pub(crate) trait JsonBody: DeserializeOwned + ToSchema + PartialSchema {
    /// The longest body, in bytes.
    const MAX_BYTES: usize = MAX_BODY_BYTES;
    /// True if no body means an empty object.
    const IS_OPTIONAL: bool = false;
}

impl<T: JsonBody> RequestBody for T {
    const SCHEMA: RequestSchema = match T::IS_OPTIONAL {
        true => RequestSchema::OptionalJson(schema_of::<T>, T::MAX_BYTES),
        false => RequestSchema::Json(schema_of::<T>, T::MAX_BYTES),
    };

    fn read(request: &ApiRequest) -> Result<Self, ApiProblem> {
        match T::IS_OPTIONAL && request.body.is_empty() {
            true => request.empty_object(),
            false => request.json(),
        }
    }
}

/// No body.
pub(crate) struct NoBody;

impl RequestBody for NoBody {
    const SCHEMA: RequestSchema = RequestSchema::None;

    fn read(_: &ApiRequest) -> Result<Self, ApiProblem> {
        Ok(Self)
    }
}

/// A type that the body of a successful answer is written from.
pub(crate) trait ResponseBody: Sized {
    /// Its media type and schema.
    const SCHEMA: ResponseSchema;

    /// Writes the body.
    ///
    /// # Errors
    /// It has no JSON form, which is a defect.
    fn into_body(self) -> Result<HttpBody, ApiProblem>;
}

impl<T: Serialize + ToSchema + PartialSchema> ResponseBody for T {
    const SCHEMA: ResponseSchema = ResponseSchema::Json(schema_of::<T>);

    fn into_body(self) -> Result<HttpBody, ApiProblem> {
        to_json(&self)
    }
}

/// Any object, whose schema is given elsewhere.
pub(crate) struct AnyObject<T>(pub(crate) T);

impl<T: Serialize> ResponseBody for AnyObject<T> {
    const SCHEMA: ResponseSchema = ResponseSchema::Json(any_object);

    fn into_body(self) -> Result<HttpBody, ApiProblem> {
        to_json(&self.0)
    }
}

/// A body that is of one of two types.
pub(crate) enum AnyOf<A, B> {
    First(A),
    Second(B),
}

impl<A: Serialize, B: Serialize> Serialize for AnyOf<A, B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::First(body) => body.serialize(serializer),
            Self::Second(body) => body.serialize(serializer),
        }
    }
}

impl<A, B> ResponseBody for AnyOf<A, B>
where
    A: Serialize + ToSchema + PartialSchema,
    B: Serialize + ToSchema + PartialSchema,
{
    const SCHEMA: ResponseSchema = ResponseSchema::Json(any_of::<A, B>);

    fn into_body(self) -> Result<HttpBody, ApiProblem> {
        to_json(&self)
    }
}

fn any_of<A: ToSchema + PartialSchema, B: ToSchema + PartialSchema>(
    definitions: &mut SchemaDefinitions,
) -> serde_json::Value {
    json!({ "anyOf": [schema_of::<A>(definitions), schema_of::<B>(definitions)] })
}

/// Writes a body as JSON.
///
/// # Errors
/// It has no JSON form, which is a defect.
fn to_json(body: &impl Serialize) -> Result<HttpBody, ApiProblem> {
    let bytes = serde_json::to_vec(body)
        .map_err(|error| ApiProblem::new(codes::DEFECT, "the answer could not be written").cause(error))?;
    Ok(bytes.into())
}

/// A successful answer: its body, and the revision that the body shows.
pub(crate) struct Reply<T> {
    pub(crate) body: T,
    /// The revision, for `ETag`; `None` if the body does not depend on a revision.
    pub(crate) revision: Option<Revision>,
}

impl<T: ResponseBody> Reply<T> {
    /// Creates an answer that does not depend on a revision.
    pub(crate) fn new(body: T) -> Self {
        Self { body, revision: None }
    }

    /// Creates an answer for this revision.
    pub(crate) fn at(revision: Revision, body: T) -> Self {
        Self {
            body,
            revision: Some(revision),
        }
    }

    /// Writes the body.
    ///
    /// # Errors
    /// It has no JSON form, which is a defect.
    pub(crate) fn into_response(self) -> Result<ApiResponse, ApiProblem> {
        let kind = T::SCHEMA.media_type();
        Ok(ApiResponse::new(kind, self.body.into_body()?, self.revision))
    }
}

/// A function that answers requests of an operation. It may block.
pub(crate) type HandlerFunction<B, T> = fn(&Api, &ApiRequest, B) -> Result<Reply<T>, ApiProblem>;

/// The function of an operation, without the types of its bodies, and the schemas of these types.
#[derive(Clone, Copy)]
pub(crate) struct Handler {
    pub(crate) request: RequestSchema,
    pub(crate) response: ResponseSchema,
    pub(crate) handle: fn(&Api, &ApiRequest) -> Result<ApiResponse, ApiProblem>,
}

impl Handler {
    /// Takes the schemas from the signature of a function. `handle` calls that function: only [`handler!`] pairs them.
    pub(crate) const fn new<B: RequestBody, T: ResponseBody>(
        _: HandlerFunction<B, T>,
        handle: fn(&Api, &ApiRequest) -> Result<ApiResponse, ApiProblem>,
    ) -> Self {
        Self {
            request: B::SCHEMA,
            response: T::SCHEMA,
            handle,
        }
    }
}

/// Reads the body of a request, calls the function and writes the body of its answer.
///
/// # Errors
/// Those of the function, and a body that can't be read.
pub(crate) fn respond<B: RequestBody, T: ResponseBody>(
    function: HandlerFunction<B, T>,
    api: &Api,
    request: &ApiRequest,
) -> Result<ApiResponse, ApiProblem> {
    function(api, request, B::read(request)?)?.into_response()
}

/// Makes the [`Handler`] of a function.
macro_rules! handler {
    ($function:path) => {
        $crate::api::handler::Handler::new($function, |api, request| {
            $crate::api::handler::respond($function, api, request)
        })
    };
}
pub(crate) use handler;
