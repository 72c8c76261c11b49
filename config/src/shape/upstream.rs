//! The form of upstreams: endpoints, protocol, TLS, health checks and timeouts.

use std::fmt::Display;
use std::ops::RangeInclusive;

use rules::{
    Balance, HealthCheck as Check, HealthProbe, Host, MAX_RETRIES, MAX_WEIGHT, NoneHealthy, Read, Reads,
    UpstreamProtocol,
};
use rustls::pki_types::ServerName;

use super::allow::Allow;
use super::listener::Certificate;
use super::text::{FilePath, Off, UpstreamName};
use crate::form::{Duration, Field, List, Map, Placed, Whole, fields, object, parsed, union, words};
use crate::validate::{InvalidValue, Validator};

/// The maximum number of endpoints of an upstream.
const MAX_ENDPOINTS: usize = 256;

/// The default of `status` in a health check.
const GOOD: RangeInclusive<u16> = 200..=299;
/// The values of `resolve_interval`, in milliseconds.
const RESOLVE_INTERVAL_MS: RangeInclusive<u64> = 1_000..=3_600_000;

parsed! {
    EndpointAddress("`HOST:PORT`", "invalid-endpoint"): (Box<str>, u16) = |text| {
        if let Some((scheme, rest)) = text.split_once("://") {
            let authority = rest.split('/').next().unwrap_or_default();
            // Without user information, which is a secret.
            let authority = authority.rsplit('@').next().unwrap_or_default();
            let port = if Host::parse(authority).is_ok_and(|host| host.port.is_none()) { ":80" } else { "" };
            let help = match scheme {
                "https" => "write `{ endpoints: [\"HOST:PORT\"], tls: { sni: HOST } }` without `https://`; the port of https \
                            is 443"
                    .to_owned(),
                _ => format!("write `{authority}{port}` without `{scheme}://`"),
            };
            return Err(InvalidValue::new(format!("`{text}` is a URL, not an endpoint"), help));
        }
        let help = "write a host and a port, such as `orders.internal:8080` or `[::1]:8080`";
        let refusal = |reason: &dyn Display| InvalidValue::new(format!("`{text}` is not an endpoint: {reason}"), help);
        let host = Host::parse(text).map_err(|reason| refusal(&reason))?;
        let port = host.port.filter(|port| *port > 0);
        let name = host.name.trim_start_matches('[').trim_end_matches(']');
        Ok((name.into(), port.ok_or_else(|| refusal(&"it has no port"))?))
    };
    ProbePath("a path such as `/healthz`", "invalid-path"): Box<str> = |text| {
        let is_target = |c: char| c.is_ascii_graphic() && !matches!(c, '#' | '"' | '<' | '>' | '\\');
        let path = (text.starts_with('/') && text.chars().all(is_target)).then(|| text.into());
        let help = "write a path such as `/healthz`; percent-encode other characters";
        path.ok_or_else(|| InvalidValue::new(format!("`{text}` is not a path that can be requested"), help))
    };
    ProbeHost("a host name", "invalid-host"): Box<str> = |text| {
        let help = "write a host such as `orders.internal`, or leave it out";
        InvalidValue::of(Host::parse(text).map(|_| text.into()), help)
    };
    CertifiedName("a host name", "invalid-host"): Box<str> = |text| {
        let help = "write the host name in the upstream's certificate, such as `orders.internal`";
        let name = ServerName::try_from(text).map(|_| text.into());
        name.map_err(|_| InvalidValue::new(format!("`{text}` is not a name that a certificate can have"), help))
    };
}

parsed! {
    /// A duration over 0.
    TimeLimit: Duration, "invalid-time-limit", u64 = |ms, field| match ms {
        0 => Err(InvalidValue::new(format!("`{field}` is zero"), "write a duration greater than 0, such as `3s`")),
        _ => Ok(ms),
    };
    /// A time from one resolution of names to the next.
    ResolveInterval: Duration, "out-of-range", u64 = |ms, _| {
        let title = "the interval between resolutions of names is out of range";
        let interval = Some(ms).filter(|ms| RESOLVE_INTERVAL_MS.contains(ms));
        interval.ok_or_else(|| InvalidValue::new(title, "write a duration from `1s` to `1h`"))
    };
}

/// The upstreams, by name. An invalid one keeps its name.
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
    /// Endpoints of one service, and how to connect to them.
    UpstreamObject("an upstream") => UpstreamFields {
        /// Host and port of each endpoint.
        endpoints: must List<Endpoint, 1, MAX_ENDPOINTS>,
        /// Protocol of the upstream. Default: http1. `http2` without TLS uses prior knowledge.
        protocol: field UpstreamProtocol,
        /// TLS of connections to it. Default: none.
        tls: field UpstreamTls,
        /// Health checks of endpoints. Default: none.
        health: field HealthCheck,
        /// Selection of an endpoint. Default: round_robin. `sticky` selects by tenant.
        balance: field Balance,
        /// Maximum number of retries of a request, if a retry is safe. Default: 3.
        retries: field Whole<u32, 0, { MAX_RETRIES as i64 }>,
        /// Maximum number of requests at once; more are answered with 503. Default: unlimited.
        max_in_flight: field Whole<u32, 1, 1_000_000>,
        /// Ejection of an endpoint that fails. Default: for 10s after 5 failures in a row.
        ejection: field Ejection,
        /// Interval between resolutions of host names. Default: 30s.
        resolve_interval: field ResolveInterval,
        /// Maximum time to connect to one address. Default: 3s.
        connect_timeout: field TimeLimit,
        /// Maximum time between two reads. Default: 60s.
        read_timeout: field TimeLimit,
        /// Maximum time of one write. Default: 60s.
        write_timeout: field TimeLimit,
        /// Time that an idle connection is kept. Default: 60s.
        idle_timeout: field Duration,
        /// Maximum time from the choice of an endpoint to the end of its answer. Default: unlimited.
        total_timeout: field TimeLimit,
        /// Maximum time that a WebSocket is silent. Default: 1h.
        tunnel_timeout: field TimeLimit,
        /// Ways beyond RFC 3986 in which the application may read a path. Default: all.
        reads: field PathReads,
        /// Warnings about the upstream that are expected. Default: none.
        _allow("allow"): field Allow,
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

/// The word for an upstream that reads paths as RFC 3986 defines them.
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
    /// Address of an endpoint, and its share of the requests.
    EndpointObject("an endpoint"): rules::Endpoint {
        /// Host and port.
        address: required EndpointAddress,
        /// Share of the requests, relative to the other endpoints. Default: 1.
        weight: strict Whole<u32, 1, { MAX_WEIGHT as i64 }> = 1,
    } => endpoint(address, weight)
}

fn endpoint((host, port): (Box<str>, u16), weight: u32) -> rules::Endpoint {
    rules::Endpoint { host, port, weight }
}

fields! {
    /// TLS of connections to an upstream. Its certificate is always verified.
    UpstreamTls("TLS to an upstream") => UpstreamTlsFields {
        /// Host name that is requested, and that its certificate must contain.
        sni: must CertifiedName,
        /// Path of the certificates of the only trusted authorities, in PEM. Default: those of the system.
        ca: field FilePath,
        /// Certificate that is presented if the upstream requests one. Default: none.
        client_certificate: field Certificate,
    }
}

object! {
    /// Health checks of endpoints: by a GET if there is a `path`, otherwise by a TCP connection.
    HealthCheck("a health check"): Check {
        /// Path of the GET, with its query. Default: none; a TCP connection is sufficient.
        path: field ProbePath,
        /// `Host` of the GET. Default: that of the endpoint.
        host: field ProbeHost,
        /// Status of a successful check. Default: 200 to 299.
        status: field Whole<u16, 100, 599>,
        /// Interval between checks. Default: 5s.
        interval: field TimeLimit,
        /// Maximum time of one check. Default: 2s, or `interval` if that is less.
        timeout: field TimeLimit,
        /// Number of successful checks in a row after which an endpoint receives requests again. Default: 2.
        healthy: field Whole<u32, 1, 100>,
        /// Number of failed checks in a row after which an endpoint receives no requests. Default: 3.
        unhealthy: field Whole<u32, 1, 100>,
        /// Treatment of requests if no endpoint is healthy: forward them to any, or refuse them with 503. Default:
        /// forward.
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
            let title = "the `timeout` of a check is longer than its `interval`";
            let help = "write a `timeout` of at most `interval`";
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

/// Reports a field that has no effect in a check without a `path`.
fn check_idle<T>(field: &Field<T>, validator: &mut Validator<'_>) {
    if let Field::Written(key, value) = field {
        let title = format!("`{}` has no effect in a check without a `path`", key.name);
        validator.error(
            "path-needed",
            title,
            value.span,
            "add a `path`, or remove this field",
        );
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
    /// Ejection of an endpoint that fails: it receives no requests for some time.
    EjectionObject("an ejection"): rules::Ejection {
        /// Number of failures in a row after which an endpoint is ejected. Default: 5.
        failures: strict Whole<u32, 1, 1_000> = rules::Ejection::default().failures,
        /// Time that an endpoint is ejected. Default: 10s.
        duration("for"): strict Duration = rules::Ejection::default().for_ms,
    } => rules::Ejection { failures, for_ms: duration }
}
