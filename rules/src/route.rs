//! A route: which requests it takes, who may ask, the gate they meet, and what happens on either side of it.

use crate::{
    Cause, FlagId, Gate, RateLimit, Reads, RouteConflict, RouteId, RouteMatch, RouteTable, Site,
    TargetOptions, UpstreamId,
};

/// A route, compiled.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its name, in logs, metrics and explanations.
    pub name: Box<str>,
    /// Where it was written.
    pub site: Site,
    /// Whether a token is asked for.
    pub auth: Auth,
    /// Whether that and the gate are for CORS preflights, too.
    pub preflight: Preflight,
    /// The condition over flags; none: always open.
    pub gate: Option<Gate>,
    /// Whether the gate is enforced or only watched.
    pub mode: GateMode,
    /// What happens when a flag of the gate can't be decided.
    pub on_error: OnError,
    /// The largest body of a request, in bytes; none: any.
    pub body_limit: Option<u64>,
    /// How often it may be asked, by each who asks.
    pub limit: Option<RateLimit>,
    /// Where an open gate leads.
    pub destination: Destination,
    /// What a closed gate answers.
    pub otherwise: Otherwise,
    /// What it answers instead where the flag that closed it was decided for one of these causes.
    pub causes: Box<[(Cause, Otherwise)]>,
}

impl Route {
    /// What the closed gate answers when the decision that closed it has this cause.
    #[must_use]
    pub fn otherwise_for(&self, cause: Cause) -> &Otherwise {
        self.causes
            .iter()
            .find(|(given, _)| *given == cause)
            .map_or(&self.otherwise, |(_, otherwise)| otherwise)
    }

    /// Every upstream that a request of this route may be sent to.
    fn upstreams(&self) -> impl Iterator<Item = UpstreamId> {
        let open = match &self.destination {
            Destination::Upstream(upstream) => std::slice::from_ref(upstream),
            Destination::Variants { upstreams, .. } => upstreams,
        };
        let closed = self.causes.iter().map(|(_, otherwise)| otherwise);
        let closed = closed
            .chain([&self.otherwise])
            .filter_map(|otherwise| match otherwise {
                Otherwise::Upstream(upstream) => Some(*upstream),
                Otherwise::Reject(_) | Otherwise::Redirect { .. } => None,
            });
        open.iter().copied().chain(closed)
    }
}

/// Whether a route asks for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// A valid token of a tenant, or 401.
    Required,
    /// A valid token, or none at all; a bad one is a 401.
    Optional,
    /// No token is looked for.
    None,
}

/// What a CORS preflight meets, which browsers send without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preflight {
    /// What every request meets.
    #[default]
    Gated,
    /// Nothing: it is forwarded for nobody in particular.
    Open,
}

/// Whether a closed gate refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GateMode {
    /// It does.
    #[default]
    Enforce,
    /// It is decided, counted and reported, and everything goes through.
    Shadow,
}

/// What happens when a flag of the gate can't be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// The answer is 503.
    #[default]
    Closed,
    /// The request goes through; never for permission flags.
    Open,
}

/// Where an open gate leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To one upstream.
    Upstream(UpstreamId),
    /// To the upstream of the served variant.
    Variants {
        /// The flag whose variant chooses.
        flag: FlagId,
        /// The upstream of each variant, in the flag's own order.
        upstreams: Box<[UpstreamId]>,
    },
}

/// What a closed gate answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Otherwise {
    /// A refusal of our own.
    Reject(Reject),
    /// The existing behaviour.
    Upstream(UpstreamId),
    /// A redirect to another place.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// The `Location` header's value.
        location: Box<str>,
    },
}

/// A refusal of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// 400 to 599.
    pub status: u16,
    /// Whether the answer names the flag and what the tenant could do about it.
    pub reveal: bool,
    /// The operator's own body.
    pub body: Option<RejectBody>,
}

/// An operator's own body for an answer of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectBody {
    /// Its media type.
    pub content_type: Box<str>,
    /// The bytes.
    pub bytes: Box<[u8]>,
}

/// What happens to a request that no route takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmatched {
    /// It goes to this upstream, ungated.
    Upstream(UpstreamId),
    /// It is refused with this status.
    Reject(u16),
}

/// Every route and how to find the one for a request.
#[derive(Debug)]
pub struct Routes {
    table: RouteTable,
    routes: Box<[Route]>,
    /// How each upstream may read paths, by id.
    reads: Box<[Reads]>,
    /// How any upstream may that a request of each route may be sent to; last, one that no route takes.
    may_read: Box<[Reads]>,
    /// What happens to a request that no route takes.
    pub unmatched: Unmatched,
    /// How request targets are read.
    pub target: TargetOptions,
}

impl Routes {
    /// Builds the table of `routes`, in the order of the document; every pair that can't be told apart is named.
    /// `reads` says how each upstream may read paths, by id.
    pub fn build(
        routes: Vec<(RouteMatch, Route)>,
        unmatched: Unmatched,
        target: TargetOptions,
        reads: impl IntoIterator<Item = Reads>,
    ) -> Result<Self, Vec<RouteConflict>> {
        let (matches, routes): (Vec<_>, Vec<Route>) = routes.into_iter().unzip();
        let mut table = RouteTable::build(matches)?;
        let reads: Box<[Reads]> = reads.into_iter().collect();
        let of = |upstream: UpstreamId| reads.get(upstream.index()).copied().unwrap_or_default();
        let any_of = |route: &Route| route.upstreams().map(of).fold(Reads::EXACT, Reads::union);
        let unmatched_reads = match &unmatched {
            Unmatched::Upstream(upstream) => of(*upstream),
            Unmatched::Reject(_) => Reads::EXACT,
        };
        let may_read: Box<[Reads]> = routes.iter().map(any_of).chain([unmatched_reads]).collect();
        table.read_as(reads.iter().chain(&may_read).copied());
        Ok(Self {
            table,
            routes: routes.into_boxed_slice(),
            reads,
            may_read,
            unmatched,
            target,
        })
    }

    /// How a request finds its route.
    #[must_use]
    pub fn table(&self) -> &RouteTable {
        &self.table
    }

    /// The route with this id.
    #[must_use]
    pub fn route(&self, id: RouteId) -> Option<&Route> {
        self.routes.get(id.index())
    }

    /// How this upstream may read paths.
    #[must_use]
    pub fn reads(&self, upstream: UpstreamId) -> Reads {
        self.reads.get(upstream.index()).copied().unwrap_or_default()
    }

    /// How the upstreams may read paths that a request of this route may be sent to, or one that no route takes.
    #[must_use]
    pub fn may_read(&self, route: Option<RouteId>) -> Reads {
        let place = route.map_or(self.routes.len(), RouteId::index);
        self.may_read.get(place).copied().unwrap_or_default()
    }

    /// Every route, in the order of the document.
    #[must_use]
    pub fn all(&self) -> &[Route] {
        &self.routes
    }
}
