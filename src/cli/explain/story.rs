//! The story of a request: what the proxy would do with it, phase by phase.

use anyhow::{Context, Result};
use config::Loaded;
use rules::{
    AttributeId, Destination, Explanation, FlagId, Flags, Gate, Host, Mode, OnError, Otherwise, Preflight,
    Reads, Route, RouteId, Subject, Timestamp, Truth, Unmatched, UpstreamId, Value, Verdict, decide, explain,
    normalise,
};

use super::{
    Arguments,
    asker::{self, Asker},
    request::{Head, is_preflight},
};

/// What would happen to a request.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) target: String,
    pub(super) as_sent: Option<String>,
    /// Its name and place.
    pub(super) route: Option<(String, String)>,
    pub(super) identity: String,
    pub(super) identity_source: String,
    pub(super) gate: Option<GateStory>,
    /// The route's gate, where nobody was let as far as that.
    pub(super) unasked_gate: Option<String>,
    pub(super) answer: String,
    pub(super) upstream: Option<String>,
    /// How that may read paths.
    reads: Option<Reads>,
    /// The other routes that the path falls on when it is read so, by name.
    pub(super) readings: Vec<String>,
    pub(super) headers: Vec<(String, String)>,
    /// Whether the request gets to where an open gate leads.
    pub(super) passes: bool,
}

/// What the gate said.
#[derive(Debug)]
pub(super) struct GateStory {
    pub(super) gate: String,
    pub(super) truth: Truth,
    pub(super) shadow: bool,
    pub(super) flags: Vec<FlagStory>,
}

/// What one flag of the gate said.
#[derive(Debug)]
pub(super) struct FlagStory {
    pub(super) key: String,
    pub(super) served: String,
    /// The names of the variants, by id.
    pub(super) variants: Vec<String>,
    pub(super) explanation: Explanation,
}

/// Tells the story of the request in `arguments` at `now`.
pub(super) fn tell(loaded: &Loaded, arguments: &Arguments, now: Timestamp) -> Result<Story> {
    let snapshot = &loaded.snapshot;
    let host = Host::parse(&arguments.host).with_context(|| format!("`{}` is no host", arguments.host))?;
    let target = match normalise(arguments.path.as_bytes(), snapshot.routes.target) {
        Ok(target) => target,
        Err(invalid) => {
            let answer = format!("400 TARGET_INVALID: {invalid}");
            return Ok(Story {
                target: arguments.path.clone(),
                answer,
                ..Story::default()
            });
        }
    };
    let head = Head {
        host: &host.name,
        path: &target.path,
        method: &arguments.method,
        headers: &arguments.headers,
    };
    let primary = snapshot.routes.table().find(&head);
    let mut story = on_route(loaded, arguments, primary, now)?;
    let mut asked = None;
    let mut readings: Vec<String> = Vec::new();
    // The upstream that the request would be forwarded to says how it reads; another's gate may lead to another.
    while let Some(reads) = story.reads
        && asked.replace(reads) != Some(reads)
        && readings.len() <= rules::MAX_READINGS
    {
        let Ok(others) = snapshot.routes.table().readings(&head, reads) else {
            story = Story {
                answer: "400 TARGET_INVALID: the path can be read in too many ways".to_owned(),
                ..Story::default()
            };
            break;
        };
        for other in others.into_iter().filter(|other| Some(*other) != primary) {
            let told = on_route(loaded, arguments, Some(other), now)?;
            if let Some((name, _)) = &told.route
                && !readings.contains(name)
            {
                readings.push(name.clone());
            }
            story = story.or_stricter(told);
        }
    }
    let as_sent = target.changed.then(|| arguments.path.clone());
    Ok(Story {
        target: target.path.to_string(),
        as_sent,
        readings,
        ..story
    })
}

fn on_route(loaded: &Loaded, arguments: &Arguments, id: Option<RouteId>, now: Timestamp) -> Result<Story> {
    let mut story = Story::default();
    let Some(route) = id.and_then(|id| loaded.snapshot.routes.route(id)) else {
        unmatched(&mut story, loaded);
        return Ok(story);
    };
    let place = loaded
        .places
        .place(route.site)
        .map_or(String::new(), |place| place.to_string());
    story.route = Some((route.name.to_string(), place));
    if route.preflight == Preflight::Open && is_preflight(arguments) {
        let anonymous = loaded.snapshot.subject(None);
        "anonymous".clone_into(&mut story.identity);
        "a preflight passes without a token and without the gate".clone_into(&mut story.identity_source);
        act(&mut story, loaded, route, None, &anonymous, now);
        headers(&mut story, loaded, route, &anonymous, now);
        return Ok(story);
    }
    match asker::identify(loaded, arguments, route.auth)? {
        Ok(asker) => asked(&mut story, loaded, route, &asker, now),
        Err(refused) if route.mode == Mode::Shadow && route.gate.is_some() => {
            let source = format!("{}; in shadow mode nobody is refused for that", refused.reason);
            let asker = Asker {
                source,
                ..Asker::default()
            };
            asked(&mut story, loaded, route, &asker, now);
        }
        Err(refused) => {
            story.identity = "nobody".to_owned();
            story.identity_source = refused.reason;
            story.unasked_gate = route
                .gate
                .as_ref()
                .map(|gate| gate.describe(&loaded.snapshot.flags));
            story.answer = format!("{} {}", refused.status, refused.code);
        }
    }
    Ok(story)
}

fn unmatched(story: &mut Story, loaded: &Loaded) {
    match &loaded.snapshot.routes.unmatched {
        Unmatched::Upstream(upstream) => {
            story.answer = "that of the upstream for unmatched requests".to_owned();
            lead(story, loaded, *upstream);
            story.passes = true;
        }
        Unmatched::Reject(status) => story.answer = format!("{status}, no route takes the request"),
    }
}

/// The story from the moment that somebody is known to be asking.
fn asked(story: &mut Story, loaded: &Loaded, route: &Route, asker: &Asker, now: Timestamp) {
    let snapshot = &loaded.snapshot;
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
    story.identity = match (&asker.tenant, &asker.user) {
        (Some(tenant), Some(user)) => format!("tenant {tenant}, user {user}"),
        (Some(tenant), None) => format!("tenant {tenant}"),
        (None, _) => "anonymous".to_owned(),
    };
    if subject.record.is_none() && asker.tenant.is_some() {
        story.identity.push_str(" (no record)");
    }
    story.identity_source.clone_from(&asker.source);
    let verdict = route
        .gate
        .as_ref()
        .map(|gate| gate.decide(&snapshot.flags, &subject, now));
    if let (Some(gate), Some(verdict)) = (&route.gate, verdict) {
        story.gate = Some(gate_story(
            &snapshot.flags,
            gate,
            verdict,
            route.mode,
            &subject,
            now,
        ));
    }
    act(story, loaded, route, verdict, &subject, now);
    if story.upstream.is_some() {
        headers(story, loaded, route, &subject, now);
    }
}

fn gate_story(
    flags: &Flags,
    gate: &Gate,
    verdict: Verdict,
    mode: Mode,
    subject: &Subject<'_>,
    now: Timestamp,
) -> GateStory {
    let story = |id: &FlagId| {
        let flag = flags.flag(*id)?;
        let explanation = explain(flags, *id, subject, now)?;
        Some(FlagStory {
            key: flag.key().to_string(),
            served: flag
                .variant(explanation.decision.variant)
                .map_or(String::new(), |v| v.name.to_string()),
            variants: flag
                .variants()
                .iter()
                .map(|variant| variant.name.to_string())
                .collect(),
            explanation,
        })
    };
    GateStory {
        gate: gate.describe(flags),
        truth: verdict.truth,
        shadow: mode == Mode::Shadow,
        flags: gate.flags().iter().filter_map(story).collect(),
    }
}

fn act(
    story: &mut Story,
    loaded: &Loaded,
    route: &Route,
    verdict: Option<Verdict>,
    subject: &Subject<'_>,
    now: Timestamp,
) {
    let permission = route.gate.as_ref().is_some_and(Gate::has_permission_flag);
    let passes = match verdict.map(|verdict| verdict.truth) {
        None | Some(Truth::Open) => true,
        Some(_) if route.mode == Mode::Shadow => true,
        Some(Truth::Undecided) => route.on_error == OnError::Open && !permission,
        Some(Truth::Closed) => false,
    };
    story.passes = passes;
    if passes {
        story.answer = "that of the upstream".to_owned();
        if let Some(upstream) = destination(loaded, route, subject, now) {
            lead(story, loaded, upstream);
        }
        return;
    }
    let Some(verdict) = verdict.filter(|verdict| verdict.truth == Truth::Closed) else {
        story.answer = "503 FEATURE_UNDECIDED".to_owned();
        return;
    };
    match route.otherwise_for(verdict.decision.cause) {
        Otherwise::Reject(reject) if reject.status == 404 && reject.body.is_none() && !reject.reveal => {
            story.answer = "404, as for an unknown path".to_owned();
        }
        Otherwise::Reject(reject) => {
            let reveal = if reject.reveal { ", naming the flag" } else { "" };
            story.answer = format!("{} FEATURE_NOT_ENABLED{reveal}", reject.status);
        }
        Otherwise::Redirect { status, location } => story.answer = format!("{status} to {location}"),
        Otherwise::Upstream(upstream) => {
            story.answer = "that of another upstream, the behaviour without the flag".to_owned();
            lead(story, loaded, *upstream);
        }
    }
}

fn destination(loaded: &Loaded, route: &Route, subject: &Subject<'_>, now: Timestamp) -> Option<UpstreamId> {
    match &route.destination {
        Destination::Upstream(upstream) => Some(*upstream),
        Destination::Variants { flag, upstreams } => {
            let served = decide(&loaded.snapshot.flags, *flag, subject, now).variant;
            upstreams.get(served.index()).copied()
        }
    }
}

/// Says where the request goes.
fn lead(story: &mut Story, loaded: &Loaded, id: UpstreamId) {
    let upstream = loaded.snapshot.upstreams.get(id.index());
    story.upstream = Some(upstream.map_or(String::new(), |upstream| upstream.name.to_string()));
    story.reads = Some(loaded.snapshot.routes.reads(id));
}

/// The headers that tell the upstream what was decided.
fn headers(story: &mut Story, loaded: &Loaded, route: &Route, subject: &Subject<'_>, now: Timestamp) {
    let snapshot = &loaded.snapshot;
    let (plan, flags) = (&snapshot.headers, &snapshot.flags);
    let mut add = |name: &Option<Box<str>>, value: Option<String>| {
        if let (Some(name), Some(value)) = (name, value) {
            story.headers.push((name.to_string(), value));
        }
    };
    add(&plan.tenant, subject.tenant.map(str::to_owned));
    add(&plan.user, subject.user.map(str::to_owned));
    if let Some(header) = &plan.flags {
        let gated = route.gate.as_ref().map_or(&[][..], |gate| gate.flags());
        add(
            &Some(header.name.clone()),
            header.list(flags, gated, subject, now).value,
        );
    }
    for (id, name) in &plan.per_flag {
        let served = decide(flags, *id, subject, now).variant;
        let variant = flags.flag(*id).and_then(|flag| flag.variant(served));
        add(
            &Some(name.clone()),
            variant.map(|variant| variant.name.to_string()),
        );
    }
    add(&plan.revision, Some(snapshot.revision.to_string()));
}

impl Story {
    /// The story of a path that can be read in two ways: where this reading's request would be forwarded, and
    /// the other's falls on a gate that is not open, the other's.
    fn or_stricter(self, other: Self) -> Self {
        if self.upstream.is_none() || other.passes || other.route.is_none() {
            return self;
        }
        if !self.passes && other.upstream.is_some() && other.upstream != self.upstream {
            let answer =
                "404, as for an unknown path: two closed gates lead to different upstreams".to_owned();
            return Self {
                answer,
                upstream: None,
                reads: None,
                headers: Vec::new(),
                ..other
            };
        }
        other
    }
}

impl GateStory {
    /// `OPEN`, `CLOSED` or `UNDECIDED`.
    pub(super) fn verdict(&self) -> &'static str {
        match self.truth {
            Truth::Open => "OPEN",
            Truth::Closed => "CLOSED",
            Truth::Undecided => "UNDECIDED",
        }
    }
}
