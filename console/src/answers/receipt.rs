//! Receipts of requests: the decision then, and as it would be now.

use fluent_bundle::FluentArgs;
use serde::Deserialize;

use super::words::{cause_words, outcome_words};
use crate::pages::{flag_path, request_path, tenant_path};
use crate::texts::{text, text_with};

/// The latest receipts, newest first.
#[derive(Debug, Deserialize)]
pub(crate) struct Receipts {
    /// The number that the node keeps at most; 0 if receipts are off.
    pub(crate) kept: usize,
    pub(crate) receipts: Vec<Receipt>,
}

/// A decision, then and now.
#[derive(Debug, Deserialize)]
pub(crate) struct ExplainedRequest {
    pub(crate) then: Receipt,
    pub(crate) now: DecisionNow,
}

/// The decision about a request, as it was made.
#[derive(Debug, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) request_id: String,
    pub(crate) at: String,
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) route: Option<String>,
    outcome: String,
    pub(crate) status: u16,
    pub(crate) code: Option<String>,
    /// The cause of a refusal or failure, for operators.
    pub(crate) cause: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) snapshot: String,
    pub(crate) gate: Option<String>,
    pub(crate) shadow: bool,
    pub(crate) shortened: bool,
    pub(crate) flags: Vec<FlagReceipt>,
    pub(crate) groups: Vec<String>,
    pub(crate) attributes: Vec<AttributeReceipt>,
}

/// The decision of one flag.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct FlagReceipt {
    pub(crate) flag: String,
    variant: String,
    cause: String,
    bucket: Option<u32>,
    arm: Option<String>,
    required: bool,
}

/// An attribute of a request.
#[derive(Debug, Deserialize)]
pub(crate) struct AttributeReceipt {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// The decision as it would be made now.
#[derive(Debug, Deserialize)]
pub(crate) struct DecisionNow {
    pub(crate) snapshot: String,
    pub(crate) not_decided: Option<String>,
    route: Option<String>,
    pub(crate) gate_text: Option<String>,
    outcome: Option<String>,
    status: Option<u16>,
    gate: Option<String>,
    flags: Vec<FlagReceipt>,
    pub(crate) differences: Vec<Difference>,
}

/// A difference between then and now.
#[derive(Debug, Deserialize)]
pub(crate) struct Difference {
    part: String,
    then: String,
    now: String,
}

/// A part of the decision, then and now.
#[derive(Debug)]
pub(crate) struct ComparedPart {
    /// The part in words, after the flag.
    pub(crate) name: String,
    pub(crate) flag: Option<String>,
    pub(crate) then: String,
    /// None if the request is not decided again.
    pub(crate) now: Option<String>,
    pub(crate) differs: bool,
}

impl Receipt {
    /// Returns the path of its page.
    pub(crate) fn href(&self) -> String {
        request_path(&self.request_id)
    }

    /// Returns the sentence why the gate refused the request: its first flag determined the state. None if no gate did.
    pub(crate) fn refusal(&self) -> Option<String> {
        let is_refused = ["rejected", "redirected", "fallback"].contains(&&*self.outcome);
        let is_closed = self.gate.as_deref() == Some("closed") && !self.shadow;
        let flag = self.flags.first().filter(|_| is_refused && is_closed)?;
        let cause = cause_words(&flag.cause);
        let mut arguments = FluentArgs::new();
        for (name, value) in [
            ("flag", &*flag.flag),
            ("variant", &flag.variant),
            ("cause", &cause),
        ] {
            arguments.set(name, value.to_owned());
        }
        let id = match &self.tenant {
            Some(tenant) => {
                arguments.set("tenant", tenant.clone());
                "request-refused"
            }
            None => "request-refused-nobody",
        };
        Some(text_with(id, &arguments).into_owned())
    }

    /// Returns the number of flags after the first ones.
    pub(crate) fn flags_after(&self, shown: usize) -> usize {
        self.flags.len().saturating_sub(shown)
    }

    /// Returns the outcome in words.
    pub(crate) fn outcome(&self) -> String {
        outcome_words(&self.outcome)
    }

    /// Returns the path of the page of the tenant.
    pub(crate) fn tenant_path(&self) -> String {
        self.tenant.as_deref().map(tenant_path).unwrap_or_default()
    }
}

impl FlagReceipt {
    /// Returns the path of the page of the flag.
    pub(crate) fn href(&self) -> String {
        flag_path(&self.flag)
    }

    /// Returns the variant and its cause.
    pub(crate) fn decision(&self) -> String {
        format!("{}: {}", self.variant, cause_words(&self.cause))
    }

    /// Returns the parts with their names, as differences name them.
    fn parts(&self) -> [(&'static str, Option<String>); 4] {
        [
            ("variant", Some(self.variant.clone())),
            ("cause", Some(cause_words(&self.cause))),
            ("bucket", self.bucket.map(|bucket| bucket.to_string())),
            ("arm", self.arm.clone()),
        ]
    }
}

impl ExplainedRequest {
    /// Returns all parts of the decision, in their order, each with its difference.
    pub(crate) fn parts(&self) -> Vec<ComparedPart> {
        let (then, now) = (&self.then, &self.now);
        let none = || text("explain-none").into_owned();
        let or_none = |value: &Option<String>| value.clone().unwrap_or_else(none);
        let status =
            |status: Option<u16>| status.map_or_else(|| text("request-upstream"), |s| s.to_string().into());
        let mut parts = vec![
            self.part("route", or_none(&then.route), or_none(&now.route)),
            self.part(
                "outcome",
                then.outcome(),
                now.outcome.as_deref().map_or_else(none, outcome_words),
            ),
            self.part("status", then.status.to_string(), status(now.status).into_owned()),
            self.part(
                "gate",
                gate_words(then.gate.as_deref()),
                gate_words(now.gate.as_deref()),
            ),
        ];
        for flag in &then.flags {
            let again = now.flags.iter().find(|now| now.flag == flag.flag);
            let mut values = again.map(FlagReceipt::parts);
            for (index, (name, value)) in flag.parts().into_iter().enumerate() {
                let now = values.as_mut().and_then(|values| values.get_mut(index)?.1.take());
                if value.is_some() || now.is_some() {
                    let now = again.is_some().then(|| now.unwrap_or_else(none));
                    parts.push(self.flag_part((flag, name), value.unwrap_or_else(none), now));
                }
            }
        }
        for flag in now.flags.iter().filter(|flag| !then.has(flag)) {
            for (name, value) in flag.parts() {
                if let Some(value) = value {
                    parts.push(self.flag_part((flag, name), none(), Some(value)));
                }
            }
        }
        // Differences of parts that have no value of their own, such as the place of a flag in the gate.
        for difference in &now.differences {
            let is_shown = parts.iter().any(|part| part.id() == difference.part);
            if !is_shown {
                parts.push(ComparedPart {
                    name: difference.part.clone(),
                    flag: None,
                    then: difference.then.clone(),
                    now: Some(difference.now.clone()),
                    differs: true,
                });
            }
        }
        parts
    }

    fn part(&self, name: &str, then: String, now: String) -> ComparedPart {
        ComparedPart {
            differs: self.differs(name),
            name: name.to_owned(),
            flag: None,
            then,
            now: self.now.not_decided.is_none().then_some(now),
        }
    }

    fn flag_part(
        &self,
        (flag, name): (&FlagReceipt, &str),
        then: String,
        now: Option<String>,
    ) -> ComparedPart {
        ComparedPart {
            differs: self.differs(&format!("{}: {name}", flag.flag)),
            name: name.to_owned(),
            flag: Some(flag.flag.clone()),
            then,
            now: now.filter(|_| self.now.not_decided.is_none()),
        }
    }

    fn differs(&self, part: &str) -> bool {
        let mut differences = self.now.differences.iter();
        differences.any(|difference| difference.part == part)
    }

    /// Returns the flags that the gate requires through another flag.
    pub(crate) fn required(&self) -> impl Iterator<Item = &FlagReceipt> {
        self.then.flags.iter().filter(|flag| flag.required)
    }
}

impl Receipt {
    fn has(&self, flag: &FlagReceipt) -> bool {
        self.flags.iter().any(|then| then.flag == flag.flag)
    }
}

impl ComparedPart {
    /// Returns the name of the part in differences.
    fn id(&self) -> String {
        match &self.flag {
            Some(flag) => format!("{flag}: {}", self.name),
            None => self.name.clone(),
        }
    }

    /// Returns the name in words.
    pub(crate) fn words(&self) -> String {
        match &*self.name {
            name @ ("route" | "outcome" | "status" | "gate" | "variant" | "cause" | "bucket" | "arm") => {
                text(&format!("request-{name}")).into_owned()
            }
            other => other.to_owned(),
        }
    }
}

fn gate_words(state: Option<&str>) -> String {
    let id = match state {
        Some("open") => "gate-open",
        Some("closed") => "gate-closed",
        Some("undecided") => "gate-undecided",
        _ => "request-not-decided",
    };
    text(id).into_owned()
}
