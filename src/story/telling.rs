//! Each phase in its turn: what it finds goes into the story.

use std::borrow::Cow;

use anyhow::Result;
use control::{FlagStory, GateStory, RequestQuestion, Story};
use rules::{
    AttributeId, Gate, Host, Mode, Preflight, Reads, Route, RouteId, Routes, Subject, Truth, Unmatched,
    Value, Verdict, normalise,
};

use super::asker::{self, Asker};
use super::head::{Head, is_preflight};
use super::withheld::{Withheld, without_operator_tokens};
use super::{Telling, act, connection, limits, passed_over};

/// A story, and how the upstream that it ends at may read paths.
#[derive(Default)]
pub(super) struct Told {
    pub(super) story: Story,
    pub(super) reads: Option<Reads>,
    route: Option<RouteId>,
}

/// Tells the story of a request.
///
/// # Errors
/// What can't be wrong with documents that were loaded.
pub(crate) fn tell(telling: &Telling<'_>) -> Result<Story> {
    let withheld = without_operator_tokens(telling.question, &telling.gateway.identity.token);
    let question = withheld
        .as_ref()
        .map_or(telling.question, |withheld| &withheld.question);
    let mut story = from_its_head(&Telling { question, ..*telling })?;
    if story.upstream.is_some() && connection::is_refused(question) {
        // Only once it is to be forwarded: a closed gate answers before.
        story.passes = false;
        story.upstream = None;
        story.headers.clear();
        "400 REQUEST_INVALID: `Connection` names what it may not".clone_into(&mut story.answer);
    }
    if let Some(Withheld { note, .. }) = &withheld {
        if story.identity.is_empty() {
            "not asked".clone_into(&mut story.identity);
        } else {
            story.identity_source.push_str("; ");
        }
        story.identity_source.push_str(note);
    }
    story.snapshot = telling.gateway.snapshot.revision.to_string();
    Ok(story)
}

fn from_its_head(telling: &Telling<'_>) -> Result<Story> {
    let question = telling.question;
    let refused = |answer: String| Story {
        target: question.path.clone(),
        answer,
        ..Story::default()
    };
    let routes = &telling.gateway.snapshot.routes;
    // In the proxy's order: `Host`, the target, and only then that a host is missing.
    let sent = match sent_host(question) {
        Ok(sent) => sent,
        Err(invalid) => return Ok(refused(format!("400 HOST_INVALID: {invalid}"))),
    };
    let target = match normalise(question.path.as_bytes(), routes.target) {
        Ok(target) => target,
        Err(invalid) => return Ok(refused(format!("400 TARGET_INVALID: {invalid}"))),
    };
    let host = match host(routes, sent, target.authority) {
        Ok(host) => host,
        Err(invalid) => return Ok(refused(format!("400 HOST_INVALID: {invalid}"))),
    };
    let head = Head {
        host: &host,
        path: &target.path,
        question,
    };
    let (told, readings) = by_every_reading(telling, &head)?;
    let (passed_over, elsewhere) = passed_over::of(routes, &head, told.route);
    Ok(Story {
        target: target.path.to_string(),
        as_sent: target.changed.then(|| question.path.clone()),
        readings,
        limits: limits::of(routes, &head),
        passed_over,
        elsewhere,
        ..told.story
    })
}

/// Returns what `Host` says, if there is one: the host of the question, or a line of its headers.
fn sent_host(question: &RequestQuestion) -> Result<Option<&str>, String> {
    let given = Some(&*question.host).filter(|host| !host.is_empty());
    let mut hosts = given.into_iter().chain(question.header_values("host"));
    let host = match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Err("the request has `Host` twice".to_owned()),
        (None, None) => return Ok(None),
        (Some(host), None) => host,
    };
    if authority(&question.path).is_some_and(|authority| authority != host) {
        return Err("the target and `Host` name different hosts".to_owned());
    }
    Host::parse(host)
        .map(|_| Some(host))
        .map_err(|invalid| invalid.to_string())
}

/// Returns the authority of an absolute target, whether it is a valid one or not.
fn authority(target: &str) -> Option<&str> {
    if target.starts_with('/') {
        return None;
    }
    let (_, rest) = target.split_once("://")?;
    rest.split(['/', '?', '#']).next()
}

/// Returns the name that routes are matched by: that of `Host`, or of an absolute target that comes without one.
/// Empty where the request names no host and no route asks for one.
fn host<'q>(
    routes: &Routes,
    sent: Option<&'q str>,
    authority: Option<&'q str>,
) -> Result<Cow<'q, str>, String> {
    match sent.or(authority) {
        None if routes.table().needs_host() => {
            Err("the request names no host, and a route asks for one".to_owned())
        }
        None => Ok(Cow::Borrowed("")),
        Some(named) => Host::parse(named)
            .map(|host| host.name)
            .map_err(|invalid| invalid.to_string()),
    }
}

/// The story of the route that the request falls on, or of a stricter one that its path can be read to fall on; and
/// the names of all of these.
fn by_every_reading(telling: &Telling<'_>, head: &Head<'_>) -> Result<(Told, Vec<String>)> {
    let routes = &telling.gateway.snapshot.routes;
    let primary = routes.table().find(head);
    let mut told = on_route(telling, primary)?;
    let mut asked = None;
    let mut readings: Vec<String> = Vec::new();
    // The upstream that the request would be forwarded to says how it reads; another's gate may lead to another.
    while let Some(reads) = told.reads
        && asked.replace(reads) != Some(reads)
        && readings.len() <= rules::MAX_READINGS
    {
        let Ok(others) = routes.table().readings(head, reads) else {
            told = Told::default();
            told.story.answer = "400 TARGET_INVALID: the path can be read in too many ways".to_owned();
            break;
        };
        for other in others.into_iter().filter(|other| Some(*other) != primary) {
            let others_story = on_route(telling, Some(other))?;
            if let Some(name) = &others_story.story.route
                && !readings.contains(name)
            {
                readings.push(name.clone());
            }
            told = told.or_stricter(others_story);
        }
    }
    Ok((told, readings))
}

fn on_route(telling: &Telling<'_>, id: Option<RouteId>) -> Result<Told> {
    let gateway = telling.gateway;
    let mut told = Told {
        route: id,
        ..Told::default()
    };
    let Some(route) = id.and_then(|id| gateway.snapshot.routes.route(id)) else {
        unmatched(&mut told, telling);
        return Ok(told);
    };
    told.story.route = Some(route.name.to_string());
    told.story.place = gateway.places.place(route.site).map(|place| place.to_string());
    if is_preflight(telling.question) {
        let meets = match route.preflight {
            Preflight::Open => "open: passes without a token and without the gate",
            Preflight::Gated => "gated: meets what every request meets",
        };
        told.story.preflight = Some(meets.to_owned());
        if route.preflight == Preflight::Open {
            let anonymous = gateway.snapshot.subject(None);
            "anonymous".clone_into(&mut told.story.identity);
            "a preflight passes without a token and without the gate"
                .clone_into(&mut told.story.identity_source);
            act::follow(&mut told, telling, route, None, &anonymous);
            return Ok(told);
        }
    }
    match asker::identify(telling, route.auth)? {
        Ok(asker) => asked(&mut told, telling, route, &asker),
        Err(refused) if route.mode == Mode::Shadow && route.gate.is_some() => {
            let source = format!("{}; in shadow mode nobody is refused for that", refused.reason);
            let asker = Asker {
                source,
                ..Asker::default()
            };
            asked(&mut told, telling, route, &asker);
        }
        Err(refused) => {
            let gate = route.gate.as_ref();
            told.story.identity = "nobody".to_owned();
            told.story.identity_source = refused.reason;
            told.story.unasked_gate = gate.map(|gate| gate.describe(&gateway.snapshot.flags));
            told.story.answer = format!("{} {}", refused.status, refused.code);
        }
    }
    Ok(told)
}

fn unmatched(told: &mut Told, telling: &Telling<'_>) {
    match &telling.gateway.snapshot.routes.unmatched {
        Unmatched::Upstream(upstream) => {
            told.story.answer = "that of the upstream for unmatched requests".to_owned();
            act::lead(told, telling, *upstream);
            told.story.passes = true;
        }
        Unmatched::Reject(status) => told.story.answer = format!("{status}, no route takes the request"),
    }
}

/// The story from the moment that somebody is known to be asking.
fn asked(told: &mut Told, telling: &Telling<'_>, route: &Route, asker: &Asker) {
    let snapshot = &telling.gateway.snapshot;
    let attributes: Vec<(AttributeId, Value<'_>)> = asker
        .attributes
        .iter()
        .map(|(id, value)| (*id, value.as_value()))
        .collect();
    let subject = Subject {
        user: asker.user.as_deref(),
        groups: &asker.groups,
        attributes: &attributes,
        ..snapshot.subject(asker.tenant.as_deref())
    };
    let story = &mut told.story;
    story.identity = match (&asker.tenant, &asker.user) {
        (Some(tenant), Some(user)) => format!("tenant {tenant}, user {user}"),
        (Some(tenant), None) => format!("tenant {tenant}"),
        (None, _) => "anonymous".to_owned(),
    };
    if subject.record.is_none() && asker.tenant.is_some() {
        story.identity.push_str(" (no record)");
    }
    story.identity_source.clone_from(&asker.source);
    let decide = |gate: &Gate| gate.decide(&snapshot.flags, &subject, telling.now);
    let verdict = route.gate.as_ref().map(decide);
    if let (Some(gate), Some(verdict)) = (&route.gate, verdict) {
        story.gate = Some(of_gate(telling, gate, verdict, route.mode, &subject));
    }
    act::follow(told, telling, route, verdict, &subject);
}

fn of_gate(
    telling: &Telling<'_>,
    gate: &Gate,
    verdict: Verdict,
    mode: Mode,
    subject: &Subject<'_>,
) -> GateStory {
    let flags = &telling.gateway.snapshot.flags;
    let of_flag = |id| FlagStory::of(flags, id, subject, telling.now);
    GateStory {
        gate: gate.describe(flags),
        verdict: match verdict.truth {
            Truth::Open => "OPEN",
            Truth::Closed => "CLOSED",
            Truth::Undecided => "UNDECIDED",
        },
        shadow: mode == Mode::Shadow,
        flags: gate.flags().iter().copied().filter_map(of_flag).collect(),
    }
}

impl Told {
    /// The story of a path that can be read in two ways: where this reading's request would be forwarded, and
    /// the other's falls on a gate that is not open, the other's.
    fn or_stricter(self, mut other: Self) -> Self {
        let (first, second) = (&self.story, &other.story);
        if first.upstream.is_none() || second.passes || second.route.is_none() {
            return self;
        }
        if !first.passes && second.upstream.is_some() && second.upstream != first.upstream {
            other.story.answer =
                "404, as for an unknown path: two closed gates lead to different upstreams".to_owned();
            other.story.upstream = None;
            other.story.headers.clear();
            other.reads = None;
        }
        other
    }
}
