//! One connection of an upgrade: lines of bounded length and time, one of them with sockets.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// The longest line, in bytes.
const MAX_LINE_BYTES: usize = 64 * 1024;
/// The maximum of sockets: 64 listeners, admin, health, and that for the admins of orgs.
const MAX_SOCKETS: usize = 67;
/// Time for a write.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection whose peer is a process of the same user.
#[derive(Debug)]
pub(super) struct Link {
    stream: UnixStream,
    peer: u32,
}

impl Link {
    /// Checks the user of the peer.
    ///
    /// # Errors
    /// The peer has another user, or the connection can't be used.
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        let peer = rustix::net::sockopt::socket_peercred(&stream)?;
        let own = rustix::process::geteuid();
        if peer.uid != own {
            let (peer, own) = (peer.uid.as_raw(), own.as_raw());
            let words = format!("the process has user {peer}, not {own}");
            return Err(io::Error::new(ErrorKind::PermissionDenied, words));
        }
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        Ok(Self {
            stream,
            peer: peer.pid.as_raw_nonzero().get().unsigned_abs(),
        })
    }

    /// Returns the id of the peer's process.
    pub(super) fn peer(&self) -> u32 {
        self.peer
    }

    /// Sends a line.
    pub(super) fn send(&self, line: &str) -> io::Result<()> {
        (&self.stream).write_all(format!("{line}\n").as_bytes())
    }

    /// Sends a line with sockets.
    pub(super) fn send_sockets(&self, line: &str, sockets: &[&TcpListener]) -> io::Result<()> {
        if sockets.len() > MAX_SOCKETS {
            return Err(io::Error::other("too many sockets"));
        }
        let descriptors: Vec<_> = sockets.iter().map(|socket| socket.as_fd()).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_SOCKETS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(io::Error::other("too many sockets"));
        }
        let line = format!("{line}\n");
        let sent = rustix::io::retry_on_intr(|| {
            sendmsg(
                &self.stream,
                &[IoSlice::new(line.as_bytes())],
                &mut ancillary,
                SendFlags::NOSIGNAL,
            )
        })?;
        // The sockets have left with the first bytes.
        (&self.stream).write_all(line.as_bytes().get(sent..).unwrap_or_default())
    }

    /// Waits for the next line, for at most `time`.
    pub(super) fn receive(&self, time: Duration) -> io::Result<String> {
        self.receive_rest(Vec::new(), Instant::now() + time)
    }

    /// Waits for the next line and its sockets, for at most `time`.
    pub(super) fn receive_sockets(&self, time: Duration) -> io::Result<(String, Vec<OwnedFd>)> {
        let deadline = Instant::now() + time;
        self.stream.set_read_timeout(Some(time))?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_SOCKETS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut bytes = vec![0; MAX_LINE_BYTES];
        let mut into = [IoSliceMut::new(&mut bytes)];
        let received = rustix::io::retry_on_intr(|| {
            recvmsg(&self.stream, &mut into, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
        })?;
        let mut sockets = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                sockets.extend(descriptors);
            }
        }
        if received.bytes == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        bytes.truncate(received.bytes);
        Ok((self.receive_rest(bytes, deadline)?, sockets))
    }

    /// Returns the next line if it has arrived within `time`; none if not. Only for lines that are sent at once.
    pub(super) fn poll(&self, time: Duration) -> io::Result<Option<String>> {
        match self.receive(time) {
            Ok(line) => Ok(Some(line)),
            Err(error) if is_late(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn receive_rest(&self, mut bytes: Vec<u8>, deadline: Instant) -> io::Result<String> {
        let mut piece = [0; 1024];
        // The peer sends no line before the answer to its last, so nothing follows a line.
        while !bytes.ends_with(b"\n") {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
            // With a time limit, a signal interrupts a read even if its handler restarts others (signal(7)).
            let read = match (&self.stream).read(&mut piece) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read?,
            };
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
            if bytes.len() > MAX_LINE_BYTES {
                return Err(io::Error::other("the line is too long"));
            }
        }
        bytes.pop();
        String::from_utf8(bytes).map_err(|_| ErrorKind::InvalidData.into())
    }
}

/// Returns true if the peer has closed the connection, or has ended.
pub(super) fn has_ended(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
    )
}

/// Returns true if the time of a read has elapsed.
fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}
