//! HTTP/1 request framing, HTTP/2 frame heads and PROXY headers, read from the bytes of a connection. Input
//! that two readers could read differently is refused. Pure: no socket, no clock.

mod body;
mod frames;
mod head;
mod invalid_head;
mod parts;
mod proxy_header;

pub use body::{BodyScanner, InvalidBody, MAX_CHUNK_EXTENSION, MAX_TRAILERS};
pub use frames::{FrameHead, FrameScanner};
pub use head::{Framing, HeadBounds, HeadLimits, MAX_HEADERS, read_head};
pub use invalid_head::InvalidHead;
pub use parts::{RequestParts, read_request_parts};
pub use proxy_header::{InvalidProxyHeader, MAX_PROXY_HEADER, ProxyHeader, read_proxy_header};
