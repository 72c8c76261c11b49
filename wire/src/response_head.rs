//! The head of a response: status, reason phrase, version and fields.

use crate::head::content_length;
use crate::{Fields, HttpVersion, InvalidResponse};

/// The head of a response.
#[derive(Debug, Clone, Default)]
pub struct ResponseHead {
    status: u16,
    reason: Vec<u8>,
    version: HttpVersion,
    /// The fields.
    pub fields: Fields,
}

impl ResponseHead {
    /// Begins another head without fields. `reason` may be empty.
    pub fn begin(&mut self, status: u16, reason: &[u8], version: HttpVersion) {
        self.status = status;
        self.reason.clear();
        self.reason.extend_from_slice(reason);
        self.version = version;
        self.fields.clear();
    }

    /// Copies `other` into the memory of this head.
    pub fn copy(&mut self, other: &Self) {
        self.begin(other.status, &other.reason, other.version);
        self.fields.clone_from(&other.fields);
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns true for an interim response (RFC 9110 section 15.2). A switch of protocols is none: no other response
    /// follows it.
    #[must_use]
    pub fn is_interim(&self) -> bool {
        (100..200).contains(&self.status) && self.status != 101
    }

    /// Returns the reason phrase, which may be empty.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        &self.reason
    }

    /// Returns the version.
    #[must_use]
    pub fn version(&self) -> HttpVersion {
        self.version
    }

    /// Returns the stated length of the body. Several equal ones count as one, also in a list (RFC 9110 section 8.6).
    ///
    /// # Errors
    /// It is not just digits, is more than fits, or differs from another one.
    pub fn stated_length(&self) -> Result<Option<u64>, InvalidResponse> {
        let values = self.fields.values("content-length");
        let mut lengths = values.flat_map(|value| value.split(|&byte| byte == b','));
        let Some(first) = lengths.next() else {
            return Ok(None);
        };
        let length = content_length(first.trim_ascii()).ok_or(InvalidResponse::ContentLength)?;
        match lengths.all(|other| content_length(other.trim_ascii()) == Some(length)) {
            true => Ok(Some(length)),
            false => Err(InvalidResponse::ContentLength),
        }
    }
}
