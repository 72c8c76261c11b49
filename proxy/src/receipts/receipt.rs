//! A receipt as it is read: with its texts masked.

use redact::masked;
use rules::{AttributeValue, Timestamp, Truth};

use super::record::ReceiptRecord;
use crate::arms::CountedArm;
use crate::outcome::RequestOutcome;

/// The decision about a request, as it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// The id of the request.
    pub id: String,
    /// The time that the request was decided for.
    pub at: Timestamp,
    /// The method.
    pub method: String,
    /// The host; empty for none.
    pub host: String,
    /// The path, without the query. Secrets in it are masked.
    pub path: String,
    /// The deciding route; none if no route matches, or if the request was refused before.
    pub route: Option<String>,
    /// The outcome, as in the access log.
    pub outcome: &'static str,
    /// The status that the client got.
    pub status: u16,
    /// The code of Sluice's own answer.
    pub code: Option<&'static str>,
    /// The cause, for operators.
    pub cause: Option<String>,
    /// The tenant of the verified caller.
    pub tenant: Option<String>,
    /// The user of the verified caller.
    pub user: Option<String>,
    /// The name of the issuer of the caller's token.
    pub issuer: Option<String>,
    /// The revision of the snapshot that decided.
    pub revision: String,
    /// `open`, `closed` or `undecided`; none if no gate was decided.
    pub verdict: Option<&'static str>,
    /// True if the route only observes its gate.
    pub is_shadow: bool,
    /// True if a text was cut, or if flags, groups or attributes were left out for their size.
    pub is_shortened: bool,
    /// The decisions of the gate's flags; the first one determined its state.
    pub flags: Vec<ReceiptFlag>,
    /// The groups of the user, as far as the gate reads any.
    pub groups: Vec<String>,
    /// The attributes of the request that the gate reads, by name. Secrets are masked.
    pub attributes: Vec<(String, String)>,
}

/// The decision of one flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptFlag {
    /// Its key.
    pub flag: String,
    /// The served variant.
    pub variant: String,
    /// The reason, as OpenFeature names it.
    pub reason: &'static str,
    /// The line of the decision table.
    pub cause: &'static str,
    /// The bucket of the subject, from 0 to 99,999; none if the flag has no rollout.
    pub bucket: Option<u32>,
    /// The arm of its rollout plan; none without a plan.
    pub arm: Option<&'static str>,
    /// True if a flag of the gate requires it, and the gate does not name it.
    pub is_required: bool,
}

/// The decision as it would be made now.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceiptNow {
    /// The revision of the served snapshot.
    pub revision: String,
    /// The reason why it can't be decided again; none if it is.
    pub undecided: Option<&'static str>,
    /// The route; none if none matches.
    pub route: Option<String>,
    /// The gate, as text.
    pub gate: Option<String>,
    /// The outcome, in the words of the access log; none if it can't be decided.
    pub outcome: Option<&'static str>,
    /// The status of Sluice's own answer.
    pub status: Option<u16>,
    /// The state of the gate.
    pub verdict: Option<&'static str>,
    /// The decisions of the gate's flags.
    pub flags: Vec<ReceiptFlag>,
    /// The differences to the decision then.
    pub differences: Vec<Difference>,
}

/// A difference between the two decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The part that differs: `route`, `outcome`, `gate`, or `FLAG: variant`, `FLAG: cause`, `FLAG: bucket`, `FLAG: arm`.
    pub what: String,
    /// Its value then.
    pub then: String,
    /// Its value now.
    pub now: String,
}

/// The receipts that a list has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReceiptFilter {
    /// Those of this tenant.
    pub tenant: Option<String>,
    /// Those whose gate names this flag.
    pub flag: Option<String>,
    /// Those with this outcome.
    pub outcome: Option<String>,
}

impl ReceiptFilter {
    pub(crate) fn matches(&self, record: &ReceiptRecord) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        let outcome = record.outcome.map(RequestOutcome::as_str);
        let has_flag = |wanted: &String| record.flags().any(|(_, key, _)| key == wanted);
        is(&self.tenant, Some(record.texts().tenant))
            && is(&self.outcome, outcome)
            && self.flag.as_ref().is_none_or(has_flag)
    }
}

impl Receipt {
    /// Returns the receipt with its secrets masked.
    pub(crate) fn of(record: &ReceiptRecord) -> Self {
        let texts = record.texts();
        let filled = |text: &str| (!text.is_empty()).then(|| masked(text).into_owned());
        let subject = record.subject.as_deref();
        let groups = subject.into_iter().flat_map(|subject| &subject.groups);
        let attributes = subject.into_iter().flat_map(|subject| &subject.attributes);
        Self {
            id: record.id.map_or_else(String::new, |id| id.as_str().to_owned()),
            at: record.at.unwrap_or(Timestamp(0)),
            method: masked(texts.method).into_owned(),
            host: masked(texts.host).into_owned(),
            path: masked(texts.path).into_owned(),
            route: filled(texts.route),
            outcome: record.outcome.map_or("", |outcome| outcome.as_str()),
            status: record.status,
            code: record.code,
            cause: filled(texts.cause),
            tenant: filled(texts.tenant),
            user: filled(texts.user),
            issuer: filled(texts.issuer),
            revision: record.revision.as_deref().unwrap_or_default().to_owned(),
            verdict: record.truth.map(truth_name),
            is_shadow: record.is_shadow,
            is_shortened: record.is_shortened || subject.is_some_and(|subject| subject.is_shortened),
            flags: flags(record),
            groups: groups.map(|group| masked(group).into_owned()).collect(),
            attributes: attributes
                .map(|(name, value)| (name.to_string(), shown(name, value)))
                .collect(),
        }
    }
}

/// Returns the decisions of a record's flags.
pub(super) fn flags(record: &ReceiptRecord) -> Vec<ReceiptFlag> {
    let flags = record.flags().map(|(flag, key, variant)| ReceiptFlag {
        flag: key.to_owned(),
        variant: variant.to_owned(),
        reason: flag.decision.reason.as_str(),
        cause: flag.decision.cause.as_str(),
        bucket: flag.bucket,
        arm: flag.arm.map(CountedArm::as_str),
        is_required: flag.is_required,
    });
    flags.collect()
}

/// Returns the name of the state of a gate.
pub(super) fn truth_name(truth: Truth) -> &'static str {
    match truth {
        Truth::Open => "open",
        Truth::Closed => "closed",
        Truth::Undecided => "undecided",
    }
}

/// Returns the value of an attribute as text. A value whose name or form announces a secret is masked.
fn shown(name: &str, value: &AttributeValue) -> String {
    let text = match value {
        AttributeValue::String(text) => text.to_string(),
        AttributeValue::Number(number) => number.to_string(),
        AttributeValue::Boolean(boolean) => boolean.to_string(),
        AttributeValue::List(items) => items.join(", "),
    };
    match redact::is_secret_name(name) || redact::looks_random(&text) {
        true => redact::blank(&text),
        false => masked(&text).into_owned(),
    }
}
