//! HTTP/1 request framing, HTTP/2 frame heads and PROXY headers, read from the bytes of a connection. Input
//! that two readers could read differently is refused. Pure: no socket, no clock.

mod body_scanner;
mod frame_scanner;
mod head;
mod invalid_head;
mod proxy_header;
mod request_parts;

pub use body_scanner::{BodyScanner, InvalidBody, MAX_CHUNK_EXTENSION, MAX_TRAILERS};
pub use frame_scanner::{FrameHead, FrameScanner};
pub use head::{Framing, HeadBounds, HeadLimits, MAX_HEADERS, read_head};
pub use invalid_head::InvalidHead;
pub use proxy_header::{InvalidProxyHeader, MAX_PROXY_HEADER, ProxyHeader, read_proxy_header};
pub use request_parts::{RequestParts, read_request_parts};
