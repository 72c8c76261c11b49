//! The circuit breakers of flags: for each tenant, the requests of a flag and their errors in the last 60 s, and whether
//! the flag is off for the tenant. Counting and deciding take no lock, and allocate nothing after a tenant's first request.

mod breaker_event;
mod flag_breaker;
mod open_breakers;
mod process_breakers;
mod tenant_breaker;
mod tenant_table;
mod window;

pub use self::breaker_event::BreakerEvent;
pub(crate) use self::flag_breaker::FlagBreaker;
pub(crate) use self::open_breakers::{OpenBreakers, OpenFlags};
pub(crate) use self::process_breakers::ProcessBreakers;
