//! The requests of observed flags, counted by arm: totals for metrics, and slots of counts by unit for the verdicts of
//! rollouts. A request counts without a lock, and without an allocation after the first request of its tenant.

mod arm_of_request;
mod flag_arms;
mod observed_flags;
mod overlap;
mod sample;
#[cfg(feature = "scripted")]
mod scripted_arms;
mod tenant_names;
mod unit_table;

pub(crate) use self::arm_of_request::ArmsOfRequest;
pub(crate) use self::flag_arms::RequestEnd;
pub use self::flag_arms::{CountedArm, FlagArms, TakenOverlap, TakenSlot, TakenUnit};
pub(crate) use self::observed_flags::{EndedRequest, ObservedFlags};
#[cfg(feature = "scripted")]
pub use self::scripted_arms::ScriptedArms;
