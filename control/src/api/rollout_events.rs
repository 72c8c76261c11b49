//! `GET .../rollout/events`: the state and the evidence of a rollout plan as server-sent events (WHATWG HTML, section
//! 9.2), first as they are, then after each change.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse as _;
use axum::response::sse::{Event, KeepAlive, Sse};
use changes::{ManagedPlan, Revision, timestamp};
use futures_util::stream::unfold;
use serde::Serialize;
use utoipa::{PartialSchema, ToSchema};

use super::event_streams::StreamPlace;
use super::handler::{NoBody, Reply, ResponseBody};
use super::problem::ApiProblem;
use super::request::{AnswerPart, ApiRequest};
use super::rollout_body::RolloutSummary;
use super::rollout_evidence::EvidenceBody;
use super::rollouts::planned;
use super::schema::{ResponseSchema, schema_of};
use super::{Api, Clock, codes};
use crate::engine::Control;
use crate::judge_rollouts::JudgeRollouts;
use crate::stage_report::StageReport;

/// The time between two comparisons with what was sent last.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The time without an event after which a comment is sent, so that a broken connection is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The time after which a client tries again if all streams are taken.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The data of an event.
#[derive(Serialize, ToSchema)]
#[schema(as = RolloutEvent)]
pub(crate) struct EventBody {
    #[schema(format = DateTime)]
    at: String,
    rollout: RolloutSummary,
    evidence: EvidenceBody,
}

/// A body of server-sent events, whose data are JSON objects.
pub(crate) struct EventStream<T> {
    body: Body,
    data: PhantomData<T>,
}

impl<T: Serialize + ToSchema + PartialSchema> ResponseBody for EventStream<T> {
    const SCHEMA: ResponseSchema = ResponseSchema::Events(schema_of::<T>);

    fn into_body(self) -> Result<Body, ApiProblem> {
        Ok(self.body)
    }
}

/// A client that watches a plan.
struct Subscription {
    source: Arc<Source>,
    place: StreamPlace,
    sent: Option<Arc<Sent>>,
    is_over: bool,
}

/// The source of the events of one flag.
struct Source {
    control: Arc<Control>,
    judge: Option<Arc<dyn JudgeRollouts>>,
    clock: Clock,
    flag: String,
}

/// The state that was sent last.
struct Sent {
    managed: Arc<ManagedPlan>,
    /// The number of looks at the checks.
    looks: u64,
    report: Option<StageReport>,
}

/// The result of a comparison with what was sent last.
enum Found {
    Nothing,
    Changed(Arc<Sent>, Event),
    /// The plan was removed.
    Removed,
}

pub(crate) fn watch(
    api: &Api,
    request: &ApiRequest,
    _: NoBody,
) -> Result<Reply<EventStream<EventBody>>, ApiProblem> {
    let flag = request.flag();
    planned(api, flag)?;
    if request.answer_part == AnswerPart::Head {
        return Ok(Reply::new(EventStream::of(Body::empty())));
    }
    let place = api.streams.open(request.credentials_expire).ok_or_else(|| {
        ApiProblem::new(codes::TOO_MANY_REQUESTS, "no more streams of events can be open")
            .retry_after(RETRY_AFTER)
    })?;
    let source = Source {
        control: Arc::clone(api.control()),
        judge: api.judge.clone(),
        clock: Arc::clone(&api.clock),
        flag: flag.to_owned(),
    };
    let subscription = Subscription {
        source: Arc::new(source),
        place,
        sent: None,
        is_over: false,
    };
    let events = unfold(subscription, Subscription::next);
    let answer = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    Ok(Reply::new(EventStream::of(answer.into_response().into_body())))
}

impl<T> EventStream<T> {
    fn of(body: Body) -> Self {
        Self {
            body,
            data: PhantomData,
        }
    }
}

impl Subscription {
    /// Waits for the next change; none at the end of the stream. The id of an event is informative: a stream begins with
    /// the present state, so that a client that connects again misses nothing that still holds.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        if self.is_over {
            return None;
        }
        loop {
            if self.sent.is_some() {
                tokio::select! {
                    () = self.place.ended() => return None,
                    () = tokio::time::sleep(POLL_INTERVAL) => {}
                }
            }
            // The client signs in again, with new credentials.
            if self.place.has_expired((self.source.clock)()) {
                return None;
            }
            let (source, sent) = (Arc::clone(&self.source), self.sent.clone());
            // On a thread: the lock of the control plane may be held by a commit.
            let found = tokio::task::spawn_blocking(move || source.compare(sent.as_deref())).await;
            match found.ok()? {
                Found::Nothing => {}
                Found::Changed(sent, event) => {
                    self.sent = Some(sent);
                    return Some((Ok(event), self));
                }
                Found::Removed => {
                    self.is_over = true;
                    return Some((Ok(Event::default().event("removed").data("{}")), self));
                }
            }
        }
    }
}

impl Source {
    /// Compares the present state with what was sent last. The evidence is read once for each look at the checks.
    fn compare(&self, sent: Option<&Sent>) -> Found {
        let (revision, flag) = self
            .control
            .read(|state, _| (state.revision, state.flag(&self.flag)));
        let Some(managed) = flag.and_then(|flag| flag.state.plan.clone()) else {
            return Found::Removed;
        };
        let looks = self.judge.as_ref().map_or(0, |judge| judge.looks());
        let is_same_plan = sent.is_some_and(|sent| sent.managed == managed);
        if is_same_plan && sent.is_some_and(|sent| sent.looks == looks) {
            return Found::Nothing;
        }
        let judge = self.judge.as_ref();
        let report = judge.and_then(|judge| judge.evidence(&self.flag, &managed));
        // Without a change, the stream keeps the older number of looks, and compares again at the next poll.
        if is_same_plan && sent.is_some_and(|sent| sent.is_alike(report.as_ref())) {
            return Found::Nothing;
        }
        let name = sent.map_or("snapshot", |_| "change");
        let body = self.body(revision, &managed, report.as_ref());
        let Ok(data) = serde_json::to_string(&body) else {
            return Found::Nothing;
        };
        let id = format!("{}-{looks}", revision.0);
        let event = Event::default().event(name).id(id).data(data);
        let sent = Sent {
            managed,
            looks,
            report,
        };
        Found::Changed(Arc::new(sent), event)
    }

    fn body(&self, revision: Revision, managed: &ManagedPlan, report: Option<&StageReport>) -> EventBody {
        let now = (self.clock)();
        let judge = self.judge.as_ref();
        let verdicts = judge.map_or_else(Vec::new, |judge| judge.verdicts(&self.flag, managed));
        EventBody {
            at: timestamp::text(now),
            rollout: RolloutSummary::new(&self.flag, managed, &verdicts, now),
            evidence: EvidenceBody::new((&self.flag, revision), managed, report),
        }
    }
}

impl Sent {
    /// Returns true if the report says the same, but for the time of the look.
    fn is_alike(&self, report: Option<&StageReport>) -> bool {
        match (&self.report, report) {
            (Some(sent), Some(report)) => {
                let looked_at = sent.looked_at;
                *sent
                    == StageReport {
                        looked_at,
                        ..report.clone()
                    }
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}
