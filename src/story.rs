//! The explanation of a request: what the proxy would do with it, phase by phase. Made from files for the command line,
//! and from what is served for the admin API; decided by a dry run of the proxy's own phases in both.

mod caller;
mod explanation;
mod input;
mod limits;
mod rejected_candidates;
mod request_head;

pub(crate) use self::explanation::explain;
pub(crate) use self::input::{ExplainGateway, ExplainInput};
