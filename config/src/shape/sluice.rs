//! The form of `sluice.yaml`. The lowering checks names, addresses and patterns further.

use super::admin::{Admin, ChangePolicy, ConsoleObject, HealthObject};
use super::allow::Allow;
use super::answer::{Body, Unmatched};
use super::flags_store::Store;
use super::headers::Headers;
use super::issuer::{Identity, IssuerList};
use super::limits::ProcessLimits;
use super::listener::Listeners;
use super::notify::{MAX_SINKS, Sink};
use super::proxies::TrustedProxies;
use super::route::RouteList;
use super::settings::{
    AccessLog, BreakGlass, Drain, Environment, Metrics, ProcessLog, Receipts, Target, Upgrade,
};
use super::text::{BodyLimit, DirectoryPath, ErrorStatus, FilePath};
use super::traces::Traces;
use super::upstream::Upstreams;
use crate::form::{
    Form as _, List, Map, Placed, PlacedText, Version, Whole, fields, single, texts, union, word_of,
};
use crate::shape::Shape;

texts! {
    IncludePath: filled "a path, relative to this document, such as `conf.d/*.yaml`";
}

fields! {
    /// Listeners, trusted issuers, upstreams, routes and gates of Sluice.
    GatewayDocument("a gateway document") => GatewayFields {
        /// Version of this format: 1.
        _version("version"): must Version,
        /// Documents whose sections are added to this one: paths, relative to this document, whose last part may contain
        /// `*`. The document that includes them is read first, then they are in the order of this list and of their names.
        _include("include"): field Include,
        /// Environment. Default: production. The lifecycle of flags is relaxed in development and staging, enforced
        /// in others.
        environment: field Environment,
        /// Addresses that accept requests. A change needs a restart.
        listeners: must Listeners,
        /// Listener of the admin API, health and metrics. Default: 127.0.0.1:9090. A change needs a restart.
        admin: field Admin,
        /// Listener of health and metrics alone, in addition to the admin listener. Default: none. A change needs a restart.
        health: field HealthObject,
        /// Web pages for others than staff. Default: none. A change needs a restart.
        console: field ConsoleObject,
        /// Conditions that changes at run time must meet. A change needs a restart.
        control: field ChangePolicy,
        /// Receivers of notifications about flags and rollout plans. Default: none. A change needs a restart.
        notify: field List<Placed<Sink>, 0, MAX_SINKS>,
        /// Location of the flags.
        flags: must Flags,
        /// Socket to kill a flag on this machine. Default: none. A change needs a restart.
        break_glass: field BreakGlass,
        /// Upgrade of the running process. Default: a socket in the runtime directory of the service, if it has one. A
        /// change needs a restart.
        upgrade: field Upgrade,
        /// Proxies whose forwarding headers are trusted. Default: none.
        trusted_proxies: field TrustedProxies,
        /// Trusted issuers of tokens.
        issuers: field IssuerList,
        /// Location of the token and of attributes in a request.
        identity: field Identity,
        /// Services that requests are forwarded to, by name.
        upstreams: must Upstreams,
        /// Routes of requests, with their gates.
        routes: field RouteList,
        /// Answer to requests that match no route. Default: 404.
        unmatched: field Unmatched,
        /// Interpretation of request targets.
        target: field Target,
        /// Headers that pass the decision on to upstreams.
        headers: field Headers,
        /// Bodies of Sluice's own answers, by status.
        errors: field Map<Placed<ErrorStatus>, Option<Body>, 0, 200>,
        /// Maximum size of a request body; 0 means unlimited. Default: 10MiB.
        body_limit: field BodyLimit,
        /// Log of errors and state changes. A change needs a restart.
        log: field ProcessLog,
        /// Log with one line for each request. A change of output or format needs a restart.
        access_log: field AccessLog,
        /// Decisions of requests that are kept in memory for `sluice why`. A change needs a restart.
        receipts: field Receipts,
        /// Export of traces. Default: none. A change needs a restart, except of `sample` and `parent`.
        traces: field Traces,
        /// Metrics that are counted on request. A change needs a restart.
        metrics: field Metrics,
        /// Shutdown of the process.
        drain: field Drain,
        /// Limits of the whole process, and of one client. A change needs a restart.
        limits: field ProcessLimits,
        /// Number of threads that serve requests. Default: one per core. A change needs a restart.
        threads: field Whole<usize, 1, 1024>,
        /// Warnings about this document that are expected. Default: none.
        _allow("allow"): field Allow,
    }
}

union! {
    Include("a path or a list of paths"): () {
        scalar IncludePath => |_| (),
        list List<IncludePath, 0, 100> => |_| (),
    }
}

impl GatewayDocument {
    pub(crate) const INCLUDE: &str = "include";
    pub(crate) const UPSTREAMS: &str = word_of!(GatewayFields.upstreams);
    pub(crate) const ROUTES: &str = word_of!(GatewayFields.routes);

    /// Returns the shape of a section.
    pub(crate) fn section(name: &str) -> Option<Shape> {
        match Self::SHAPE {
            Shape::Object(object) => object().field(name).map(|field| field.shape),
            _ => None,
        }
    }
}

/// Location of the flags, as written.
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
    /// Flags document with all flags.
    FlagsFile("a flags file") file: Placed<FilePath>, "Path of the document.";
    /// Directory of flags documents that are merged: its `*.yaml`, `*.yml` and `*.json` files.
    FlagsDirectory("a flags directory") directory: Placed<DirectoryPath>, "Path of the directory.";
}

fields! {
    /// Flags that are operated through the admin API and kept in a store.
    FlagsStore("a managed set of flags") => FlagsStoreFields {
        /// Store that keeps them.
        store: must Store,
    }
}
