//! The forwarding engine: serves one request at a time, over HTTP/1 or HTTP/2 on either side, through the phases and an
//! exchange with its upstream.

mod alarm;
mod body;
mod buffers;
mod client;
mod client_framing;
mod date;
mod exchange;
mod forward;
mod http1_stream;
mod http2_stream;
mod out_buffer;
mod replay;
mod respond;
mod serve;
mod tunnel;
mod upstream;

pub(crate) use self::alarm::Alarm;
pub(crate) use self::buffers::Buffers;
pub(crate) use self::client::{ClientSide, Http2StreamState};
pub(crate) use self::serve::{Arrival, observe_gone, refuse_head, serve};
