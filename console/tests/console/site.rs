//! A console over a control plane in memory, and a visitor of its pages without a browser.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use console::{Audience, Console, ConsoleParts, Origins, Sessions};
use control::api::{Api, Clock, EventStreams};
use control::operators::{Known, Operators, StaticToken, TokenHash};
use control::{JudgeRollouts, LifecyclePolicy, ReadNode, ReadTraffic, Role};
use http_body_util::BodyExt as _;
use rules::{AdminHosts, Timestamp};
use testkit::{ControlFixture, START};
use tower::ServiceExt as _;

use crate::echo_explain::EchoExplain;
use crate::fixed_traffic::{FixedTraffic, NoTraffic};

/// The address that requests are for.
const HOST: &str = "127.0.0.1:9090";

/// A console, and what it operates.
pub(crate) struct Site {
    pub(crate) fixture: ControlFixture,
    pub(crate) operators: Arc<Operators>,
    /// The current time, in ms since 1970.
    pub(crate) now: Arc<AtomicI64>,
    router: Router,
    /// The cookie of the session of the next requests, once somebody signed in.
    cookie: Mutex<Option<String>>,
}

/// The people who may use a console, and how.
struct Access {
    operators: Operators,
    audience: Audience,
    origins: Origins,
}

impl Access {
    /// Any caller on this machine.
    fn local() -> Self {
        Self {
            operators: Operators::local(),
            audience: Audience::Everyone,
            origins: Origins::default(),
        }
    }
}

/// A page that was received.
pub(crate) struct Received {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Site {
    /// Creates a console without operators over this flags document.
    pub(crate) fn new(document: &str) -> Self {
        Self::with_policy(LifecyclePolicy::default(), document)
    }

    /// Creates a console without operators over this flags document, with a policy of promotions.
    pub(crate) fn with_policy(policy: LifecyclePolicy, document: &str) -> Self {
        Self::with_traffic(policy, document, Arc::new(FixedTraffic))
    }

    /// Creates a console without operators over this flags document, with a policy of promotions and a traffic.
    pub(crate) fn with_traffic(
        policy: LifecyclePolicy,
        document: &str,
        traffic: Arc<dyn ReadTraffic>,
    ) -> Self {
        Self::of(ControlFixture::new(policy, document), traffic)
    }

    /// Creates a console without operators over an empty store.
    pub(crate) fn empty() -> Self {
        let fixture = ControlFixture::open(Arc::default(), LifecyclePolicy::default());
        Self::of(fixture, Arc::new(NoTraffic))
    }

    fn of(fixture: ControlFixture, traffic: Arc<dyn ReadTraffic>) -> Self {
        Self::assemble(fixture, Access::local(), None, (traffic, None), None)
    }

    /// Creates a console without operators over a control plane, with a traffic and a node.
    pub(crate) fn of_plane(
        fixture: ControlFixture,
        traffic: Arc<dyn ReadTraffic>,
        node: Arc<dyn ReadNode>,
    ) -> Self {
        Self::assemble(fixture, Access::local(), None, (traffic, Some(node)), None)
    }

    /// Creates a console over a control plane, with a clock, a traffic, and a judge of rollouts.
    pub(crate) fn over(
        fixture: ControlFixture,
        clock: Clock,
        traffic: Arc<dyn ReadTraffic>,
        judge: Option<Arc<dyn JudgeRollouts>>,
    ) -> Self {
        Self::assemble(fixture, Access::local(), Some(clock), (traffic, None), judge)
    }

    /// Creates a console for operators with these tokens.
    pub(crate) fn of_operators(tokens: Vec<StaticToken>, audience: Audience, origins: Origins) -> Self {
        let document = "{ version: 1, tiers: [a], flags: { board: { lifecycle: ga } } }";
        let fixture = ControlFixture::new(LifecyclePolicy::default(), document);
        let operators = Operators::of(Known {
            tokens,
            ..Known::default()
        });
        let access = Access {
            operators,
            audience,
            origins,
        };
        Self::assemble(fixture, access, None, (Arc::new(FixedTraffic), None), None)
    }

    fn assemble(
        fixture: ControlFixture,
        access: Access,
        clock: Option<Clock>,
        (traffic, node): (Arc<dyn ReadTraffic>, Option<Arc<dyn ReadNode>>),
        judge: Option<Arc<dyn JudgeRollouts>>,
    ) -> Self {
        let operators = Arc::new(access.operators);
        let streams = EventStreams::new();
        let now = Arc::new(AtomicI64::new(START));
        let shown = Arc::clone(&now);
        let clock = clock.unwrap_or_else(|| Arc::new(move || Timestamp(shown.load(Ordering::Relaxed))));
        let mut api = Api::new(
            Arc::clone(&fixture.control),
            Arc::clone(&operators),
            Arc::new(EchoExplain),
            std::env::temp_dir(),
        )
        .with_traffic(traffic)
        .with_streams(streams.clone())
        .with_clock(Arc::clone(&clock));
        if let Some(judge) = judge {
            api = api.with_judge(judge);
        }
        if let Some(node) = node {
            api = api.with_node(node);
        }
        let control = Arc::clone(&fixture.control);
        let parts = ConsoleParts {
            api: control::api::router(Arc::new(api)),
            operators: Arc::clone(&operators),
            sessions: Sessions::of_file(None),
            audience: access.audience,
            hosts: AdminHosts::default(),
            origins: access.origins,
            streams,
            revision: Arc::new(move || control.read(|state, _| state.revision.0)),
            clock,
        };
        let console = Arc::new(Console::new(parts).unwrap());
        Self {
            fixture,
            operators,
            now,
            router: console::router(console),
            cookie: Mutex::new(None),
        }
    }

    /// Signs in with this role, for the next requests; `org` is that of an org-admin.
    pub(crate) fn visit_as(&self, role: Role, org: Option<&str>) -> &Self {
        let (token, hash) = TokenHash::issue().unwrap();
        let known = StaticToken {
            name: "vera".to_owned(),
            role,
            org: org.map(str::to_owned),
            hash,
            expires: None,
        };
        self.operators.replace(Some(Known {
            tokens: vec![known],
            ..Known::default()
        }));
        let signed_in = self.submit("/console/sign-in", &[("token", &token)]);
        let cookie = signed_in.headers[header::SET_COOKIE].to_str().unwrap();
        *self.cookie.lock() = cookie.split(';').next().map(str::to_owned);
        self
    }

    /// Requests a page.
    pub(crate) fn get(&self, path: &str) -> Received {
        self.send(Request::get(path).body(Body::empty()).unwrap())
    }

    /// Submits a form with these fields, as a page of the console does.
    pub(crate) fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Received {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, format!("http://{HOST}"));
        self.send(request.body(Body::from(body)).unwrap())
    }

    /// Submits a form of a change of the flag `board`, with the token of its page.
    pub(crate) fn change(&self, path: &str, fields: &[(&str, &str)]) -> Received {
        let token = self.get("/platform/feature-flags/board").value_of("form_token");
        let mut all = vec![("form_token", &*token)];
        all.extend_from_slice(fields);
        self.submit(path, &all)
    }

    /// Sends a request from this machine.
    pub(crate) fn send(&self, mut request: Request<Body>) -> Received {
        let headers = request.headers_mut();
        headers.entry(header::HOST).or_insert(HOST.parse().unwrap());
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000));
        request.extensions_mut().insert(ConnectInfo(peer));
        if let Some(cookie) = &*self.cookie.lock() {
            request
                .headers_mut()
                .insert(header::COOKIE, cookie.parse().unwrap());
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let bytes = body.collect().await.unwrap().to_bytes();
            Received {
                status: parts.status,
                headers: parts.headers,
                text: String::from_utf8(bytes.to_vec()).unwrap(),
            }
        })
    }
}

impl Received {
    /// Returns the value of the first field with this name.
    pub(crate) fn value_of(&self, name: &str) -> String {
        let field = format!("name=\"{name}\" value=\"");
        let (_, rest) = self
            .text
            .split_once(&field)
            .unwrap_or_else(|| panic!("no field {name}: {}", self.text));
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// Returns the text in the first field of several lines.
    pub(crate) fn text_area(&self) -> String {
        let (_, field) = self.text.split_once("<textarea").expect("a field");
        let (_, rest) = field.split_once('>').unwrap();
        let (text, _) = rest.split_once("</textarea>").unwrap();
        ["&#60;<", "&#62;>", "&#34;\"", "&#39;'", "&#38;&"]
            .iter()
            .fold(text.to_owned(), |text, escape| {
                let (name, character) = escape.split_at(5);
                text.replace(name, character)
            })
    }

    /// Returns the page that the answer redirects to.
    pub(crate) fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.headers[header::LOCATION].to_str().unwrap()
    }

    /// Checks that the page says none of these.
    pub(crate) fn hides(&self, unexpected: &[&str]) -> &Self {
        for text in unexpected {
            assert!(!self.text.contains(text), "{text} is shown: {}", self.text);
        }
        self
    }

    /// Checks that the page says each of these.
    pub(crate) fn says(&self, expected: &[&str]) -> &Self {
        for text in expected {
            assert!(self.text.contains(text), "{text} is missing: {}", self.text);
        }
        self
    }
}

impl Site {
    /// Requests a stream from this machine, calls `meanwhile` after its first part, and returns all of it.
    pub(crate) fn stream(&self, mut request: Request<Body>, meanwhile: impl FnOnce()) -> String {
        request.headers_mut().insert(header::HOST, HOST.parse().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let receive = async {
            let mut body = self.router.clone().oneshot(request).await.unwrap().into_body();
            let mut received = body.frame().await.unwrap().unwrap().into_data().unwrap().to_vec();
            meanwhile();
            while let Some(part) = body.frame().await {
                received.extend_from_slice(&part.unwrap().into_data().unwrap());
            }
            String::from_utf8(received).unwrap()
        };
        runtime.block_on(async {
            let limit = std::time::Duration::from_secs(30);
            tokio::time::timeout(limit, receive)
                .await
                .expect("the stream ends")
        })
    }
}
