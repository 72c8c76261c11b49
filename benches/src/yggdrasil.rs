//! Unleash's evaluator, which its SDKs and its edge share. The tenant is the user id, the one name that its
//! rollout reads without going through a map.

use std::collections::HashMap;

use unleash_yggdrasil::{ClientFeatures, Context, EngineState, state::EnrichedContext};

use crate::{Caller, evaluators::FLAG};

const DOCUMENT: &str = include_str!("../flags/unleash.json");

pub(crate) struct Yggdrasil {
    engine: EngineState,
}

impl Yggdrasil {
    pub(crate) fn new() -> Self {
        let features: ClientFeatures = serde_json::from_str(DOCUMENT).expect("an Unleash document");
        let engine = EngineState::default();
        let warnings = engine.apply_client_features(features);
        assert!(warnings.is_none(), "{:?}", warnings.map(|them| them.len()));
        Self { engine }
    }

    pub(crate) fn contexts(callers: &[Caller]) -> Vec<Context> {
        let context = |caller: &Caller| Context {
            user_id: Some(caller.tenant.clone()),
            properties: Some(HashMap::from([
                ("group".to_owned(), caller.group.to_owned()),
                ("country".to_owned(), caller.country.to_owned()),
                ("seats".to_owned(), caller.seats.to_string()),
            ])),
            ..Context::default()
        };
        callers.iter().map(context).collect()
    }

    pub(crate) fn subjects(contexts: &[Context]) -> Vec<EnrichedContext<'_>> {
        let subject = |context| EnrichedContext::from(context, FLAG, None);
        contexts.iter().map(subject).collect()
    }

    /// Finds the flag by its name too: there is no other way to ask.
    pub(crate) fn is_on(&self, subject: &EnrichedContext<'_>) -> bool {
        self.engine.check_enabled(subject) == Some(true)
    }
}
