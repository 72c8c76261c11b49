//! The end of the time in which a flag is watched after a promotion.

use serde_json::Map;

use super::builder::{PlanBuilder, PlanStep};
use super::facts::Facts;
use crate::event::Event;
use crate::permission::Permission;
use crate::refusal::{Code, Refusal};
use crate::timestamp;

/// Ends the watch of a flag. Only the controller does, and once only.
pub(super) fn end(builder: &mut PlanBuilder<'_>, key: &str, facts: &dyn Facts) -> PlanStep {
    if !builder.request.actor.is_controller() {
        return Err(vec![Permission::Operate.refusal(&builder.request.actor)].into());
    }
    let mut flag = builder.flag(key)?;
    let Some(watch) = flag.state.watch.filter(|watch| watch.until <= builder.at()) else {
        let refusal = Refusal::new(Code::StepOutdated, format!("the watch of {key} does not end now"));
        return Err(vec![refusal].into());
    };
    flag.state_mut().watch = None;
    let mut details = Map::new();
    let state = flag.lifecycle().unwrap_or_default();
    details.insert("state".to_owned(), state.as_str().into());
    details.insert("since".to_owned(), timestamp::text(watch.since).into());
    let watched_ms = builder.at().0.saturating_sub(watch.since.0);
    details.insert("errors".to_owned(), facts.errors_within(key, watched_ms).into());
    details.insert("open_incidents".to_owned(), flag.state.incidents.len().into());
    details.insert("killed".to_owned(), (!flag.is_enabled()).into());
    builder.write_flag(Event::WatchEnded, key, flag, details);
    Ok(())
}
