//! The form of routes in `sluice.yaml`: match, token, gate, limit and upstream.

use std::num::NonZeroU32;

use rules::{
    Auth, GateMode, LimitBy, MAX_HEADER_MATCHES, MAX_LIMIT, MAX_OBSERVED, MAX_ROUTES, OnError, Preflight,
    Sited, TrailingSlash,
};

use super::UNBOUNDED;
use super::allow::Allow;
use super::answer::Otherwise;
use super::gate::Gate;
use super::text::{BodyLimit, FlagKey, HeaderName, Name, Regex, UpstreamName, VariantName};
use crate::form::{
    Boolean, Field, List, Map, Placed, PlacedText, Whole, fields, object, parsed, single, texts, union,
    word_of, words,
};
use crate::node::Span;
use crate::quantity;
use crate::validate::InvalidValue;

texts! {
    Method: any "a method such as `GET`";
    HeaderValue: any "the header's value";
}

parsed! {
    PathPattern("a path such as `/api/**`", "invalid-path"): rules::PathPattern = |text| {
        InvalidValue::of(rules::PathPattern::parse(text), "write it like `/orders`, `/orders/{id}` or `/orders/**`")
    };
    HostPattern("a host, or `*.example.com`", "invalid-host"): rules::HostPattern = |text| {
        InvalidValue::of(rules::HostPattern::parse(text), "write it like `api.example.com` or `*.example.com`")
    };
    Rate("a rate such as `100/s`, `600/m` or `5000/h`", "invalid-rate"): (NonZeroU32, u64) = |text| {
        let rate = quantity::rate(text).filter(|(count, _)| *count <= MAX_LIMIT);
        let rate = rate.and_then(|(count, per_ms)| Some((NonZeroU32::new(count)?, per_ms)));
        let help = || format!("write it like `100/s`, `600/m` or `5000/h`, with 1 to {MAX_LIMIT} requests");
        rate.ok_or_else(|| InvalidValue::new(format!("`{text}` is not a rate"), help()))
    };
}

/// The flags that requests of a route count for.
pub(crate) type ObservedFlags = List<Placed<FlagKey>, 0, MAX_OBSERVED>;

/// The routes.
pub(crate) type RouteList = List<Placed<Route>, 0, MAX_ROUTES>;

fields! {
    /// Requests that a route takes, with their gate and their upstream.
    Route("a route") => RouteFields {
        /// Name, for logs and metrics.
        name: must Name,
        /// Requests that the route takes.
        takes("match"): must Match,
        /// Token of a request. Default: required with a gate, lenient without.
        auth: field Auth,
        /// Treatment of CORS preflights: `open` exempts them from token and gate. Default: gated.
        preflight: field Preflight,
        /// Condition over flags. Default: always open.
        gate: field Sited<Gate>,
        /// Effect of the gate: `shadow` reports decisions and lets every request pass. Default: enforce.
        mode: field GateMode,
        /// State of the gate if a flag can't be decided. Default: closed.
        on_error: field OnError,
        /// Maximum size of a request body; 0 means unlimited. Default: that of all routes.
        body_limit: field BodyLimit,
        /// Rate limit of the route. Default: none.
        limit: field Limit,
        /// Flags whose arms requests of the route count for, beside those of its gate. Default: none.
        observe: field ObservedFlags,
        /// Upstream behind an open gate.
        upstream: field UpstreamName,
        /// Upstreams behind an open gate, by the served variant.
        variants: field Map<Placed<VariantName>, Option<Placed<UpstreamName>>, 1, UNBOUNDED>,
        /// Answer if the gate is closed. Default: 404.
        otherwise: field Otherwise,
        /// Warnings about the route that are expected. Default: none.
        _allow("allow"): field Allow,
    }
}

impl Route {
    pub(crate) const UPSTREAM: &str = word_of!(RouteFields.upstream);
}

impl Route {
    pub(crate) const NAME: &str = word_of!(RouteFields.name);
}

words! {
    Auth { "required" => Required, "optional" => Optional, "lenient" => Lenient, "none" => None }
}
words! { Preflight { "gated" => Gated, "open" => Open } }
words! { GateMode { "enforce" => Enforce, "shadow" => Shadow } }
words! { OnError { "closed" => Closed, "open" => Open } }

object! {
    /// Rate limit of each tenant or client; requests above it are answered with 429.
    Limit("a limit"): (rules::RateLimit, Span) {
        /// Number of requests per second, minute or hour.
        rate: required Rate,
        /// Maximum number of requests at once. Default: the number of the rate.
        burst: strict Whole<u32, 1, { MAX_LIMIT as i64 }>,
        /// Key of the count: one count per tenant or per client address.
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
    /// Requests that a route takes.
    MatchObject("a match") => MatchFields {
        /// Host of the request. Default: any.
        host: field HostPattern,
        /// Path of the request: exact, with `{name}` segments, or `/below/**`.
        path: must PathPattern,
        /// Methods of the request. Default: any.
        methods: field List<Placed<Method>, 1, 32>,
        /// Conditions on headers of the request, by name. All must hold.
        headers: field Map<Placed<HeaderName>, Option<HeaderMatch>, 0, MAX_HEADER_MATCHES>,
        /// Treatment of a trailing slash after a path without `/**`. Default: either.
        trailing_slash: field TrailingSlash,
    }
}

words! { TrailingSlash { "either" => Either, "exact" => Exact } }

/// A condition on a header, as written.
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
    /// Condition that a header is present, with any value.
    HeaderPresent("a header that is present") present: Placed<Boolean>, "Always `true`.";
    /// Condition that a regular expression matches in the value of a header.
    HeaderMatching("a header that matches") matches: Placed<Regex>, "Regular expression, matched at any position.";
}
