//! The traffic of the company: about 20 requests a second to the proxy of the demo, from its tenants except those that the
//! demo prints commands for. It ends with the runtime that it was started in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokens::Signer;
use tokio::net::TcpStream;
use tokio::time::{self, MissedTickBehavior, timeout};

use super::legacy::{DELAY_HEADER, FAILURE_HEADER};
use super::token;

/// The number of clients. Each sends one request at a time.
const CLIENTS: usize = 4;
/// The interval of the requests of one client.
const INTERVAL: Duration = Duration::from_millis(200);
/// Longest time of a request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Age at which a client signs new tokens, below their validity.
const TOKEN_AGE: Duration = Duration::from_secs(12 * 3_600);
/// One of this many requests meets an error of the application.
const FAILURE_EVERY: u64 = 251;
/// The paths of the requests. The flag with a rollout plan has the larger part.
const PATHS: [&str; 16] = [
    "/api/arrivals/today",
    "/portal/appointments",
    "/api/arrivals/today",
    "/api/routes/next",
    "/api/arrivals/technicians",
    "/api/mobile/sync",
    "/api/arrivals/today",
    "/api/dispatch/v2/board",
    "/api/arrivals/today",
    "/portal/appointments",
    "/api/arrivals/technicians",
    "/api/dispatch/assign/suggestions",
    "/api/reports/export/week",
    "/api/dispatch/move/jobs",
    "/api/invoices/electronic/outbox",
    "/api/payouts/pending",
];

/// The clients.
pub(super) struct Traffic {
    proxy: SocketAddr,
    tenants: Vec<String>,
    signer: Signer,
}

/// A client with its connection, if it has one.
struct TrafficClient {
    traffic: Arc<Traffic>,
    connection: Option<SendRequest<Empty<Bytes>>>,
    /// Number of the next request.
    next: u64,
    /// Tokens by the index of their tenant, and the time of the oldest.
    tokens: Vec<Option<String>>,
    signed: Instant,
}

impl Traffic {
    pub(super) fn new(proxy: SocketAddr, tenants: Vec<String>, signer: Signer) -> Self {
        Self {
            proxy,
            tenants,
            signer,
        }
    }

    /// Starts the clients in the current runtime.
    pub(super) fn start(self) {
        if self.tenants.is_empty() {
            return;
        }
        let traffic = Arc::new(self);
        for index in 0..CLIENTS {
            tokio::spawn(TrafficClient::new(Arc::clone(&traffic), index).run());
        }
    }
}

impl TrafficClient {
    fn new(traffic: Arc<Traffic>, index: usize) -> Self {
        let tenants = traffic.tenants.len();
        Self {
            traffic,
            connection: None,
            next: index as u64,
            tokens: vec![None; tenants],
            signed: Instant::now(),
        }
    }

    async fn run(mut self) {
        let mut ticks = time::interval(INTERVAL);
        // After a pause of the process no requests are made up for.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let number = self.next;
            self.next = number.wrapping_add(CLIENTS as u64);
            // A request that fails is not repeated: the proxy may be draining, or read an edited configuration.
            if !matches!(timeout(TIMEOUT, self.send(number)).await, Ok(Ok(()))) {
                self.connection = None;
            }
        }
    }

    async fn send(&mut self, number: u64) -> Result<()> {
        let mixed = mix(number);
        let tenant = usize::try_from(mixed).unwrap_or(usize::MAX) % self.traffic.tenants.len();
        let path = PATHS
            .get(usize::try_from(number).unwrap_or(usize::MAX) % PATHS.len())
            .copied()
            .unwrap_or("/");
        let mut request = Request::get(path)
            .header("host", self.traffic.proxy.to_string())
            .header("authorization", format!("Bearer {}", self.token(tenant)?))
            .header(DELAY_HEADER, (mixed >> 32) % 60);
        if number % FAILURE_EVERY == FAILURE_EVERY - 1 {
            request = request.header(FAILURE_HEADER, "1");
        }
        let request = request.body(Empty::new())?;
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => connect(self.traffic.proxy).await?,
        };
        connection.ready().await?;
        let mut body = connection.send_request(request).await?.into_body();
        while let Some(frame) = body.frame().await {
            frame?;
        }
        self.connection = Some(connection);
        Ok(())
    }

    /// Returns the token of a tenant.
    fn token(&mut self, index: usize) -> Result<&str> {
        if self.signed.elapsed() > TOKEN_AGE {
            self.tokens.fill(None);
            self.signed = Instant::now();
        }
        let tenant = self.traffic.tenants.get(index).context("no tenant")?;
        let place = self.tokens.get_mut(index).context("no tenant")?;
        if place.is_none() {
            *place = Some(token(&self.traffic.signer, tenant)?);
        }
        place.as_deref().context("no token")
    }
}

async fn connect(proxy: SocketAddr) -> Result<SendRequest<Empty<Bytes>>> {
    let stream = TcpStream::connect(proxy).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with its sender.
    tokio::spawn(connection);
    Ok(sender)
}

/// Mixes the bits of a number, so that tenants and delays follow no pattern (SplitMix64).
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
