//! Scripts of a client and its upstreams: what they send, in which pieces, with which pauses, and how they end.

use std::time::Duration;

/// The script of one connection of a client.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) client: ClientScript,
    /// The responses of the upstreams, in the order in which requests arrive.
    pub(crate) responses: Vec<ResponseScript>,
    /// The number of bytes that a connection holds in each direction before a write waits.
    pub(crate) capacity: usize,
    /// True if every message is valid and nobody is late, so that each request must get its response.
    pub(crate) is_valid: bool,
}

/// The script of a client.
#[derive(Debug)]
pub(crate) struct ClientScript {
    pub(crate) steps: Vec<Step>,
    pub(crate) end: StreamEnd,
    /// True if it reads while it sends.
    pub(crate) reads_early: bool,
}

/// The script of a response.
#[derive(Debug)]
pub(crate) struct ResponseScript {
    pub(crate) start: ResponseStart,
    pub(crate) steps: Vec<Step>,
    pub(crate) end: StreamEnd,
}

/// The time at which a response begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseStart {
    /// As soon as a byte of the request has arrived.
    Begun,
    /// As soon as the head of the request has arrived.
    Head,
    /// Once the request is complete.
    Complete,
}

/// One step of a script.
#[derive(Debug)]
pub(crate) enum Step {
    Send(Vec<u8>),
    Pause(Duration),
}

/// The end of a connection, after all steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// It stays open.
    Open,
    /// Nothing more is sent.
    HalfClosed,
    Closed,
}
