//! HTTP/1 heads and bodies, HTTP/2 frame heads and PROXY headers, read from the bytes of a connection. Input that two
//! readers could read differently is refused. Pure: no socket, no clock.

mod body_scanner;
mod fields;
mod frame_scanner;
mod head;
mod head_text;
mod http_version;
mod invalid_head;
mod invalid_response;
mod proxy_header;
mod request_head;
mod response;
mod response_head;

pub use body_scanner::{BodyPart, BodyScanner, InvalidBody, MAX_CHUNK_EXTENSION, MAX_TRAILERS};
pub use fields::{FieldValue, Fields};
pub use frame_scanner::{FrameHead, FrameScanner};
pub use head::{Framing, HeadBounds, HeadLimits, MAX_HEADERS, is_before_head, read_head};
pub use head_text::{
    LAST_CHUNK, MAX_CHUNK_LINE, keeps_connection, write_chunk, write_last_chunk, write_request_head,
    write_response_head,
};
pub use http_version::HttpVersion;
pub use invalid_head::InvalidHead;
pub use invalid_response::InvalidResponse;
pub use proxy_header::{InvalidProxyHeader, MAX_PROXY_HEADER, ProxyHeader, ProxySource, read_proxy_header};
pub use request_head::RequestHead;
pub use response::{ResponseBounds, read_response};
pub use response_head::ResponseHead;
