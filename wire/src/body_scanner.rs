//! The framing of an HTTP/1 body: finds its data, and where it ends, in the bytes of a connection. Chunks are read
//! strictly (RFC 9112 section 7.1), so that no later reader can find the end elsewhere.

use crate::{Fields, Framing, MAX_HEADERS};

/// The most bytes of one chunk's extensions.
pub const MAX_CHUNK_EXTENSION: usize = 256;
/// The most bytes of the trailer section.
pub const MAX_TRAILERS: usize = 8 * 1024;
/// The most digits of a chunk's size: no chunk is larger than 64 GiB.
const MAX_SIZE_DIGITS: u8 = 9;

/// A scanner for one body. It is fed with the bytes of a connection and finds the data of the body, its end, and the
/// trailers after it.
#[derive(Debug, Clone)]
pub struct BodyScanner {
    state: BodyState,
    /// The trailer section as it was sent.
    trailers: Vec<u8>,
    /// The number of fields in it.
    trailer_fields: usize,
}

/// The bytes that one step took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyPart {
    /// The number of bytes before the data, which frame it.
    pub framing: usize,
    /// The number of bytes of data.
    pub data: usize,
}

/// Reasons for refusing a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum InvalidBody {
    /// A chunk's size that is not one to nine hex digits.
    #[error("a chunk's size is malformed")]
    Size,
    /// A chunk's extensions that are too long or have a control character.
    #[error("a chunk's extensions are malformed")]
    Extension,
    /// A line that does not end in CR LF.
    #[error("a line of a chunk does not end in CR LF")]
    LineEnd,
    /// A chunk whose end is not where its size puts it.
    #[error("a chunk does not end where its size says")]
    ChunkEnd,
    /// A trailer that is no field, or more of them than [`MAX_TRAILERS`] bytes or [`MAX_HEADERS`] fields.
    #[error("the trailers are malformed, too long or too many")]
    Trailers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyState {
    /// Within a body of known length; the number of missing bytes, at least 1.
    Length(u64),
    /// Within a chunk's size, after this many digits.
    Size { digits: u8, size: u64 },
    /// Within a chunk's extensions, after this many bytes.
    Extension { length: usize, size: u64 },
    /// After the CR of a chunk's first line.
    SizeEnd { size: u64 },
    /// Within a chunk's data; the number of missing bytes.
    Data(u64),
    /// After a chunk's bytes.
    DataEnd,
    /// After a chunk's bytes and the CR.
    DataLineEnd,
    /// Within the trailers, after this many bytes, at this position of a line.
    Trailer { length: usize, place: TrailerPosition },
    /// Within a body that ends when the connection does.
    UntilClose,
    /// The body is complete.
    Done,
}

/// A position within a line of the trailers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TrailerPosition {
    /// At its beginning.
    Start,
    /// Within the name of a field, after its first byte.
    Name,
    /// Within the value of a field.
    Value,
    /// After the CR of a field.
    LineEnd,
    /// After the CR of the empty line that ends the body.
    LastLineEnd,
}

impl BodyScanner {
    /// Creates a scanner for a body of which no byte has arrived.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Empty | Framing::Length(0) => BodyState::Done,
            Framing::Length(length) => BodyState::Length(length),
            Framing::Chunked => BodyState::SIZE,
            Framing::UntilClose => BodyState::UntilClose,
        };
        Self {
            state,
            trailers: Vec::new(),
            trailer_fields: 0,
        }
    }

    /// Returns the number of bytes that have not arrived; none for a body whose length is not stated.
    #[must_use]
    pub fn missing(&self) -> Option<u64> {
        match self.state {
            BodyState::Length(missing) => Some(missing),
            BodyState::Done => Some(0),
            _ => None,
        }
    }

    /// Returns true if the whole body has arrived.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == BodyState::Done
    }

    /// Records that the connection has ended. Returns true if the body is complete.
    pub fn end(&mut self) -> bool {
        if self.state == BodyState::UntilClose {
            self.state = BodyState::Done;
        }
        self.is_done()
    }

    /// Takes the first bytes of `bytes` that belong to the body: those that frame its next data, then the data. Takes
    /// nothing once the body is complete.
    ///
    /// # Errors
    /// The bytes are no body. The connection can't be used further, because the start of the next message is
    /// unknown.
    pub fn next_part(&mut self, bytes: &[u8]) -> Result<BodyPart, InvalidBody> {
        let mut framing = 0;
        loop {
            let rest = bytes.get(framing..).unwrap_or_default();
            let Some(&byte) = rest.first() else {
                return Ok(BodyPart { framing, data: 0 });
            };
            match &mut self.state {
                BodyState::Done => return Ok(BodyPart { framing, data: 0 }),
                BodyState::UntilClose => {
                    let data = rest.len();
                    return Ok(BodyPart { framing, data });
                }
                // Data of known length is taken at once. Only what frames it is read byte by byte, since each byte may
                // change the state.
                BodyState::Length(missing) | BodyState::Data(missing) => {
                    let data =
                        usize::try_from(*missing).map_or(rest.len(), |missing| missing.min(rest.len()));
                    *missing -= data as u64;
                    self.state = match self.state {
                        BodyState::Length(0) => BodyState::Done,
                        BodyState::Data(0) => BodyState::DataEnd,
                        state => state,
                    };
                    return Ok(BodyPart { framing, data });
                }
                state => {
                    let is_trailer = matches!(state, BodyState::Trailer { .. });
                    *state = state.after(byte)?;
                    framing += 1;
                    if is_trailer {
                        self.keep_trailer(byte)?;
                    }
                }
            }
        }
    }

    /// Takes the bytes that belong to the body and returns their number: all of `bytes`, unless the body ends among
    /// them.
    ///
    /// # Errors
    /// The bytes are no body.
    pub fn take(&mut self, bytes: &[u8]) -> Result<usize, InvalidBody> {
        let mut taken = 0;
        loop {
            let part = self.next_part(bytes.get(taken..).unwrap_or_default())?;
            match part.framing + part.data {
                0 => return Ok(taken),
                more => taken += more,
            }
        }
    }

    /// Returns the trailers; none if there are none, or the body is not complete.
    #[must_use]
    pub fn trailers(&self) -> Option<Fields> {
        if self.trailers.is_empty() || !self.is_done() {
            return None;
        }
        let mut found = [httparse::EMPTY_HEADER; MAX_HEADERS];
        // The scanner has checked each byte and the number of fields.
        let httparse::Status::Complete((_, found)) =
            httparse::parse_headers(&self.trailers, &mut found).ok()?
        else {
            return None;
        };
        let mut fields = Fields::default();
        fields.copy(&self.trailers, found);
        Some(fields)
    }

    /// Keeps a byte of the trailer section. The empty line of a section without fields is not kept.
    fn keep_trailer(&mut self, byte: u8) -> Result<(), InvalidBody> {
        // After a byte, the position is `Start` only where the line of a field has ended.
        let is_field_end = matches!(
            self.state,
            BodyState::Trailer {
                place: TrailerPosition::Start,
                ..
            }
        );
        if is_field_end {
            self.trailer_fields += 1;
        }
        if self.trailer_fields > MAX_HEADERS {
            return Err(InvalidBody::Trailers);
        }
        let is_in_field = matches!(
            self.state,
            BodyState::Trailer {
                place: TrailerPosition::Name | TrailerPosition::Value | TrailerPosition::LineEnd,
                ..
            }
        );
        if is_in_field || !self.trailers.is_empty() {
            self.trailers.push(byte);
        }
        Ok(())
    }
}

impl BodyState {
    const SIZE: Self = Self::Size { digits: 0, size: 0 };

    /// Returns the state after one byte of a chunk's framing or of the trailers.
    fn after(self, byte: u8) -> Result<Self, InvalidBody> {
        match self {
            Self::Size { digits, size } => after_size(digits, size, byte),
            // Extensions are not parsed. A quoted CR or LF is refused, so that every reader finds the same
            // end of the line.
            Self::Extension { length, size } => match byte {
                b'\r' => Ok(Self::SizeEnd { size }),
                b'\n' => Err(InvalidBody::LineEnd),
                b'\t' | b' '..=b'~' if length < MAX_CHUNK_EXTENSION => Ok(Self::Extension {
                    length: length + 1,
                    size,
                }),
                _ => Err(InvalidBody::Extension),
            },
            Self::SizeEnd { size } => match (byte, size) {
                // The last chunk has the size 0; the trailer section follows it.
                (b'\n', 0) => Ok(Self::Trailer {
                    length: 0,
                    place: TrailerPosition::Start,
                }),
                (b'\n', size) => Ok(Self::Data(size)),
                _ => Err(InvalidBody::LineEnd),
            },
            Self::DataEnd if byte == b'\r' => Ok(Self::DataLineEnd),
            Self::DataLineEnd if byte == b'\n' => Ok(Self::SIZE),
            Self::DataEnd | Self::DataLineEnd => Err(InvalidBody::ChunkEnd),
            Self::Trailer { length, place } => after_trailer(length + 1, place, byte),
            Self::Length(_) | Self::Data(_) | Self::UntilClose | Self::Done => Ok(self),
        }
    }
}

fn after_size(digits: u8, size: u64, byte: u8) -> Result<BodyState, InvalidBody> {
    match (char::from(byte).to_digit(16), byte) {
        (Some(digit), _) if digits < MAX_SIZE_DIGITS => Ok(BodyState::Size {
            digits: digits + 1,
            size: size << 4 | u64::from(digit),
        }),
        (None, b';') if digits > 0 => Ok(BodyState::Extension { length: 1, size }),
        (None, b'\r') if digits > 0 => Ok(BodyState::SizeEnd { size }),
        // A bare LF has its own error, because lenient servers accept it as a line end.
        (None, b'\n') if digits > 0 => Err(InvalidBody::LineEnd),
        _ => Err(InvalidBody::Size),
    }
}

fn after_trailer(length: usize, place: TrailerPosition, byte: u8) -> Result<BodyState, InvalidBody> {
    if length > MAX_TRAILERS {
        return Err(InvalidBody::Trailers);
    }
    let place = match (place, byte) {
        (TrailerPosition::LastLineEnd, b'\n') => return Ok(BodyState::Done),
        (TrailerPosition::LineEnd, b'\n') => TrailerPosition::Start,
        (TrailerPosition::Start, b'\r') => TrailerPosition::LastLineEnd,
        (TrailerPosition::Value, b'\r') => TrailerPosition::LineEnd,
        // A folded line begins with a space, which is no token character: it is refused.
        (TrailerPosition::Start | TrailerPosition::Name, byte) if is_token(byte) => TrailerPosition::Name,
        (TrailerPosition::Name, b':') => TrailerPosition::Value,
        (TrailerPosition::Value, b'\t' | b' '..=b'~' | 0x80..) => TrailerPosition::Value,
        (TrailerPosition::LineEnd | TrailerPosition::LastLineEnd, _) | (_, b'\n') => {
            return Err(InvalidBody::LineEnd);
        }
        _ => return Err(InvalidBody::Trailers),
    };
    Ok(BodyState::Trailer { length, place })
}

/// Returns true for a `tchar` (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
