//! The form of routes in `sluice.yaml`: which requests they take, whom they ask for a token, where they lead.

use std::num::NonZeroU32;

use rules::{
    Auth, GateMode, LimitBy, MAX_HEADER_MATCHES, MAX_LIMIT, MAX_ROUTES, OnError, Preflight, Sited,
    TrailingSlash,
};

use super::UNBOUNDED;
use super::answer::Otherwise;
use super::flags::VariantName;
use super::gate::Gate;
use super::text::{BodyLimit, HeaderName, Name, Regex, UpstreamName};
use crate::form::{
    Boolean, Field, List, Map, Placed, PlacedText, Refusal, Whole, fields, object, parsed, single, texts,
    union, word_of, words,
};
use crate::node::Span;
use crate::quantity;

texts! {
    Method: any "a method such as `GET`";
    HeaderValue: any "the header's value";
}

parsed! {
    PathPattern("a path such as `/api/**`", "invalid-path"): rules::PathPattern = |text| {
        Refusal::of(rules::PathPattern::parse(text), "write it like `/orders`, `/orders/{id}` or `/orders/**`")
    };
    HostPattern("a host, or `*.example.com`", "invalid-host"): rules::HostPattern = |text| {
        Refusal::of(rules::HostPattern::parse(text), "write it like `api.example.com` or `*.example.com`")
    };
    Rate("a rate such as `100/s`, `600/m` or `5000/h`", "invalid-rate"): (NonZeroU32, u64) = |text| {
        let rate = quantity::rate(text).filter(|(count, _)| *count <= MAX_LIMIT);
        let rate = rate.and_then(|(count, per_ms)| Some((NonZeroU32::new(count)?, per_ms)));
        let help = || format!("write it like `100/s`, `600/m` or `5000/h`, with 1 to {MAX_LIMIT} requests");
        rate.ok_or_else(|| Refusal::new(format!("`{text}` is not a rate"), help()))
    };
}

/// The routes.
pub(crate) type Routes = List<Placed<Route>, 0, MAX_ROUTES>;

fields! {
    /// Which requests it takes, who may ask, the gate they meet, and where they go.
    Route("a route") => RouteFields {
        /// Its name, in logs and metrics.
        name: must Name,
        /// Which requests it takes.
        takes("match"): must Match,
        /// Whether a token is asked for; left out: required with a gate, none without.
        auth: field Auth,
        /// Whether CORS preflights meet auth and gate; left out: gated.
        preflight: field Preflight,
        /// The condition over flags.
        gate: field Sited<Gate>,
        /// Whether a closed gate refuses; left out: enforce.
        mode: field GateMode,
        /// When a flag can't be decided; left out: closed.
        on_error: field OnError,
        /// The largest request body; 0: any; left out: that of all routes.
        body_limit: field BodyLimit,
        /// How often it may be asked.
        limit: field Limit,
        /// Where an open gate leads.
        upstream: field UpstreamName,
        /// Where an open gate leads, by the served variant.
        variants: field Map<Placed<VariantName>, Option<Placed<UpstreamName>>, 1, UNBOUNDED>,
        /// What a closed gate answers; left out: 404.
        otherwise: field Otherwise,
    }
}

impl Route {
    pub(crate) const NAME: &str = word_of!(RouteFields.name);
}

words! { Auth { "required" => Required, "optional" => Optional, "none" => None } }
words! { Preflight { "gated" => Gated, "open" => Open } }
words! { GateMode { "enforce" => Enforce, "shadow" => Shadow } }
words! { OnError { "closed" => Closed, "open" => Open } }

object! {
    /// How often a tenant or a client may ask; more is a 429.
    Limit("a limit"): (rules::RateLimit, Span) {
        /// So many requests in a second, minute or hour.
        rate: required Rate,
        /// How many at once; left out: the number of the rate.
        burst: strict Whole<u32, 1, { MAX_LIMIT as i64 }>,
        /// Whose requests are counted together.
        by: required Placed<LimitBy>,
    } => {
        let (count, per_ms) = rate;
        let burst = burst.map_or(Some(count), NonZeroU32::new)?;
        (rules::RateLimit { count, per_ms, burst, by: by.value }, by.span)
    }
}

words! { LimitBy { "tenant" => Tenant, "client" => Client } }

union! {
    Match("a path or `{ path: PATH }`"): MatchFields<'s> {
        scalar Placed<PathPattern> => |path| MatchFields { path: Field::alone(path), ..Default::default() },
        mapping MatchObject => |takes| takes,
    }
}

fields! {
    /// Which requests a route takes.
    MatchObject("a match") => MatchFields {
        /// The host; left out: any.
        host: field HostPattern,
        /// Exact, with `{name}` segments, or `/below/**`.
        path: must PathPattern,
        /// The methods; left out: any.
        methods: field List<Placed<Method>, 1, 32>,
        /// What headers must be.
        headers: field Map<Placed<HeaderName>, Option<HeaderMatch>, 0, MAX_HEADER_MATCHES>,
        /// Whether an exact path minds one.
        trailing_slash: field TrailingSlash,
    }
}

words! { TrailingSlash { "either" => Either, "exact" => Exact } }

/// What a header must be, as it is written.
pub(crate) enum HeaderMatches<'s> {
    Exactly(PlacedText<'s>),
    Present(Placed<bool>),
    Regex(PlacedText<'s>),
}

union! {
    HeaderMatch("a text, `{ present: true }` or `{ matches: PATTERN }`"): HeaderMatches<'s> {
        scalar Placed<HeaderValue> => HeaderMatches::Exactly,
        key HeaderPresent => HeaderMatches::Present,
        key HeaderMatching => HeaderMatches::Regex,
    }
}

single! {
    /// Whatever its value.
    HeaderPresent("a header that is present") present: Placed<Boolean>, "True.";
    /// A regular expression finds a match in its value.
    HeaderMatching("a header that matches") matches: Placed<Regex>, "The expression.";
}
