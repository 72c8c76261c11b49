//! Routes: the requests that they match, the required token, the gate, and the actions of an open and a
//! closed gate.

use crate::{
    Cause, FlagId, Gate, RateLimit, Reads, RouteConflict, RouteId, RouteMatch, RouteTable, Site,
    TargetOptions, UpstreamId,
};

/// The most flags that one route observes beside those of its gate.
pub const MAX_OBSERVED: usize = 8;
/// The most flags that all routes observe together.
pub const MAX_ALL_OBSERVED: usize = 100;

/// A route, compiled.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its name, in logs, metrics and explanations.
    pub name: Box<str>,
    /// The place of its definition.
    pub site: Site,
    /// The token requirement.
    pub auth: Auth,
    /// The treatment of CORS preflights.
    pub preflight: Preflight,
    /// The condition over flags; none: always open.
    pub gate: Option<Gate>,
    /// The enforcement of the gate.
    pub mode: GateMode,
    /// The action if a flag of the gate can't be decided.
    pub on_error: OnError,
    /// The largest body of a request, in bytes; none: any.
    pub body_limit: Option<u64>,
    /// The rate limit for each tenant or client.
    pub limit: Option<RateLimit>,
    /// The flags that its requests count for beside those of the gate, in key order.
    pub observed: Box<[FlagId]>,
    /// The destination behind an open gate.
    pub destination: Destination,
    /// The action of a closed gate.
    pub otherwise: Otherwise,
    /// The actions for single causes of the decision that closed the gate; they replace `otherwise`.
    pub causes: Box<[(Cause, Otherwise)]>,
}

impl Route {
    /// Returns the action of the closed gate for a decision with this cause.
    #[must_use]
    pub fn otherwise_for(&self, cause: Cause) -> &Otherwise {
        self.causes
            .iter()
            .find(|(given, _)| *given == cause)
            .map_or(&self.otherwise, |(_, otherwise)| otherwise)
    }

    /// Returns the flags of its gate and those that it observes. A flag may occur twice.
    pub fn flags(&self) -> impl Iterator<Item = FlagId> {
        let gated = self.gate.as_ref().map_or(&[][..], Gate::flags);
        gated.iter().chain(&self.observed).copied()
    }

    /// Returns every upstream that requests of this route may be sent to.
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
                Otherwise::Answer(_) => None,
            });
        open.iter().copied().chain(closed)
    }
}

/// The token requirement of a route, from the least strict to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Auth {
    /// Tokens are not read.
    None,
    /// A valid token identifies the caller. With anything else the caller is anonymous.
    Lenient,
    /// A valid token, or none at all; a bad one is a 401.
    Optional,
    /// A valid token of a tenant, or 401.
    Required,
}

impl Auth {
    /// Returns true if a request can be refused for its token.
    #[must_use]
    pub fn can_refuse(self) -> bool {
        match self {
            Self::None | Self::Lenient => false,
            Self::Optional | Self::Required => true,
        }
    }
}

/// The treatment of CORS preflights, which browsers send without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preflight {
    /// Preflights need a token and an open gate like other requests.
    #[default]
    Gated,
    /// Preflights are forwarded without a token and without the gate.
    Open,
}

/// The enforcement of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GateMode {
    /// It does.
    #[default]
    Enforce,
    /// It is decided, counted and reported, and everything goes through.
    Shadow,
}

/// The action if a flag of the gate can't be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// The answer is 503.
    #[default]
    Closed,
    /// The request goes through; never for permission flags.
    Open,
}

/// The destination behind an open gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To one upstream.
    Upstream(UpstreamId),
    /// To the upstream of the served variant.
    Variants {
        /// The flag whose variant selects the upstream.
        flag: FlagId,
        /// The upstream of each variant, in the flag's own order.
        upstreams: Box<[UpstreamId]>,
    },
}

/// The action of a closed gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Otherwise {
    /// The request is forwarded to another upstream, such as that of the existing behaviour.
    Upstream(UpstreamId),
    /// The proxy answers.
    Answer(ClosedAnswer),
}

/// The proxy's answer for a closed gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClosedAnswer {
    /// An error answer.
    Reject(Reject),
    /// A redirect to another place.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// The `Location` header's value.
        location: Box<str>,
    },
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// 400 to 599.
    pub status: u16,
    /// True if the answer names the flag and the tenant's remedies.
    pub reveal: bool,
    /// The operator's own body.
    pub body: Option<RejectBody>,
}

/// An operator's body for an error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectBody {
    /// Its media type.
    pub content_type: Box<str>,
    /// The bytes.
    pub bytes: Box<[u8]>,
}

/// The action for a request that no route matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmatched {
    /// It is forwarded, ungated.
    Upstream {
        /// The upstream.
        upstream: UpstreamId,
        /// The token requirement.
        auth: Auth,
    },
    /// It is refused with this status.
    Reject(u16),
}

impl Unmatched {
    /// Returns the token requirement. A rejected request needs no identity.
    fn auth(&self) -> Auth {
        match self {
            Self::Upstream { auth, .. } => *auth,
            Self::Reject(_) => Auth::None,
        }
    }
}

/// All routes, with the table that finds the one for a request.
#[derive(Debug)]
pub struct Routes {
    table: RouteTable,
    routes: Box<[Route]>,
    /// The readings of each upstream, by id.
    reads: Box<[Reads]>,
    /// The combined readings of the upstreams of each route; the last entry is that of unmatched requests.
    may_read: Box<[Reads]>,
    /// The action for a request that no route matches.
    pub unmatched: Unmatched,
    /// The options for normalising targets.
    pub target: TargetOptions,
}

impl Routes {
    /// Builds the table of `routes`, in the order of the document. `reads` are the readings of each upstream,
    /// by id.
    ///
    /// # Errors
    /// Every pair of routes that can't be distinguished.
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
            Unmatched::Upstream { upstream, .. } => of(*upstream),
            Unmatched::Reject(_) => Reads::EXACT,
        };
        let may_read: Box<[Reads]> = routes.iter().map(any_of).chain([unmatched_reads]).collect();
        table.add_reading_indexes(reads.iter().chain(&may_read).copied());
        Ok(Self {
            table,
            routes: routes.into_boxed_slice(),
            reads,
            may_read,
            unmatched,
            target,
        })
    }

    /// Returns the table that finds the route of a request.
    #[must_use]
    pub fn table(&self) -> &RouteTable {
        &self.table
    }

    /// Returns the route with this id.
    #[must_use]
    pub fn route(&self, id: RouteId) -> Option<&Route> {
        self.routes.get(id.index())
    }

    /// Returns the token requirement of a request that this route decides; of an unmatched one for `None`.
    #[must_use]
    pub fn auth(&self, route: Option<RouteId>, is_preflight: bool) -> Auth {
        let route = route.and_then(|id| self.route(id));
        route.map_or_else(|| self.unmatched.auth(), |route| route.auth_for(is_preflight))
    }

    /// Returns the readings of this upstream.
    #[must_use]
    pub fn reads(&self, upstream: UpstreamId) -> Reads {
        self.reads.get(upstream.index()).copied().unwrap_or_default()
    }

    /// Returns the combined readings of the upstreams of this route; of unmatched requests for `None`.
    #[must_use]
    pub fn may_read(&self, route: Option<RouteId>) -> Reads {
        let place = route.map_or(self.routes.len(), RouteId::index);
        self.may_read.get(place).copied().unwrap_or_default()
    }

    /// Returns every route, in the order of the document.
    #[must_use]
    pub fn all(&self) -> &[Route] {
        &self.routes
    }
}
