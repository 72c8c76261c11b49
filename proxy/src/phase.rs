//! The phases of a request, one file each.

pub(crate) mod action;
pub(crate) mod admission;
pub(crate) mod cache_control;
pub(crate) mod decision;
pub(crate) mod effects;
pub(crate) mod gate_flags;
pub(crate) mod head;
pub(crate) mod headers;
pub(crate) mod identity;
pub(crate) mod live;
pub(crate) mod observe;
pub(crate) mod operator_token;
pub(crate) mod receipt;
pub(crate) mod received;
pub(crate) mod response;
pub(crate) mod route;
pub(crate) mod subject;
pub(crate) mod target;
pub(crate) mod trace;
pub(crate) mod trailers;
pub(crate) mod unidentified;
pub(crate) mod upstream_head;
pub(crate) mod verification;
pub(crate) mod with_subject;
