//! The form of upstreams: endpoints that serve the same thing, and how to talk to them.

use rules::{Balance, MAX_RETRIES, MAX_WEIGHT, NoneHealthy, Read, Reads, UpstreamProtocol};

use super::listener::Certificate;
use super::text::{FilePath, HostName, Off, UpstreamName};
use crate::form::{Duration, Field, List, Map, Placed, PlacedText, Whole, fields, texts, union, words};

/// The most endpoints of an upstream.
const MAX_ENDPOINTS: usize = 256;

texts! {
    EndpointAddress: any "`HOST:PORT`";
    ProbePath: any "a path such as `/healthz`";
}

/// The upstreams, by name. One that was refused keeps its name.
pub(crate) type Upstreams = Map<Placed<UpstreamName>, Option<Upstream>, 1, 1_000>;

union! {
    Upstream("`HOST:PORT` or `{ endpoints: [HOST:PORT] }`"): UpstreamFields<'s> {
        scalar Placed<EndpointAddress> => |address: PlacedText<'s>| {
            let span = address.span;
            let value = vec![EndpointFields { address: Field::alone(address), weight: Field::LeftOut }];
            UpstreamFields { endpoints: Field::alone(Placed { value, span }), ..Default::default() }
        },
        mapping UpstreamObject => |upstream| upstream,
    }
}

fields! {
    /// Endpoints that serve the same thing.
    UpstreamObject("an upstream") => UpstreamFields {
        /// Host and port of each.
        endpoints: required List<Endpoint, 1, MAX_ENDPOINTS>,
        /// What it speaks; left out: http1. http2 without TLS is by prior knowledge.
        protocol: optional UpstreamProtocol,
        /// TLS on connections to it; left out: none.
        tls: optional UpstreamTls,
        /// How endpoints are checked; left out: they aren't.
        health: optional HealthCheck,
        /// How an endpoint is chosen; left out: round_robin. Sticky is by tenant.
        balance: optional Balance,
        /// How often a request is turned to an endpoint again where that is safe; left out: 3.
        retries: optional Whole<u32, 0, { MAX_RETRIES as i64 }>,
        /// The most requests at once; more are answered 503. Left out: no limit.
        max_in_flight: optional Whole<u32, 1, 1_000_000>,
        /// When an endpoint that fails gets no requests for a while; left out: after 5 failures for 10s.
        ejection: optional Ejection,
        /// How often host names are resolved again; left out: 30s.
        resolve_interval: optional Duration,
        /// Until connected; left out: 3s.
        connect_timeout: optional Duration,
        /// Between two reads; left out: 60s.
        read_timeout: optional Duration,
        /// Of one write; left out: 60s.
        write_timeout: optional Duration,
        /// How long an idle connection is kept; left out: 60s.
        idle_timeout: optional Duration,
        /// From the choice of an endpoint to the end of its answer; left out: no limit.
        total_timeout: optional Duration,
        /// How it may read paths otherwise than RFC 3986; left out: in each of these ways.
        reads: optional PathReads,
    }
}

words! { UpstreamProtocol { "http1" => Http1, "http2" => Http2 } }
words! { Balance { "round_robin" => RoundRobin, "least_request" => LeastRequest, "sticky" => Sticky } }
words! { Read::ALL }

union! {
    PathReads("`exact` or a list of readings such as `[fold, params]`"): Reads {
        scalar Exact => |Exact::Exact| Reads::EXACT,
        list List<Read, 1, { Read::ALL.len() }> => |reads| reads.into_iter().collect(),
    }
}

/// The word for an upstream that reads paths as RFC 3986 says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Exact {
    Exact,
}
words! { Exact { "exact" => Exact } }

union! {
    Endpoint("`HOST:PORT` or `{ address: HOST:PORT, weight: 1 }`"): EndpointFields<'s> {
        scalar Placed<EndpointAddress> =>
            |address| EndpointFields { address: Field::alone(address), weight: Field::LeftOut },
        mapping EndpointObject => |endpoint| endpoint,
    }
}

fields! {
    /// Where to connect.
    EndpointObject("an endpoint") => EndpointFields {
        /// Host and port.
        address: required EndpointAddress,
        /// Its share of the requests; left out: 1.
        weight: optional Whole<u32, 1, { MAX_WEIGHT as i64 }>,
    }
}

fields! {
    /// How connections to an upstream are encrypted. Its certificate is always verified.
    UpstreamTls("TLS to an upstream") => UpstreamTlsFields {
        /// The name to ask for, which its certificate must have.
        sni: required HostName,
        /// Who has to have issued its certificate, in PEM; left out: whoever the system trusts.
        ca: optional FilePath,
        /// What is shown when it asks for a certificate.
        client_certificate: optional Certificate,
    }
}

fields! {
    /// How endpoints are checked: by a GET where there is a path, else by connecting.
    HealthCheck("a health check") => HealthCheckFields {
        /// What to GET; left out: a connection is enough.
        path: optional ProbePath,
        /// The `Host` of the GET; left out: the endpoint's.
        host: optional HostName,
        /// The status of a good answer; left out: 200 to 299.
        status: optional Whole<u16, 100, 599>,
        /// From one check to the next; left out: 5s.
        interval: optional Duration,
        /// How long one may take; left out: 2s, or `interval` if that is less.
        timeout: optional Duration,
        /// After so many good ones in a row it gets requests again; left out: 2.
        healthy: optional Whole<u32, 1, 100>,
        /// After so many bad ones in a row it gets none; left out: 3.
        unhealthy: optional Whole<u32, 1, 100>,
        /// Requests when none is healthy; left out: forward.
        none_healthy: optional NoneHealthy,
    }
}

words! { NoneHealthy { "forward" => Forward, "refuse" => Refuse } }

union! {
    Ejection("`off` or `{ failures: 5, for: 10s }`"): Option<EjectionFields<'s>> {
        scalar Off => |Off::Off| None,
        mapping EjectionObject => Some,
    }
}

fields! {
    /// When an endpoint that fails gets no requests for a while.
    EjectionObject("an ejection") => EjectionFields {
        /// After so many in a row; left out: 5.
        failures: optional Whole<u32, 1, 1_000>,
        /// For so long; left out: 10s.
        duration("for"): optional Duration,
    }
}
