//! Identifies the server as an admin API of Sluice before the client sends it a token or a change. The request for the
//! identity has no token, and uses the connection that the token will use.

use std::time::Duration;

use bytes::Bytes;
use control::api::{SERVICE, VERSION};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use serde_json::Value;
use tokio::time::timeout;

use super::address::ServerAddress;
use super::error::ClientError;
use crate::cli::render::json;

/// Longest body of the identity, in bytes. The page of another application is not read to its end.
const MAX_BODY_BYTES: usize = 4 * 1024;

/// Requests the identity of `server`, within `max_wait`. On success the connection is ready for the request itself.
///
/// # Errors
/// The server is not an admin API of this version, or does not answer. Nothing else was sent.
pub(super) async fn recognise(
    sender: &mut SendRequest<Full<Bytes>>,
    question: Request<Full<Bytes>>,
    server: &ServerAddress,
    max_wait: Duration,
) -> Result<(), ClientError> {
    let identified = timeout(max_wait, query_identity(sender, question, server)).await;
    identified.map_err(|_| ClientError::RecognitionTimeout {
        server: server.to_string(),
        seconds: max_wait.as_secs(),
    })?
}

async fn query_identity(
    sender: &mut SendRequest<Full<Bytes>>,
    question: Request<Full<Bytes>>,
    server: &ServerAddress,
) -> Result<(), ClientError> {
    let broken = |reason| ClientError::RecognitionBroken {
        server: server.to_string(),
        reason,
    };
    let response = sender.send_request(question).await.map_err(broken)?;
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    let not_an_admin_api = || ClientError::NotAdminApi {
        server: server.to_string(),
        status,
    };
    if status != 200 {
        return Err(not_an_admin_api());
    }
    let body = read_body(body)
        .await
        .map_err(broken)?
        .ok_or_else(not_an_admin_api)?;
    let identity: Value = serde_json::from_slice(&body).map_err(|_| not_an_admin_api())?;
    if json::text(&identity, "service") != Some(SERVICE) {
        return Err(not_an_admin_api());
    }
    match json::text(&identity, "api") {
        Some(VERSION) => {}
        Some(version) => {
            return Err(ClientError::OtherVersion {
                server: server.to_string(),
                version: version.chars().take(16).collect(),
            });
        }
        None => return Err(not_an_admin_api()),
    }
    // The token must use this connection: another one could lead to another server behind a load balancer, or to a
    // process that has taken the port since. So a server that closes it after each answer is rejected.
    sender.ready().await.map_err(|_| ClientError::ConnectionNotKept {
        server: server.to_string(),
    })
}

/// Returns the body; `None` if it is too long.
async fn read_body(mut body: Incoming) -> Result<Option<Vec<u8>>, hyper::Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame?.into_data() else { continue };
        if bytes.len().saturating_add(piece.len()) > MAX_BODY_BYTES {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Some(bytes))
}
