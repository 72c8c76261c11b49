//! The decision about a request: the deciding route, the verdict of its gate, and the resulting action. The
//! table of a route's fields is implemented here only: the proxy maps an [`Action`] to an answer, and
//! `explain` renders the record of a [`Trace`].

use crate::{
    Auth, Candidates, Cause, ClosedAnswer, Destination, Gate, GateMode, OnError, Otherwise, RequestHead,
    Route, RouteId, Snapshot, Subject, Timestamp, Truth, Unmatched, UpstreamId, Verdict, decide,
};

/// The most times that the gate of another reading can choose another upstream, which may read the path in
/// further ways. After the first time a request can only be refused.
const MAX_TURNS: usize = 3;

/// The subjects that a request may be decided for.
#[derive(Debug, Clone, Copy)]
pub struct Subjects<'a> {
    /// The caller, for routes that read a token.
    pub caller: Subject<'a>,
    /// The same request without its caller, for routes that don't.
    pub anonymous: Subject<'a>,
}

/// The decision about a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RequestDecision<'r> {
    /// The deciding route; `None` if no route matches.
    pub route: Option<RouteId>,
    /// The `auth` of this route.
    pub auth: Auth,
    /// The verdict of its gate; `None` if it has no gate, or if a preflight skips it.
    pub verdict: Option<Verdict>,
    /// The action.
    pub action: Action<'r>,
    /// True if another reading of the path decided than the one by RFC 3986.
    pub by_other_reading: bool,
}

/// The action for a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action<'r> {
    /// It is forwarded.
    Forward {
        /// The upstream.
        upstream: UpstreamId,
        /// The reason for forwarding.
        passage: Passage,
    },
    /// The gate is closed: the request gets this answer.
    Closed(&'r ClosedAnswer),
    /// Two readings of the path match closed gates whose `otherwise` name different upstreams. The request is
    /// answered as an unmatched one, because each gate would pass the other's path to its own upstream.
    Conflict,
    /// A flag of the gate can't be decided: 503.
    Undecided,
    /// A flag of the gate does not exist: 503.
    FlagNotFound,
    /// No route matches: the request is answered with this status.
    Unmatched(u16),
    /// The path has too many readings: 400.
    TooManyReadings,
}

/// The reasons for forwarding a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// The gate is open, or there is none, or the route is open when its gate can't be decided.
    Open,
    /// The gate is not open, and the route only observes.
    Observed,
    /// The gate is closed, and the route names an upstream for that.
    Fallback,
    /// No route matches, and such requests are forwarded.
    Unmatched,
}

/// The result of one route for a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement<'r> {
    /// The verdict of its gate.
    pub verdict: Option<Verdict>,
    /// The resulting action.
    pub action: Action<'r>,
}

/// A recorder of how a request is decided. It is generic, so that an empty implementation compiles to
/// nothing.
pub trait Trace {
    /// Records the result of one route: first that of the plain reading, then those of other readings.
    fn judged(&mut self, route: Option<RouteId>, judgement: &Judgement<'_>);
}

impl Trace for () {
    fn judged(&mut self, _route: Option<RouteId>, _judgement: &Judgement<'_>) {}
}

impl Action<'_> {
    /// Returns the upstream that the request is forwarded to.
    #[must_use]
    pub fn upstream(&self) -> Option<UpstreamId> {
        match self {
            Self::Forward { upstream, .. } => Some(*upstream),
            Self::Closed(_)
            | Self::Conflict
            | Self::Undecided
            | Self::FlagNotFound
            | Self::Unmatched(_)
            | Self::TooManyReadings => None,
        }
    }

    /// Returns true if the request gets to where an open gate leads.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self {
            Self::Forward { passage, .. } => match passage {
                Passage::Open | Passage::Observed | Passage::Unmatched => true,
                Passage::Fallback => false,
            },
            Self::Closed(_)
            | Self::Conflict
            | Self::Undecided
            | Self::FlagNotFound
            | Self::Unmatched(_)
            | Self::TooManyReadings => false,
        }
    }
}

impl<'a> Subjects<'a> {
    /// Returns the subject for a route with this `auth`.
    #[must_use]
    pub fn of(&self, auth: Auth) -> &Subject<'a> {
        match auth {
            Auth::None => &self.anonymous,
            Auth::Lenient | Auth::Optional | Auth::Required => &self.caller,
        }
    }
}

impl Snapshot {
    /// Decides a request: by the route that it matches, or by a stricter one that the chosen upstream may
    /// take its path for. Takes no lock.
    pub fn decide_request(
        &self,
        head: &impl RequestHead,
        candidates: &mut Candidates,
        subjects: &Subjects<'_>,
        now: Timestamp,
        trace: &mut impl Trace,
    ) -> RequestDecision<'_> {
        let routes = &*self.routes;
        let is_preflight = candidates.is_preflight();
        let auth_of = |id: Option<RouteId>| routes.auth(id, is_preflight);
        let mut judge = |id: Option<RouteId>| {
            let judgement = self.judge(id, is_preflight, subjects.of(auth_of(id)), now);
            trace.judged(id, &judgement);
            judgement
        };
        let mut route = candidates.route();
        let mut judgement = judge(route);
        let mut by_other_reading = false;
        let mut last_reads = None;
        // The upstream of the current result may take the path for other routes. One of these may be stricter
        // and choose another upstream with other readings, so the loop continues with those.
        for _ in 0..MAX_TURNS {
            let Some(upstream) = judgement.action.upstream() else {
                break;
            };
            let reads = routes.reads(upstream);
            // The same readings find the same routes: the result is stable.
            if last_reads.replace(reads) == Some(reads) {
                break;
            }
            let Ok(others) = candidates.routes_read_as(routes, head, reads) else {
                judgement.action = Action::TooManyReadings;
                by_other_reading = true;
                break;
            };
            // Fixed before the loop, because `route` changes when a stricter one is found.
            let decided_by = route;
            for &other in others.iter().filter(|other| Some(**other) != decided_by) {
                if let Some(stricter) = judgement.overridden_by(judge(Some(other))) {
                    (route, judgement) = (Some(other), stricter);
                    by_other_reading = true;
                }
            }
        }
        RequestDecision {
            route,
            auth: auth_of(route),
            verdict: judgement.verdict,
            action: judgement.action,
            by_other_reading,
        }
    }

    /// Judges a request by one route; with `None`, by the action for unmatched requests. Other readings of its path are
    /// not considered, and neither are limits.
    #[must_use]
    pub fn judge(
        &self,
        id: Option<RouteId>,
        is_preflight: bool,
        subject: &Subject<'_>,
        now: Timestamp,
    ) -> Judgement<'_> {
        let Some(route) = id.and_then(|id| self.routes.route(id)) else {
            let action = match self.routes.unmatched {
                Unmatched::Upstream { upstream, .. } => Action::Forward {
                    upstream,
                    passage: Passage::Unmatched,
                },
                Unmatched::Reject(status) => Action::Unmatched(status),
            };
            return Judgement {
                verdict: None,
                action,
            };
        };
        let gate = route.gate_for(is_preflight);
        let verdict = gate.map(|gate| gate.decide(&self.flags, subject, now));
        let action = self.action(route, verdict, subject, now);
        Judgement { verdict, action }
    }

    /// Applies the table of a route's fields to the verdict of its gate.
    fn action<'r>(
        &self,
        route: &'r Route,
        verdict: Option<Verdict>,
        subject: &Subject<'_>,
        now: Timestamp,
    ) -> Action<'r> {
        let through = |passage| match self.destination(route, verdict, subject, now) {
            Some(upstream) => Action::Forward { upstream, passage },
            None => Action::Undecided,
        };
        let Some(verdict) = verdict else {
            return through(Passage::Open);
        };
        match verdict.truth {
            Truth::Open => through(Passage::Open),
            Truth::Closed | Truth::Undecided if route.mode == GateMode::Shadow => through(Passage::Observed),
            // Before `on_error`: no answer is right before the first flags are known.
            Truth::Undecided if verdict.decision.cause == Cause::UnknownFlag => Action::FlagNotFound,
            Truth::Undecided if route.is_open_on_error() => through(Passage::Open),
            Truth::Undecided => Action::Undecided,
            Truth::Closed => closed(route, verdict.decision.cause),
        }
    }

    /// Returns the upstream behind an open gate. Compiling gives every variant one, so that there always is
    /// one.
    fn destination(
        &self,
        route: &Route,
        verdict: Option<Verdict>,
        subject: &Subject<'_>,
        now: Timestamp,
    ) -> Option<UpstreamId> {
        match &route.destination {
            Destination::Upstream(upstream) => Some(*upstream),
            // The verdict may already hold this flag's decision; deciding it again would only cost time.
            Destination::Variants { flag, upstreams } => {
                let decided = verdict
                    .filter(|verdict| verdict.flag == *flag)
                    .map(|verdict| verdict.decision);
                let decision = decided.unwrap_or_else(|| decide(&self.flags, *flag, subject, now));
                upstreams.get(decision.variant.index()).copied()
            }
        }
    }
}

impl Route {
    fn is_open_on_error(&self) -> bool {
        let has_permission_flag = self.gate.as_ref().is_some_and(Gate::has_permission_flag);
        self.on_error == OnError::Open && !has_permission_flag
    }
}

impl<'r> Judgement<'r> {
    /// Returns the result that replaces this one if another reading of the path has the result `other`;
    /// `None` if this one remains.
    fn overridden_by(&self, other: Self) -> Option<Self> {
        let upstream = self.action.upstream()?;
        if other.action.is_open() {
            return None;
        }
        match other.action.upstream() {
            // Both gates are closed and name the same upstream.
            Some(others) if !self.action.is_open() && others == upstream => None,
            Some(_) if !self.action.is_open() => Some(Self {
                action: Action::Conflict,
                ..other
            }),
            _ => Some(other),
        }
    }
}

fn closed(route: &Route, cause: Cause) -> Action<'_> {
    match route.otherwise_for(cause) {
        Otherwise::Upstream(upstream) => Action::Forward {
            upstream: *upstream,
            passage: Passage::Fallback,
        },
        Otherwise::Answer(answer) => Action::Closed(answer),
    }
}
