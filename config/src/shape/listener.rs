//! The form of listeners: addresses, TLS and limits of connections.

use std::ops::RangeInclusive;

use super::allow::Allow;
use super::text::{FilePath, Name, SocketAddress};
use crate::form::{Boolean, Duration, List, Placed, Size, Whole, fields, group, object, parsed, words};
use crate::settings::ConnectionLimits as Limits;
use crate::tls::{ClientCertificateMode, MAX_CERTIFICATES, TlsVersion};
use crate::validate::InvalidValue;

/// The maximum number of listeners.
const MAX_LISTENERS: usize = 64;
/// The upper bound of `head_fields`: the HTTP layer accepts no more.
const MAX_HEAD_FIELDS: i64 = 256;

/// The values of `head_size`, in bytes.
const HEAD_SIZES: RangeInclusive<usize> = 1024..=1024 * 1024;

/// The listeners.
pub(crate) type Listeners = List<Listener, 1, MAX_LISTENERS>;
/// A number of connections.
type Connections = Whole<usize, 1, 1_000_000>;

fields! {
    /// Address that accepts requests.
    Listener("a listener") => ListenerFields {
        /// Name, for logs.
        name: must Name,
        /// IP address and port; with port 0 the system chooses one.
        address: must SocketAddress,
        /// TLS of its connections. Default: none.
        tls: field ListenerTls,
        /// Accepts HTTP/2 without TLS from clients that begin with its preface. Default: false.
        h2c: field Boolean,
        /// Requires a PROXY header of a trusted proxy at the start of each connection. Default: false.
        proxy_protocol: field Boolean,
        /// Aborts the request of a client that ends its side of the connection, instead of answering it. Default: false.
        abort_on_close: field Boolean,
        /// Limits of its connections.
        limits: field ConnectionLimits,
        /// Warnings about the listener that are expected. Default: none.
        _allow("allow"): field Allow,
    }
}

object! {
    /// Limits of connections, in time, size and number.
    ConnectionLimits("a listener's limits"): Limits {
        /// Maximum time for the head of a request. Default: 10s.
        head_timeout: strict Timeout = Limits::default().head_timeout_ms,
        /// Maximum time for the body of a request. Default: 10m.
        body_timeout: strict Timeout = Limits::default().body_timeout_ms,
        /// Maximum time to write one part of an answer. Default: 60s.
        write_timeout: strict Timeout = Limits::default().write_timeout_ms,
        /// Maximum time that a connection is idle. Default: 60s.
        idle_timeout: strict Timeout = Limits::default().idle_timeout_ms,
        /// Maximum size of a request head. Default: 32KiB.
        head_size: strict HeadSize = Limits::default().head_size,
        /// Maximum number of fields of a request head. Default: 100.
        head_fields: strict Whole<usize, 1, MAX_HEAD_FIELDS> = Limits::default().head_fields,
        /// Maximum number of connections at once. Default: 10000.
        connections: strict Connections = Limits::default().connections,
        /// Maximum number of connections from one address (IPv6: one /64). Trusted proxies are exempt. Default: 1000.
        connections_per_client: strict Connections = Limits::default().connections_per_client,
    } => Limits {
        head_timeout_ms: head_timeout,
        body_timeout_ms: body_timeout,
        write_timeout_ms: write_timeout,
        idle_timeout_ms: idle_timeout,
        head_size, head_fields, connections, connections_per_client,
    }
}

parsed! {
    /// A duration over 0.
    Timeout: Duration, "out-of-range", u64 = |ms, field| match ms {
        0 => Err(InvalidValue::new(format!("`{field}` is zero"), "write at least `1ms`")),
        _ => Ok(ms),
    };
    /// The maximum size of a head.
    HeadSize: Size, "out-of-range", usize = |bytes, _| {
        let size = usize::try_from(bytes).ok().filter(|size| HEAD_SIZES.contains(size));
        let title = || format!("the maximum size of a head can't be {bytes} bytes");
        size.ok_or_else(|| InvalidValue::new(title(), "write a size from `1KiB` to `1MiB`"))
    };
}

fields! {
    /// Certificates and TLS versions. Changes of certificates need no restart.
    ListenerTls("a listener's TLS") => ListenerTlsFields {
        /// Fields that the TLS of the admin listener has, too.
        server: include ServerTls,
        /// Offers HTTP/2 by ALPN. Default: true.
        http2: field Boolean,
    }
}

object! {
    /// Certificates and TLS versions. Changes of certificates need no restart.
    AdminTls("the admin listener's TLS"): ServerTlsFields<'s> {
        /// Fields that the TLS of other listeners has, too.
        server: include ServerTls,
    } => server
}

group! {
    /// The fields of the TLS of every listener.
    ServerTls => ServerTlsFields {
        /// Certificates, selected by the requested name (SNI). The first is used for all other names.
        certificates: must List<Placed<Certificate>, 1, MAX_CERTIFICATES>,
        /// Minimum version of TLS. Default: 1.2.
        min_version: field TlsVersion,
        /// Request for certificates of clients. Default: none.
        client_certificates: field ClientCertificates,
    }
}

words! { TlsVersion { "1.2" => Tls12, "1.3" => Tls13 } }

fields! {
    /// Certificate and private key, in PEM.
    Certificate("a certificate") => CertificateFields {
        /// Path of the certificate, followed by its intermediates.
        cert: must FilePath,
        /// Path of its private key, not encrypted.
        key: must FilePath,
    }
}

fields! {
    /// Certificates that are requested from clients.
    ClientCertificates("client certificates") => ClientCertificatesFields {
        /// Path of the certificates of the authorities that issue them, in PEM.
        ca: must FilePath,
        /// `required`: a handshake without a certificate fails. Default: required.
        mode: field ClientCertificateMode,
    }
}

words! { ClientCertificateMode { "required" => Required, "optional" => Optional } }
