//! A connection of a client as bytes, encrypted or not.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};

use rustls::{ClientConnection, HandshakeKind, StreamOwned};
use socket2::{Domain, Socket, Type};

use crate::PATIENCE;
use crate::certificates::TlsClient;

/// A connection of a client.
#[derive(Debug)]
pub(crate) enum Pipe {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Pipe {
    pub(crate) fn plain(address: SocketAddr) -> io::Result<Self> {
        connect(address).map(Self::Plain)
    }

    /// Connects from an address of this machine, as another client.
    pub(crate) fn plain_from(address: SocketAddr, source: IpAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(source, 0).into())?;
        socket.connect(&address.into())?;
        configured(socket.into()).map(Self::Plain)
    }

    pub(crate) fn tls(address: SocketAddr, tls: &TlsClient) -> io::Result<Self> {
        let stream = tls.handshake(connect(address)?)?;
        Ok(Self::Tls(Box::new(stream)))
    }

    /// Returns the connection below TLS.
    pub(crate) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }

    /// Returns the TLS connection, if there is one.
    pub(crate) fn agreed(&self) -> Option<&ClientConnection> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => Some(&stream.conn),
        }
    }

    /// Closes the sending side.
    pub(crate) fn finish(&mut self) {
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        let _ = self.tcp().shutdown(Shutdown::Write);
    }

    /// Returns true if TLS resumed an earlier session.
    pub(crate) fn is_resumed(&self) -> bool {
        let kind = self.agreed().and_then(|connection| connection.handshake_kind());
        kind == Some(HandshakeKind::Resumed)
    }
}

impl Read for Pipe {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(bytes),
            Self::Tls(stream) => stream.read(bytes),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    configured(TcpStream::connect(address)?)
}

fn configured(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}
