//! What a load yields: everything that the process runs on.

use std::sync::Arc;

use rules::Snapshot;

use crate::identity::Identity;
use crate::inputs::Inputs;
use crate::operators::Operators;
use crate::report::Report;
use crate::settings::Settings;
use crate::source::Places;

/// Everything that the process runs on, read and compiled together.
#[derive(Debug)]
pub struct Loaded {
    /// What decides requests.
    pub snapshot: Arc<Snapshot>,
    /// Who is believed and where in a request to look.
    pub identity: Identity,
    /// Who may operate; none: whoever connects from this machine.
    pub operators: Option<Operators>,
    /// What the process is set to.
    pub settings: Settings,
    /// What is allowed and probably not meant.
    pub warnings: Report,
    /// What was read.
    pub inputs: Inputs,
    /// Where sites are.
    pub places: Places,
}
