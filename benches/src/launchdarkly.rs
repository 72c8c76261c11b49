//! LaunchDarkly's evaluator, which its Rust SDK is built on. The tenant is the context's key, its attributes
//! are the context's own.

use launchdarkly_server_sdk_evaluation::{
    AttributeValue, Context, ContextBuilder, Flag, FlagValue, Segment, Store, evaluate,
};

use crate::Caller;

const DOCUMENT: &str = include_str!("../flags/launchdarkly.json");

pub(crate) struct LaunchDarkly {
    flag: Flag,
}

/// A store with nothing in it: the flag depends on no other and names no segment.
struct Empty;

impl Store for Empty {
    fn flag(&self, _key: &str) -> Option<Flag> {
        None
    }

    fn segment(&self, _key: &str) -> Option<Segment> {
        None
    }
}

impl LaunchDarkly {
    pub(crate) fn new() -> Self {
        Self {
            flag: serde_json::from_str(DOCUMENT).expect("a LaunchDarkly flag"),
        }
    }

    pub(crate) fn subjects(callers: &[Caller]) -> Vec<Context> {
        let context = |caller: &Caller| {
            ContextBuilder::new(caller.tenant.as_str())
                .set_value("groups", AttributeValue::Array(vec![caller.group.into()]))
                .set_string("country", caller.country)
                .set_float("seats", f64::from(caller.seats))
                .build()
                .expect("a context with a key")
        };
        callers.iter().map(context).collect()
    }

    /// The flag is at hand: no lookup by name is part of this.
    pub(crate) fn is_on(&self, subject: &Context) -> bool {
        evaluate(&Empty, &self.flag, subject, None).value == Some(&FlagValue::Bool(true))
    }
}
