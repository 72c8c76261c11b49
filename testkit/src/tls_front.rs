//! A TLS server in front of an upstream without TLS: it completes the handshake and copies bytes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::certificates::{Authority, CertificatePair};

/// A server on loopback that ends when it is dropped.
pub struct TlsFront {
    address: SocketAddr,
    seen: Arc<SeenHandshakes>,
    runtime: Option<Runtime>,
}

#[derive(Default)]
struct SeenHandshakes {
    handshakes: AtomicUsize,
    names: Mutex<Vec<Option<String>>>,
    certificates: Mutex<Vec<Vec<u8>>>,
}

impl TlsFront {
    /// Starts a front with this certificate before `upstream`. It agrees to `protocols`, and requires
    /// certificates of `clients` if given.
    #[must_use]
    pub fn new(
        pair: &CertificatePair,
        protocols: &[&str],
        clients: Option<&Authority>,
        upstream: SocketAddr,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config(pair, protocols, clients)));
        let seen = Arc::<SeenHandshakes>::default();
        let noted = Arc::clone(&seen);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, acceptor.clone(), upstream, Arc::clone(&noted)));
            }
        });
        Self {
            address,
            seen,
            runtime: Some(runtime),
        }
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the number of completed handshakes.
    #[must_use]
    pub fn handshakes(&self) -> usize {
        self.seen.handshakes.load(Ordering::SeqCst)
    }

    /// Returns the requested server names of these handshakes.
    #[must_use]
    pub fn names(&self) -> Vec<Option<String>> {
        self.seen.names.lock().unwrap().clone()
    }

    /// Returns the certificates of clients, in DER.
    #[must_use]
    pub fn certificates(&self) -> Vec<Vec<u8>> {
        self.seen.certificates.lock().unwrap().clone()
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn config(pair: &CertificatePair, protocols: &[&str], clients: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap();
            roots.add(root).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let cert = CertificateDer::from_pem_slice(pair.cert.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let mut config = builder.with_single_cert(vec![cert], key).unwrap();
    config.alpn_protocols = protocols
        .iter()
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect();
    config
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, upstream: SocketAddr, seen: Arc<SeenHandshakes>) {
    // Some tests use a client that does not trust this server.
    let Ok(mut outside) = acceptor.accept(stream).await else {
        return;
    };
    seen.handshakes.fetch_add(1, Ordering::SeqCst);
    let connection = outside.get_ref().1;
    let name = connection.server_name().map(str::to_owned);
    seen.names.lock().unwrap().push(name);
    if let Some(certificate) = connection.peer_certificates().and_then(<[_]>::first) {
        seen.certificates.lock().unwrap().push(certificate.to_vec());
    }
    if let Ok(mut inside) = TcpStream::connect(upstream).await {
        let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
    }
}
