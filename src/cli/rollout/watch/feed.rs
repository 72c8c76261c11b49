//! The events of a rollout plan, from a server that may restart meanwhile; and the signal that ends the command.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::event_parser::{EventParser, ServerEvent};
use crate::cli::client::ClientRequest;
use crate::cli::rejection::ServerRejection;
use crate::cli::route;
use crate::cli::session::Session;

/// The first time between two connections, which doubles up to the last one.
const MIN_DELAY: Duration = Duration::from_millis(500);
const MAX_DELAY: Duration = Duration::from_secs(10);
/// The time without a connection after which the command ends.
const GIVE_UP: Duration = Duration::from_secs(600);
/// The number of items that may wait.
const MAX_ITEMS: usize = 16;
const MEDIA_TYPE: &str = "text/event-stream";

/// The next thing that the command reacts to.
pub(super) enum FeedItem {
    /// An event, with its data.
    Event(ServerEvent, Value),
    /// The connection was lost, for this reason. It is made again.
    Lost(String),
    /// No connection can be made.
    Over(anyhow::Error),
    /// A signal ends the command.
    Interrupted,
}

/// The events of a plan. Its threads end with the process.
pub(super) struct Feed(Receiver<FeedItem>);

impl Feed {
    /// Connects, and handles the signals that end the command.
    ///
    /// # Errors
    /// The system refuses a handler or a thread.
    pub(super) fn start(session: Session, flag: &str) -> Result<Self> {
        let (sender, items) = sync_channel(MAX_ITEMS);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .context("can't handle signals")?;
        let signals = {
            let _inside = runtime.enter();
            [
                SignalKind::interrupt(),
                SignalKind::terminate(),
                SignalKind::hangup(),
            ]
            .map(signal)
            .into_iter()
            .collect::<io::Result<Vec<Signal>>>()
            .context("can't handle signals")?
        };
        let interrupted = sender.clone();
        spawn("signals", move || wait_for_any(&runtime, signals, &interrupted))?;
        let request = ClientRequest::get(route::flag(flag, "/rollout/events"))
            .with_media_type(MEDIA_TYPE)
            .about_flag(flag);
        spawn("events", move || {
            if let Some(error) = receive(&session, &request, &sender) {
                let _ = sender.send(FeedItem::Over(error));
            }
        })?;
        Ok(Self(items))
    }

    /// Returns the next item; none after this time.
    pub(super) fn next_within(&self, time: Duration) -> Option<FeedItem> {
        match self.0.recv_timeout(time) {
            Ok(item) => Some(item),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                Some(FeedItem::Over(anyhow::anyhow!("the thread of events has ended")))
            }
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(run);
    spawned.map(drop).context("can't start a thread")
}

/// Waits for a signal.
fn wait_for_any(runtime: &Runtime, mut signals: Vec<Signal>, interrupted: &SyncSender<FeedItem>) {
    runtime.block_on(std::future::poll_fn(|context| {
        let is_received = signals
            .iter_mut()
            .any(|signal| signal.poll_recv(context).is_ready());
        if is_received {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    }));
    let _ = interrupted.send(FeedItem::Interrupted);
}

/// Receives events, over one connection after the other. Returns the error that ends this; none if nobody listens.
fn receive(
    session: &Session,
    request: &ClientRequest,
    sender: &SyncSender<FeedItem>,
) -> Option<anyhow::Error> {
    let (mut was_connected, mut last) = (false, Instant::now());
    let mut delay = MIN_DELAY;
    loop {
        let mut parser = EventParser::default();
        let mut is_heard = true;
        let ended = session.stream(request, &mut |piece| {
            (was_connected, last, delay) = (true, Instant::now(), MIN_DELAY);
            for event in parser.feed(piece)? {
                let data = serde_json::from_str(&event.data).map_err(io::Error::other)?;
                is_heard = sender.send(FeedItem::Event(event, data)).is_ok();
                if !is_heard {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
            }
            Ok(())
        });
        if !is_heard {
            return None;
        }
        let reason = match ended {
            Ok(_) => "the server ended the stream".to_owned(),
            Err(error) if !is_temporary(&error, was_connected) || last.elapsed() > GIVE_UP => {
                return Some(error);
            }
            Err(error) => error.to_string(),
        };
        sender.send(FeedItem::Lost(reason)).ok()?;
        thread::sleep(jittered(delay));
        delay = delay.saturating_mul(2).min(MAX_DELAY);
    }
}

/// Returns true if another attempt may succeed. A server that was never reached is probably not there.
fn is_temporary(error: &anyhow::Error, was_connected: bool) -> bool {
    match error.downcast_ref::<ServerRejection>() {
        Some(rejection) => rejection.is_temporary(),
        None => was_connected,
    }
}

/// Returns a random time between half of the delay and the delay, so that many clients do not return at once.
fn jittered(delay: Duration) -> Duration {
    let mut random = [0_u8];
    // Without random bytes there is no jitter.
    let _ = aws_lc_rs::rand::fill(&mut random);
    let [random] = random;
    delay / 2 + (delay / 2) * u32::from(random) / 256
}
