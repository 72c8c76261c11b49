//! The form of listeners: where requests arrive, and how connections to them are encrypted.

use std::ops::RangeInclusive;

use super::text::{FilePath, Name, SocketAddress};
use crate::form::{
    Boolean, Duration, List, Placed, Refusal, Size, Whole, fields, group, object, parsed, words,
};
use crate::settings::ConnectionLimits as Limits;
use crate::tls::{ClientCertificateMode, MAX_CERTIFICATES, TlsVersion};

/// The most listeners.
const MAX_LISTENERS: usize = 64;
/// The most fields of a head that may be allowed: the HTTP layer takes no more.
const MAX_HEAD_FIELDS: i64 = 256;

/// The sizes that the largest head may have, in bytes.
const HEAD_SIZES: RangeInclusive<usize> = 1024..=1024 * 1024;

/// The listeners.
pub(crate) type Listeners = List<Listener, 1, MAX_LISTENERS>;
/// A number of connections.
type Connections = Whole<usize, 1, 1_000_000>;

fields! {
    /// An address that requests arrive at.
    Listener("a listener") => ListenerFields {
        /// Its name, in logs.
        name: must Name,
        /// IP address and port; port 0: the system chooses.
        address: must SocketAddress,
        /// TLS on its connections; left out: none.
        tls: field ListenerTls,
        /// Whether HTTP/2 without TLS is taken, by its preface; left out: false.
        h2c: field Boolean,
        /// Whether connections begin with a PROXY header of a trusted proxy; left out: false.
        proxy_protocol: field Boolean,
        /// What connections may take.
        limits: field ConnectionLimits,
    }
}

object! {
    /// What connections may take, in time, size and number.
    ConnectionLimits("a listener's limits"): Limits {
        /// How long the head of a request may take; left out: 10s.
        head_timeout: strict Timeout = Limits::default().head_timeout_ms,
        /// How long the body of a request may take; left out: 10m.
        body_timeout: strict Timeout = Limits::default().body_timeout_ms,
        /// How long a client may take none of what is written to it; left out: 60s.
        write_timeout: strict Timeout = Limits::default().write_timeout_ms,
        /// How long a connection may be idle; left out: 60s.
        idle_timeout: strict Timeout = Limits::default().idle_timeout_ms,
        /// The largest head; left out: 32KiB.
        head_size: strict HeadSize = Limits::default().head_size,
        /// The most fields of a head; left out: 100.
        head_fields: strict Whole<usize, 1, MAX_HEAD_FIELDS> = Limits::default().head_fields,
        /// The most connections at a time; left out: 10000.
        connections: strict Connections = Limits::default().connections,
        /// The same from one address (IPv6: one /64), trusted proxies excepted; left out: 1000.
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
        0 => Err(Refusal::new(format!("`{field}` is no time at all"), "write at least `1ms`")),
        _ => Ok(ms),
    };
    /// The size of the largest head.
    HeadSize: Size, "out-of-range", usize = |bytes, _| {
        let size = usize::try_from(bytes).ok().filter(|size| HEAD_SIZES.contains(size));
        let title = || format!("a head of at most {bytes} bytes can't be asked for");
        size.ok_or_else(|| Refusal::new(title(), "write from `1KiB` to `1MiB`"))
    };
}

fields! {
    /// Certificates and versions. Changes need no restart.
    ListenerTls("a listener's TLS") => ListenerTlsFields {
        /// The fields that it has in common with the admin listener's.
        server: include ServerTls,
        /// Whether HTTP/2 is offered; left out: true.
        http2: field Boolean,
    }
}

object! {
    /// Certificates and versions. Changes need no restart.
    AdminTls("the admin listener's TLS"): ServerTlsFields<'s> {
        /// The fields that it has in common with other listeners'.
        server: include ServerTls,
    } => server
}

group! {
    /// The fields of TLS on any listener.
    ServerTls => ServerTlsFields {
        /// The certificates, chosen by the name that a client asks for; the first also for any other name.
        certificates: must List<Placed<Certificate>, 1, MAX_CERTIFICATES>,
        /// The oldest version of TLS; left out: 1.2.
        min_version: field TlsVersion,
        /// Clients are asked for certificates; left out: they aren't.
        client_certificates: field ClientCertificates,
    }
}

words! { TlsVersion { "1.2" => Tls12, "1.3" => Tls13 } }

fields! {
    /// A certificate and its key, in PEM.
    Certificate("a certificate") => CertificateFields {
        /// The certificate, then those between it and its root.
        cert: must FilePath,
        /// Its private key, not encrypted.
        key: must FilePath,
    }
}

fields! {
    /// Which certificates clients have, and whether they must.
    ClientCertificates("client certificates") => ClientCertificatesFields {
        /// Who has to have issued them, in PEM.
        ca: must FilePath,
        /// Whether a client without one is turned away; left out: required.
        mode: field ClientCertificateMode,
    }
}

words! { ClientCertificateMode { "required" => Required, "optional" => Optional } }
