//! A data plane that explains a request by what was asked.

use control::{
    Explain, ExplainedAnswer, ExplainedFlag, ExplainedGate, ExplainedLimit, ExplainedStep, InvalidQuestion,
    RejectedCandidate, RequestExplanation, RequestQuestion, Sender, Unexplained,
};
use rules::Timestamp;

/// Explains every request: the flag `board` of its route is off. A request to `/open` is forwarded.
pub(crate) struct EchoExplain;

impl Explain for EchoExplain {
    fn explain(&self, question: &RequestQuestion, at: Timestamp) -> Result<RequestExplanation, Unexplained> {
        if question.listener.as_deref() == Some("unknown") {
            return Err(Unexplained::Question(InvalidQuestion::Client));
        }
        let open = question.path == "/open";
        let identity = match &question.sender {
            Sender::Unnamed => "no token".to_owned(),
            Sender::Token(token) => format!("a token of {} bytes", token.len()),
            Sender::Tenant { tenant, user, groups } => {
                let user = user.as_ref().map(|user| user.to_string());
                format!("tenant {tenant}, user {user:?}, groups {groups:?}")
            }
        };
        let attributes = question.attributes.iter();
        let attributes: Vec<String> = attributes
            .map(|(name, value)| format!("{name} is {value:?}"))
            .collect();
        Ok(RequestExplanation {
            snapshot: "f406dffab663".to_owned(),
            target: question.path.clone(),
            original_target: Some(format!("/{}", question.path)),
            route: Some("board".to_owned()),
            place: Some("sluice.yaml:13:13".to_owned()),
            rejected_candidates: vec![RejectedCandidate {
                route: "board-post".to_owned(),
                reason: format!("its method is not {}", question.method),
            }],
            limits: vec![ExplainedLimit {
                route: "board".to_owned(),
                limit: "100 in 1 s".to_owned(),
                by: "tenant".to_owned(),
            }],
            identity,
            identity_source: format!(
                "host {}, headers {:?}, at {}",
                question.host, question.headers, at.0
            ),
            missing_attributes: attributes,
            gate: Some(ExplainedGate {
                gate: "board".to_owned(),
                verdict: if open { "OPEN" } else { "CLOSED" },
                shadow: false,
                flags: vec![ExplainedFlag {
                    flag: "board".to_owned(),
                    variant: if open { "on" } else { "off" }.to_owned(),
                    reason: "DISABLED",
                    cause: "lifecycle",
                    steps: vec![
                        step("killed", "enabled", "yes", "passed"),
                        step("lifecycle", "lifecycle alpha", "not eligible", "decided"),
                        step("default", "default", "off", "would serve off"),
                    ],
                    local_kill: None,
                }],
            }),
            answer: match open {
                true => ExplainedAnswer::default(),
                false => ExplainedAnswer {
                    status: Some(404),
                    code: Some("NOT_FOUND".to_owned()),
                    detail: "by Sluice; `unmatched` answers unknown paths".to_owned(),
                    ..ExplainedAnswer::default()
                },
            },
            upstream: open.then(|| "api".to_owned()),
            open,
            ..RequestExplanation::default()
        })
    }
}

fn step(cause: &'static str, question: &str, answer: &str, outcome: &str) -> ExplainedStep {
    ExplainedStep {
        cause,
        question: question.to_owned(),
        answer: answer.to_owned(),
        note: String::new(),
        outcome: outcome.to_owned(),
        clauses: Vec::new(),
    }
}
