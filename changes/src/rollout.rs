//! Rollout plans: the state machine of a plan, its next step, and the reasons for which it waits. Pure: evidence and
//! time are arguments.

mod audience;
mod course;
mod doubts;
mod evidence;
mod exposure;
mod managed_plan;
mod run;
mod run_id;
mod stage_clock;
mod step;
mod suitability;
mod template;
mod wait;
mod window;

pub use self::course::{CourseEntry, MAX_COURSE, Turn};
pub(crate) use self::doubts::doubts;
pub use self::evidence::{CheckResult, CheckVerdict, verdict_of};
pub use self::exposure::{exposure_at, exposure_of, stages_without_control};
pub use self::managed_plan::ManagedPlan;
pub(crate) use self::managed_plan::{HaltCause, Mark};
pub use self::run::{Approval, CheckedItem, Exposed, Halt, PausingChange, RolloutState, Run};
pub(crate) use self::run_id::{RunFacts, run_id};
pub use self::stage_clock::StageClock;
pub use self::step::{Step, StepAction, step};
pub(crate) use self::suitability::{Surroundings, unsuitable};
pub use self::template::Template;
pub use self::wait::{Wait, waits};
pub use self::window::{is_open, next_opening};
