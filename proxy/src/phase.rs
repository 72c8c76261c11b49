//! The phases of a request, one file each, in the order in which they come.

pub(crate) mod act;
pub(crate) mod body;
pub(crate) mod decide;
pub(crate) mod gate;
pub(crate) mod head;
pub(crate) mod headers;
pub(crate) mod identity;
pub(crate) mod limit;
pub(crate) mod observe;
pub(crate) mod operator_token;
pub(crate) mod readings;
pub(crate) mod response;
pub(crate) mod route;
pub(crate) mod target;
pub(crate) mod upstream;
