//! The form of `sluice.yaml`. The lowering checks what its names, addresses and patterns must be beyond that.

use super::admin::{Admin, ChangePolicy};
use super::answer::{Body, Unmatched};
use super::headers::Headers;
use super::issuer::{Identity, Issuers};
use super::limits::ProcessLimits;
use super::listener::Listeners;
use super::proxies::TrustedProxies;
use super::route::Routes;
use super::settings::{AccessLog, BreakGlass, Drain, Environment, Target};
use super::text::{BodyLimit, ErrorStatus, FilePath};
use super::upstream::Upstreams;
use crate::form::{Map, Placed, PlacedText, Version, Whole, fields, single, texts, union, word_of};

texts! {
    DirectoryPath: any "a directory, relative to this document";
    SeedPath: any "a file or directory, relative to this document";
}

fields! {
    /// What Sluice listens on, whom it believes, where it forwards, and which gates it keeps.
    GatewayDocument("a gateway document") => GatewayFields {
        /// The version of this format: 1.
        _version("version"): must Version,
        /// The environment; left out: production. Development and staging are relaxed, others enforced.
        environment: field Environment,
        /// Where requests arrive. A change needs a restart.
        listeners: must Listeners,
        /// Where the admin API, health and metrics are; left out: 127.0.0.1:9090. A change needs a restart.
        admin: field Admin,
        /// What changes at run time must meet. A change needs a restart.
        control: field ChangePolicy,
        /// Where the flags are.
        flags: must Flags,
        /// Where a flag can be killed on this machine for a while; left out: nowhere. A change needs a restart.
        break_glass: field BreakGlass,
        /// Whose word on where a request comes from counts; left out: nobody's.
        trusted_proxies: field TrustedProxies,
        /// Whose tokens are believed.
        issuers: field Issuers,
        /// Where in a request the token and attributes are.
        identity: field Identity,
        /// Where requests are forwarded, by name.
        upstreams: must Upstreams,
        /// Which requests go where, and the gates they meet.
        routes: field Routes,
        /// What happens to other requests; left out: 404.
        unmatched: field Unmatched,
        /// How request targets are read.
        target: field Target,
        /// What upstreams are told of the decision.
        headers: field Headers,
        /// Bodies for answers of Sluice's own, by status.
        errors: field Map<Placed<ErrorStatus>, Option<Body>, 0, 200>,
        /// The largest request body; 0: none; left out: 10MiB.
        body_limit: field BodyLimit,
        /// One line for each request. A change needs a restart.
        access_log: field AccessLog,
        /// How the process ends.
        drain: field Drain,
        /// How much the process takes, and one client of it. A change needs a restart.
        limits: field ProcessLimits,
        /// Threads that serve requests; left out: one a core.
        threads: field Whole<usize, 1, 1024>,
    }
}

impl GatewayDocument {
    pub(crate) const UPSTREAMS: &str = word_of!(GatewayFields.upstreams);
    pub(crate) const ROUTES: &str = word_of!(GatewayFields.routes);
}

/// The place of the flags, as it is written.
pub(crate) enum FlagsAt<'s> {
    File(PlacedText<'s>),
    Directory(PlacedText<'s>),
    Store(FlagsStoreFields<'s>),
}

union! {
    Flags("`{ file: PATH }`, `{ directory: PATH }` or `{ store: { sqlite: PATH } }`"): FlagsAt<'s> {
        key FlagsFile => FlagsAt::File,
        key FlagsDirectory => FlagsAt::Directory,
        key FlagsStore => FlagsAt::Store,
    }
}

single! {
    /// One document with all flags.
    FlagsFile("a flags file") file: Placed<FilePath>, "Its path.";
    /// Several documents that are merged: every `*.yaml`, `*.yml` and `*.json` in it.
    FlagsDirectory("a flags directory") directory: Placed<DirectoryPath>, "Its path.";
}

fields! {
    /// Flags that are operated through the admin listener, and kept in a store.
    FlagsStore("a managed set of flags") => FlagsStoreFields {
        /// Where they are kept.
        store: must Store,
    }
}

fields! {
    /// Where flags, tenants and the audit log are kept.
    Store("a store") => StoreFields {
        /// The directory of an embedded database. A change needs a restart.
        sqlite: must DirectoryPath,
        /// The flags document that an empty store begins with; left out: none. Looked at only then.
        seed: field SeedPath,
    }
}
