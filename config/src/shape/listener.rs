//! The form of listeners: where requests arrive, and how connections to them are encrypted.

use super::text::{FilePath, Name, SocketAddress};
use crate::form::{Boolean, Duration, List, Placed, Size, Whole, fields, group, object, words};
use crate::tls::{ClientCertificateMode, MAX_CERTIFICATES, TlsVersion};

/// The most listeners.
const MAX_LISTENERS: usize = 64;
/// The most fields of a head that may be allowed: the HTTP layer takes no more.
const MAX_HEAD_FIELDS: i64 = 256;

/// The listeners.
pub(crate) type Listeners = List<Listener, 1, MAX_LISTENERS>;
/// A number of connections.
type Connections = Whole<usize, 1, 1_000_000>;

fields! {
    /// An address that requests arrive at.
    Listener("a listener") => ListenerFields {
        /// Its name, in logs.
        name: required Name,
        /// IP address and port; port 0: the system chooses.
        address: required SocketAddress,
        /// TLS on its connections; left out: none.
        tls: optional ListenerTls,
        /// Whether HTTP/2 without TLS is taken, by its preface; left out: false.
        h2c: optional Boolean,
        /// Whether connections begin with a PROXY header of a trusted proxy; left out: false.
        proxy_protocol: optional Boolean,
        /// What connections may take.
        limits: optional ConnectionLimits,
    }
}

fields! {
    /// What connections may take, in time, size and number.
    ConnectionLimits("a listener's limits") => ConnectionLimitsFields {
        /// How long the head of a request may take; left out: 10s.
        head_timeout: optional Duration,
        /// How long the body of a request may take; left out: 10m.
        body_timeout: optional Duration,
        /// How long a client may take none of what is written to it; left out: 60s.
        write_timeout: optional Duration,
        /// How long a connection may be idle; left out: 60s.
        idle_timeout: optional Duration,
        /// The largest head; left out: 32KiB.
        head_size: optional Size,
        /// The most fields of a head; left out: 100.
        head_fields: optional Whole<usize, 1, MAX_HEAD_FIELDS>,
        /// The most connections at a time; left out: 10000.
        connections: optional Connections,
        /// The same from one address (IPv6: one /64), trusted proxies excepted; left out: 1000.
        connections_per_client: optional Connections,
    }
}

fields! {
    /// Certificates and versions. Changes need no restart.
    ListenerTls("a listener's TLS") => ListenerTlsFields {
        /// The fields that it has in common with the admin listener's.
        server: include ServerTls,
        /// Whether HTTP/2 is offered; left out: true.
        http2: optional Boolean,
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
        certificates: required List<Placed<Certificate>, 1, MAX_CERTIFICATES>,
        /// The oldest version of TLS; left out: 1.2.
        min_version: optional TlsVersion,
        /// Clients are asked for certificates; left out: they aren't.
        client_certificates: optional ClientCertificates,
    }
}

words! { TlsVersion { "1.2" => Tls12, "1.3" => Tls13 } }

fields! {
    /// A certificate and its key, in PEM.
    Certificate("a certificate") => CertificateFields {
        /// The certificate, then those between it and its root.
        cert: required FilePath,
        /// Its private key, not encrypted.
        key: required FilePath,
    }
}

fields! {
    /// Which certificates clients have, and whether they must.
    ClientCertificates("client certificates") => ClientCertificatesFields {
        /// Who has to have issued them, in PEM.
        ca: required FilePath,
        /// Whether a client without one is turned away; left out: required.
        mode: optional ClientCertificateMode,
    }
}

words! { ClientCertificateMode { "required" => Required, "optional" => Optional } }
