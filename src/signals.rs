//! Signals of a process that serves. They are handled from its first lines on: by default each of them would end the
//! process without a drain and without a line in the log.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing::info;

use crate::upgrade::HandOver;
use crate::{process_log, terminal};

/// Maximum of signals that wait to be handled. Further ones of the same kind count as one.
const MAX_WAITING: usize = 8;

/// The request of a signal, or of a process that connected to the upgrade socket.
#[derive(Debug, Clone)]
pub(crate) enum SignalRequest {
    /// To end the process.
    End(EndSignal),
    /// To reload the files: SIGHUP.
    Reload,
    /// To open log files again: SIGUSR1.
    ReopenLogs,
    /// To upgrade the binary: SIGUSR2.
    Upgrade,
    /// To hand the sockets and the store over.
    HandOver(HandOver),
}

/// A signal that ends the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndSignal {
    /// SIGTERM.
    Terminate,
    /// SIGQUIT.
    Quit,
    /// SIGINT, for example by Ctrl-C.
    Interrupt,
    /// SIGHUP, because the terminal was closed.
    Hangup,
}

impl EndSignal {
    /// Returns the name of the signal.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Quit => "SIGQUIT",
            Self::Interrupt => "SIGINT",
            Self::Hangup => "SIGHUP",
        }
    }

    /// Returns true if the drain waits for load balancers first. A person at a terminal does not wait for that.
    pub(crate) fn is_delayed(self) -> bool {
        match self {
            Self::Terminate | Self::Quit => true,
            Self::Interrupt | Self::Hangup => false,
        }
    }
}

/// The signals of this process, handled by a thread that ends when this is dropped.
pub(crate) struct Signals {
    requests: Receiver<SignalRequest>,
    is_serving: Arc<AtomicBool>,
    sender: SignalSender,
}

/// A sender of further requests.
#[derive(Debug, Clone)]
pub(crate) struct SignalSender(Sender<SignalRequest>);

impl SignalSender {
    /// Sends a request. Blocks while too many wait. Returns false if no one receives it any more.
    pub(crate) fn send(&self, request: SignalRequest) -> bool {
        self.0.blocking_send(request).is_ok()
    }
}

impl Signals {
    /// Handles the signals of this process from now on. Until [`Signals::hold`] is called, a signal to end the process
    /// ends it at once, with exit code 0.
    ///
    /// # Errors
    /// The system refuses a handler or a thread.
    pub(crate) fn install() -> Result<Self> {
        let (sender, requests) = channel(MAX_WAITING);
        let is_serving = Arc::new(AtomicBool::new(false));
        let runtime = handlers(&sender, &is_serving).context("can't handle signals")?;
        let further = SignalSender(sender.clone());
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || runtime.block_on(sender.closed()))
            .context("can't handle signals")?;
        Ok(Self {
            requests,
            is_serving,
            sender: further,
        })
    }

    /// Makes every request wait for [`Signals::next`] from now on. Called before the process listens, so that it drains
    /// whatever it has accepted.
    pub(crate) fn hold(&self) {
        self.is_serving.store(true, Ordering::Release);
    }

    /// Returns a sender of further requests.
    pub(crate) fn sender(&self) -> SignalSender {
        self.sender.clone()
    }

    /// Returns the next request if there is one already.
    pub(crate) fn waiting(&mut self) -> Option<SignalRequest> {
        self.requests.try_recv().ok()
    }

    /// Returns the next request. Blocks until there is one.
    pub(crate) fn next(&mut self) -> Option<SignalRequest> {
        self.requests.blocking_recv()
    }

    /// Waits for the next request.
    pub(crate) async fn next_in_drain(&mut self) -> SignalRequest {
        match self.requests.recv().await {
            Some(request) => request,
            None => pending().await,
        }
    }
}

/// Installs the handlers, as tasks of a new runtime.
fn handlers(requests: &Sender<SignalRequest>, is_serving: &Arc<AtomicBool>) -> io::Result<Runtime> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let inside = runtime.enter();
    // Without a handler, a write beyond the limit of file sizes ends the process. With one, the write fails.
    drop(signal(SignalKind::from_raw(libc::SIGXFSZ))?);
    let was_attached = terminal::is_attached();
    let hangup = move || {
        if was_attached && !terminal::is_attached() {
            SignalRequest::End(EndSignal::Hangup)
        } else {
            SignalRequest::Reload
        }
    };
    handle(SignalKind::hangup(), requests, is_serving, hangup)?;
    let requested = [
        (SignalKind::terminate(), SignalRequest::End(EndSignal::Terminate)),
        (SignalKind::quit(), SignalRequest::End(EndSignal::Quit)),
        (SignalKind::interrupt(), SignalRequest::End(EndSignal::Interrupt)),
        (SignalKind::user_defined1(), SignalRequest::ReopenLogs),
        (SignalKind::user_defined2(), SignalRequest::Upgrade),
    ];
    for (kind, request) in requested {
        handle(kind, requests, is_serving, move || request.clone())?;
    }
    drop(inside);
    Ok(runtime)
}

/// Installs the handler of one signal, in the current runtime.
fn handle(
    kind: SignalKind,
    requests: &Sender<SignalRequest>,
    is_serving: &Arc<AtomicBool>,
    request: impl Fn() -> SignalRequest + Send + 'static,
) -> io::Result<()> {
    let mut received = signal(kind)?;
    let (requests, is_serving) = (requests.clone(), Arc::clone(is_serving));
    tokio::spawn(async move {
        while received.recv().await.is_some() {
            let request = request();
            if let SignalRequest::End(signal) = request
                && !is_serving.load(Ordering::Acquire)
            {
                end_at_start(signal);
            }
            if requests.send(request).await.is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// Ends a process that does not serve yet.
fn end_at_start(signal: EndSignal) -> ! {
    process_log::write_counts();
    info!("ended by {} before it served", signal.name());
    process_log::flush();
    std::process::exit(0)
}
