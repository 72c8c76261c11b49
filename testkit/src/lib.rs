//! Test tools: recording upstreams, a proxy on port 0, tokens and key servers, a raw client, `eventually()`.
//!
//! Every call blocks, uses loopback only, gives up after [`PATIENCE`], and its server stops when dropped. A
//! test is therefore a plain function from top to bottom.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod certificates;
mod client;
#[cfg(feature = "control-plane")]
mod control_plane;
mod dice;
mod etcd_server;
mod eventually;
mod exchanges;
mod flags;
pub mod frames;
mod framing_rule;
mod h2_client;
mod h2_upstream;
#[cfg(feature = "control-plane")]
mod hooked_store;
mod key_server;
#[cfg(feature = "control-plane")]
mod large_document;
mod message;
mod oidc_provider;
mod origin;
mod pipe;
mod proxy;
mod recorder;
mod rfc3986;
#[cfg(feature = "control-plane")]
mod set_clocks;
mod spellings;
#[cfg(feature = "control-plane")]
pub mod store_contract;
mod tls_front;
mod tokens;
mod trace_collector;
mod upstream;
mod verifications;
mod volley;

pub use self::certificates::{Authority, CertificatePair, ClientName, TlsClient};
pub use self::client::{Client, Request, Response};
#[cfg(feature = "control-plane")]
pub use self::control_plane::{
    ControlFixture, FullDisk, HOUR, RecordingPlane, START, admin_request, adopt_document, flags_document,
    open_control, variant,
};
pub use self::dice::Dice;
pub use self::etcd_server::EtcdServer;
pub use self::eventually::{PATIENCE, eventually, never};
pub use self::exchanges::Exchanges;
pub use self::flags::FLAGS;
pub use self::frames::{Frame, Frames, StreamEnd};
pub use self::framing_rule::{FramingRule, RequestsSeen};
pub use self::h2_client::{H2Client, H2Response, H2Stream};
pub use self::h2_upstream::{H2Answer, H2Recorded, H2Upstream, grpc_message};
#[cfg(feature = "control-plane")]
pub use self::hooked_store::{HookedStore, StoreHooks};
pub use self::key_server::KeyServer;
#[cfg(feature = "control-plane")]
pub use self::large_document::LargeDocument;
pub use self::message::MessageHead;
pub use self::oidc_provider::{OidcFault, OidcProvider};
pub use self::origin::{Habit, Origin};
pub use self::proxy::{Proxy, ProxyBuilder};
pub use self::recorder::Recorder;
pub use self::rfc3986::is_gated_by_rfc_3986;
#[cfg(feature = "control-plane")]
pub use self::set_clocks::SetClocks;
pub use self::spellings::{GATED_HOST, GATED_PATH, Spelling, spellings};
pub use self::tls_front::TlsFront;
pub use self::tokens::{Issuer, now_seconds};
pub use self::trace_collector::{LogRecord, Span, TraceCollector, attribute_texts};
pub use self::upstream::{After, Recorded, Upstream, reply, response};
pub use self::verifications::verifications;
pub use self::volley::{SpellingAnswer, served_by, spelling_of, volley};
