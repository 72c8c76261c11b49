//! The form of upstreams: endpoints that serve the same thing, and how to talk to them.

use std::fmt::Display;
use std::ops::RangeInclusive;

use rules::{
    Balance, HealthCheck as Check, HealthProbe, Host, MAX_RETRIES, MAX_WEIGHT, NoneHealthy, Read, Reads,
    UpstreamProtocol,
};
use rustls::pki_types::ServerName;

use super::listener::Certificate;
use super::text::{FilePath, Off, UpstreamName};
use crate::form::{Duration, Field, List, Map, Placed, Refusal, Whole, fields, object, parsed, union, words};
use crate::validate::Validator;

/// The most endpoints of an upstream.
const MAX_ENDPOINTS: usize = 256;

/// What a check takes for a good answer, unless the document says.
const GOOD: RangeInclusive<u16> = 200..=299;
/// How seldom and how often names may be resolved, in milliseconds.
const RESOLVE_INTERVAL_MS: RangeInclusive<u64> = 1_000..=3_600_000;

parsed! {
    EndpointAddress("`HOST:PORT`", "invalid-endpoint"): (Box<str>, u16) = |text| {
        let help = "write a host and a port, such as `orders.internal:8080` or `[::1]:8080`";
        let refusal = |reason: &dyn Display| Refusal::new(format!("`{text}` is not an endpoint: {reason}"), help);
        let host = Host::parse(text).map_err(|reason| refusal(&reason))?;
        let port = host.port.filter(|port| *port > 0);
        let name = host.name.trim_start_matches('[').trim_end_matches(']');
        Ok((name.into(), port.ok_or_else(|| refusal(&"it names no port"))?))
    };
    ProbePath("a path such as `/healthz`", "invalid-path"): Box<str> = |text| {
        let is_target = |c: char| c.is_ascii_graphic() && !matches!(c, '#' | '"' | '<' | '>' | '\\');
        let path = (text.starts_with('/') && text.chars().all(is_target)).then(|| text.into());
        let help = "write a path such as `/healthz`, percent-encoded where need be";
        path.ok_or_else(|| Refusal::new(format!("`{text}` is not a path that can be asked for"), help))
    };
    ProbeHost("a host name", "invalid-host"): Box<str> = |text| {
        let help = "write a host such as `orders.internal`, or leave it out";
        Refusal::of(Host::parse(text).map(|_| text.into()), help)
    };
    CertifiedName("a host name", "invalid-host"): Box<str> = |text| {
        let help = "write the host name in the upstream's certificate, such as `orders.internal`";
        let name = ServerName::try_from(text).map(|_| text.into());
        name.map_err(|_| Refusal::new(format!("`{text}` is not a name that a certificate can have"), help))
    };
}

parsed! {
    /// A duration over 0.
    TimeLimit: Duration, "invalid-time-limit", u64 = |ms, field| match ms {
        0 => Err(Refusal::new(format!("`{field}` leaves no time at all"), "write a duration over 0, such as `3s`")),
        _ => Ok(ms),
    };
    /// The time from one resolution of names to the next.
    ResolveInterval: Duration, "out-of-range", u64 = |ms, _| {
        let title = "names are resolved again every second at most and every hour at least";
        let interval = Some(ms).filter(|ms| RESOLVE_INTERVAL_MS.contains(ms));
        interval.ok_or_else(|| Refusal::new(title, "write a duration from `1s` to `1h`"))
    };
}

/// The upstreams, by name. One that was refused keeps its name.
pub(crate) type Upstreams = Map<Placed<UpstreamName>, Option<Upstream>, 1, 1_000>;

union! {
    Upstream("`HOST:PORT` or `{ endpoints: [HOST:PORT] }`"): UpstreamFields<'s> {
        scalar Placed<EndpointAddress> => |address: Placed<_>| UpstreamFields {
            endpoints: Field::alone(address.map(|address| vec![endpoint(address, 1)])),
            ..Default::default()
        },
        mapping UpstreamObject => |upstream| upstream,
    }
}

fields! {
    /// Endpoints that serve the same thing.
    UpstreamObject("an upstream") => UpstreamFields {
        /// Host and port of each.
        endpoints: must List<Endpoint, 1, MAX_ENDPOINTS>,
        /// What it speaks; left out: http1. http2 without TLS is by prior knowledge.
        protocol: field UpstreamProtocol,
        /// TLS on connections to it; left out: none.
        tls: field UpstreamTls,
        /// How endpoints are checked; left out: they aren't.
        health: field HealthCheck,
        /// How an endpoint is chosen; left out: round_robin. Sticky is by tenant.
        balance: field Balance,
        /// How often a request is turned to an endpoint again where that is safe; left out: 3.
        retries: field Whole<u32, 0, { MAX_RETRIES as i64 }>,
        /// The most requests at once; more are answered 503. Left out: no limit.
        max_in_flight: field Whole<u32, 1, 1_000_000>,
        /// When an endpoint that fails gets no requests for a while; left out: after 5 failures for 10s.
        ejection: field Ejection,
        /// How often host names are resolved again; left out: 30s.
        resolve_interval: field ResolveInterval,
        /// Until connected; left out: 3s.
        connect_timeout: field TimeLimit,
        /// Between two reads; left out: 60s.
        read_timeout: field TimeLimit,
        /// Of one write; left out: 60s.
        write_timeout: field TimeLimit,
        /// How long an idle connection is kept; left out: 60s.
        idle_timeout: field Duration,
        /// From the choice of an endpoint to the end of its answer; left out: no limit.
        total_timeout: field TimeLimit,
        /// How it may read paths otherwise than RFC 3986; left out: in each of these ways.
        reads: field PathReads,
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
    Endpoint("`HOST:PORT` or `{ address: HOST:PORT, weight: 1 }`"): rules::Endpoint {
        scalar EndpointAddress => |address| endpoint(address, 1),
        mapping EndpointObject => |endpoint| endpoint,
    }
}

object! {
    /// Where to connect.
    EndpointObject("an endpoint"): rules::Endpoint {
        /// Host and port.
        address: required EndpointAddress,
        /// Its share of the requests; left out: 1.
        weight: strict Whole<u32, 1, { MAX_WEIGHT as i64 }> = 1,
    } => endpoint(address, weight)
}

fn endpoint((host, port): (Box<str>, u16), weight: u32) -> rules::Endpoint {
    rules::Endpoint { host, port, weight }
}

fields! {
    /// How connections to an upstream are encrypted. Its certificate is always verified.
    UpstreamTls("TLS to an upstream") => UpstreamTlsFields {
        /// The name to ask for, which its certificate must have.
        sni: must CertifiedName,
        /// Who has to have issued its certificate, in PEM; left out: whoever the system trusts.
        ca: field FilePath,
        /// What is shown when it asks for a certificate.
        client_certificate: field Certificate,
    }
}

object! {
    /// How endpoints are checked: by a GET where there is a path, else by connecting.
    HealthCheck("a health check"): Check {
        /// What to GET; left out: a connection is enough.
        path: field ProbePath,
        /// The `Host` of the GET; left out: the endpoint's.
        host: field ProbeHost,
        /// The status of a good answer; left out: 200 to 299.
        status: field Whole<u16, 100, 599>,
        /// From one check to the next; left out: 5s.
        interval: field TimeLimit,
        /// How long one may take; left out: 2s, or `interval` if that is less.
        timeout: field TimeLimit,
        /// After so many good ones in a row it gets requests again; left out: 2.
        healthy: field Whole<u32, 1, 100>,
        /// After so many bad ones in a row it gets none; left out: 3.
        unhealthy: field Whole<u32, 1, 100>,
        /// Requests when none is healthy; left out: forward.
        none_healthy: field NoneHealthy,
    } with validator => {
        let left_out = Check::new(HealthProbe::Tcp);
        if path.key().is_none() {
            check_idle(&host, validator);
            check_idle(&status, validator);
        }
        if let (Some(timeout), Some(interval)) = (timeout.written(), interval.or(left_out.interval_ms))
            && timeout.value > interval
        {
            let title = "a check may take longer than it is until the next one";
            let help = "write a `timeout` that is not over `interval`";
            validator.error("out-of-range", title, timeout.span, help);
        }
        let interval_ms = interval.or(left_out.interval_ms)?;
        let statuses = status.optional()?.map_or(GOOD, |status| status..=status);
        let host = host.into_optional()?;
        Check {
            probe: match path.into_optional()? {
                Some(path) => HealthProbe::Http { path, host, statuses },
                None => HealthProbe::Tcp,
            },
            interval_ms,
            timeout_ms: timeout.or(left_out.timeout_ms.min(interval_ms))?,
            healthy: healthy.or(left_out.healthy)?,
            unhealthy: unhealthy.or(left_out.unhealthy)?,
            none_healthy: none_healthy.or(left_out.none_healthy)?,
        }
    }
}

/// Reports a field of a check that has no path.
fn check_idle<T>(field: &Field<T>, validator: &mut Validator<'_>) {
    if let Field::Written(key, value) = field {
        let title = format!("`{}` is said of a check that asks for nothing", key.name);
        validator.error("path-needed", title, value.span, "add a `path`, or remove it");
    }
}

words! { NoneHealthy { "forward" => Forward, "refuse" => Refuse } }

union! {
    Ejection("`off` or `{ failures: 5, for: 10s }`"): Option<rules::Ejection> {
        scalar Off => |Off::Off| None,
        mapping EjectionObject => Some,
    }
}

object! {
    /// When an endpoint that fails gets no requests for a while.
    EjectionObject("an ejection"): rules::Ejection {
        /// After so many in a row; left out: 5.
        failures: strict Whole<u32, 1, 1_000> = rules::Ejection::default().failures,
        /// For so long; left out: 10s.
        duration("for"): strict Duration = rules::Ejection::default().for_ms,
    } => rules::Ejection { failures, for_ms: duration }
}
