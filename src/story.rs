//! The explanation of a request: what the proxy would do with it, phase by phase. It uses files for the command line,
//! and the active configuration for the admin API. Both run the proxy's own phases as a dry run.

mod caller;
mod explanation;
mod input;
mod limits;
mod listener;
mod rejected_candidates;
mod rejected_token;
mod request_head;

pub(crate) use self::explanation::explain;
pub(crate) use self::input::{ExplainGateway, ExplainInput};
