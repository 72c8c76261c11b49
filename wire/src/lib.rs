//! What bytes on a connection mean: where the head of a request ends, where its body ends, and what is refused
//! because two readers could disagree about it. Pure: bytes in, answers out; no socket, no clock.

mod body;
mod frames;
mod head;
mod invalid_head;
mod parts;
mod proxy_header;

pub use body::{Body, InvalidBody, MAX_CHUNK_EXTENSION, MAX_TRAILERS};
pub use frames::{FrameHead, Frames};
pub use head::{Framing, Head, HeadLimits, MAX_HEADERS, read_head};
pub use invalid_head::InvalidHead;
pub use parts::{Parts, read_parts};
pub use proxy_header::{InvalidProxyHeader, MAX_PROXY_HEADER, ProxyHeader, read_proxy_header};
