//! The load: connections over HTTP/1.1 or HTTP/2 that send requests in a closed or an open loop, on one thread.

mod connection;
mod http1;
mod http2;
mod message;
mod schedule;
mod tally;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::timeout;

use self::connection::Connection;
pub(crate) use self::connection::{Protocol, exchange_once};
pub(crate) use self::http1::Http1;
pub(crate) use self::http2::Http2;
pub(crate) use self::message::{HOST, Request};
pub(crate) use self::schedule::Pace;
use self::schedule::Schedule;
pub(crate) use self::tally::Tally;
use crate::tokens::TokenCursor;

/// The requests at a time on an HTTP/2 connection.
const STREAMS: usize = 8;
/// The maximum time that a run takes longer than planned; then it fails.
const GRACE: Duration = Duration::from_secs(15);

/// One run of requests to one address.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) address: SocketAddr,
    pub(crate) protocol: Protocol,
    pub(crate) target: &'static str,
    pub(crate) tokens: Option<Arc<TokenCursor>>,
    /// The status of a correct answer.
    pub(crate) status: u16,
    /// The maximum number of requests in flight.
    pub(crate) concurrency: usize,
    pub(crate) pace: Pace,
    pub(crate) duration: Duration,
}

impl Run {
    /// Sends the requests and counts the answers.
    pub(crate) fn send(self) -> anyhow::Result<Tally> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let limit = self.duration + GRACE;
        let run = async {
            timeout(limit, self.send_all())
                .await
                .context("the run did not end in time")?
        };
        runtime.block_on(LocalSet::new().run_until(run))
    }

    async fn send_all(self) -> anyhow::Result<Tally> {
        let connections = self.connect().await?;
        let schedule = Rc::new(Schedule::start(self.pace, self.duration)?);
        let run = Rc::new(self);
        let start = Instant::now();
        let mut workers = JoinSet::new();
        for connection in connections {
            workers.spawn_local(work(Rc::clone(&run), Rc::clone(&schedule), connection));
        }
        let mut tally = Tally::new()?;
        while let Some(part) = workers.join_next().await {
            tally.add(&part??)?;
        }
        tally.elapsed = start.elapsed();
        tally.unsent = schedule.unsent();
        Ok(tally)
    }

    async fn connect(&self) -> anyhow::Result<Vec<Connection>> {
        let mut connections = Vec::new();
        while connections.len() < self.concurrency {
            let connection = Connection::open(self.protocol, self.address).await?;
            match &connection {
                Connection::Http1(_) => {}
                Connection::Http2(shared) => {
                    let streams = STREAMS.min(self.concurrency - connections.len());
                    connections.extend((1..streams).map(|_| Connection::Http2(shared.clone())));
                }
            }
            connections.push(connection);
        }
        Ok(connections)
    }
}

/// Sends requests on one connection, one after the other, until the schedule ends.
async fn work(run: Rc<Run>, schedule: Rc<Schedule>, mut connection: Connection) -> anyhow::Result<Tally> {
    let mut tally = Tally::new()?;
    while let Some(intended) = schedule.next().await {
        let token = run.tokens.as_ref().map(|tokens| tokens.take());
        let request = Request {
            target: run.target,
            token,
        };
        let answer = connection.exchange(&request).await;
        match &answer {
            Ok(answer) if answer.status == run.status => tally.record(intended.elapsed())?,
            _ => tally.failed += 1,
        }
        // A contestant may close a connection after an answer; that is no failure of the next request.
        if answer.map_or(true, |answer| answer.closes) {
            tally.reconnects += 1;
            connection = Connection::open(run.protocol, run.address).await?;
        }
    }
    Ok(tally)
}
