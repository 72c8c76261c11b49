//! The head of an HTTP/1 response: complete, incomplete, or refused; and the framing of its body (RFC 9112 section
//! 6.3). It is read as strictly as a request's: a response that two readers could end at different places would let
//! one client see the response to another.

use std::mem::MaybeUninit;

use httparse::{Error, Response, Status};

use crate::head::check_lines;
use crate::{Framing, HeadLimits, HttpVersion, InvalidResponse, MAX_HEADERS, ResponseHead};

/// A head that is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseBounds {
    /// Offset of the head's end, where the body begins.
    pub end: usize,
    /// The framing of the body.
    pub framing: Framing,
}

/// Reads the head at the beginning of `bytes` into `head`. Returns `None` if it is not complete. `method` is that of
/// the request: a response to `HEAD` has no body.
///
/// # Errors
/// The bytes can't become a head that all readers read alike. The error is returned as early as possible.
pub fn read_response(
    bytes: &[u8],
    limits: HeadLimits,
    method: &str,
    head: &mut ResponseHead,
) -> Result<Option<ResponseBounds>, InvalidResponse> {
    // Empty lines may precede a request only (RFC 9112 section 2.2), but httparse skips them here as well.
    if matches!(bytes, [b'\r' | b'\n', ..]) {
        return Err(InvalidResponse::StatusLine);
    }
    let limited = bytes.get(..limits.bytes).unwrap_or(bytes);
    let mut fields = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let room = fields
        .get_mut(..limits.fields.min(MAX_HEADERS))
        .unwrap_or_default();
    let mut response = Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let end = match config.parse_response_with_uninit_headers(&mut response, limited, room) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => {
            check_lines(limited).map_err(|_| InvalidResponse::LineEnd)?;
            let limit = limits.bytes;
            return match bytes.len() >= limit {
                true => Err(InvalidResponse::TooLarge { limit }),
                false => Ok(None),
            };
        }
        Err(error) => return Err(refusal(error, limited, limits)),
    };
    let text = limited.get(..end).unwrap_or_default();
    check_lines(text).map_err(|_| InvalidResponse::LineEnd)?;
    let status = response.code.ok_or(InvalidResponse::StatusLine)?;
    if !(100..600).contains(&status) {
        return Err(InvalidResponse::StatusLine);
    }
    let version = match response.version {
        Some(0) => HttpVersion::Http10,
        _ => HttpVersion::Http11,
    };
    head.begin(status, response.reason.unwrap_or_default().as_bytes(), version);
    head.fields.copy(text, response.headers);
    let framing = framing(head, method)?;
    Ok(Some(ResponseBounds { end, framing }))
}

fn refusal(error: Error, bytes: &[u8], limits: HeadLimits) -> InvalidResponse {
    if check_lines(bytes).is_err() {
        return InvalidResponse::LineEnd;
    }
    match error {
        Error::TooManyHeaders => InvalidResponse::TooManyFields { limit: limits.fields },
        Error::HeaderName => InvalidResponse::FieldName,
        Error::HeaderValue => InvalidResponse::FieldValue,
        Error::NewLine => InvalidResponse::LineEnd,
        Error::Version => InvalidResponse::Version,
        Error::Token | Error::Status => InvalidResponse::StatusLine,
    }
}

/// Returns the framing of the body. Fields that frame a body are checked even where there is none.
fn framing(head: &ResponseHead, method: &str) -> Result<Framing, InvalidResponse> {
    let mut codings = head.fields.values("transfer-encoding");
    let coding = codings.next();
    let length = head.stated_length()?;
    let status = head.status();
    // These end with their heads, whatever the fields say (RFC 9112 section 6.3).
    if method == "HEAD" || (100..200).contains(&status) || matches!(status, 204 | 304) {
        return Ok(Framing::Empty);
    }
    match (length, coding) {
        (Some(_), Some(_)) => Err(InvalidResponse::TwoLengths),
        (Some(0), None) => Ok(Framing::Empty),
        (Some(length), None) => Ok(Framing::Length(length)),
        (None, Some(coding)) => {
            let is_alone = codings.next().is_none() && head.version() == HttpVersion::Http11;
            match is_alone && coding.eq_ignore_ascii_case(b"chunked") {
                true => Ok(Framing::Chunked),
                false => Err(InvalidResponse::TransferEncoding),
            }
        }
        (None, None) => Ok(Framing::UntilClose),
    }
}

#[cfg(test)]
mod tests;
